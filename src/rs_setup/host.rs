//! The kernel's side: what a host is like, and one thing of it changed at a time. Links, addresses
//! and routes over rtnetlink, sysctls by reading and writing below /proc/sys, fou over its family.

use super::observed::{Fou, Observed};
use super::settings::{Method, Settings, TunnelKind};
use super::step::{Route, State, What};
use crate::kernel_module;
use crate::netlink::attribute::{Attribute, Attributes, Malformed, Value};
use crate::netlink::error::{Error as NetlinkError, without_number};
use crate::netlink::route::{NewAddress, Routes, any_ip6_tunnel};
use crate::netlink::socket::{Family, Kernel, Netlink, Request};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Why something of the host cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    #[error("{}: {}", .0.display(), without_number(.1))]
    File(PathBuf, io::Error),
    #[error("there is no device {0}")]
    NoDevice(String),
    #[error("this kernel has no {0}: its module cannot be loaded")]
    NoModule(String),
    #[error("there is no such setting in this kernel")]
    NoSetting,
}

impl Error {
    pub fn not_permitted(&self) -> bool {
        match self {
            Error::Netlink(e) => matches!(e.code(), Some(libc::EPERM | libc::EACCES)),
            Error::File(_, e) => e.kind() == io::ErrorKind::PermissionDenied,
            Error::NoDevice(_) | Error::NoModule(_) | Error::NoSetting => false,
        }
    }
}

/// The calling thread's network namespace.
#[derive(Debug)]
pub struct Host {
    routes: Routes,
    generic: Netlink<Kernel>,
    fou: Option<Family>,
}

impl Host {
    pub fn open() -> Result<Host, Error> {
        let generic = Netlink::new(Kernel::open().map_err(NetlinkError::from)?);
        Ok(Host { routes: Routes::open()?, generic, fou: None })
    }

    /// All that a plan for `settings` looks at.
    pub fn observe(&mut self, settings: &Settings) -> Result<Observed, Error> {
        let mut seen = Observed {
            links: self.routes.links()?,
            addresses: self.routes.addresses()?,
            ..Observed::default()
        };
        let mut families = vec![false];
        let mut names = vec!["arp_ignore", "arp_announce"];
        match &settings.method {
            Method::Gatewaying => {}
            Method::Ipip(tunnel) => {
                names.push("rp_filter");
                if let TunnelKind::Gue { .. } = tunnel.kind {
                    seen.fou = self.fou_ports()?;
                }
            }
            Method::Masquerading { gateways } => {
                families.push(true);
                names.push("accept_redirects");
                seen.routes4 = self.routes.default_routes(false)?;
                seen.routes6 = self.routes.default_routes(true)?;
                for &gateway in gateways {
                    seen.neighbours.insert(gateway, self.routes.neighbour_on(gateway)?);
                }
            }
        }
        let devices: Vec<&str> =
            (seen.links.iter().map(|link| link.name.as_str())).chain(["all", "default"]).collect();
        for &ipv6 in &families {
            for device in &devices {
                for name in &names {
                    let key = super::plan::conf(ipv6, device, name);
                    if let Some(value) = read_sysctl(&key)? {
                        seen.sysctls.insert(key, value);
                    }
                }
            }
        }
        // Where VIPs can be, on devices that are no network cards.
        let homes = seen.links.iter().filter(|link| !link.arp).map(|link| link.name.as_str());
        for device in homes.chain(["default"]) {
            let key = super::plan::conf(true, device, "disable_ipv6");
            if let Some(value) = read_sysctl(&key)? {
                seen.sysctls.insert(key, value);
            }
        }
        Ok(seen)
    }

    /// How one thing is now.
    pub fn state(&mut self, what: &What) -> Result<State, Error> {
        let mut seen = Observed::default();
        match what {
            What::Sysctl { key } => {
                return Ok(read_sysctl(key)?.map_or(State::Absent, State::Value));
            }
            What::Device { .. } | What::Up { .. } => seen.links = self.routes.links()?,
            What::Fou { .. } => seen.fou = self.fou_ports()?,
            What::Address { .. } => {
                seen.links = self.routes.links()?;
                seen.addresses = self.routes.addresses()?;
            }
            What::DefaultRoute { ipv6, .. } => {
                seen.links = self.routes.links()?;
                let routes = if *ipv6 { &mut seen.routes6 } else { &mut seen.routes4 };
                *routes = self.routes.default_routes(*ipv6)?;
            }
        }
        Ok(seen.state(what))
    }

    /// Devices and their numbers.
    pub fn indexes(&mut self) -> Result<BTreeMap<String, i32>, Error> {
        Ok(self.routes.links()?.into_iter().map(|link| (link.name, link.index)).collect())
    }

    /// Addresses on a device that nobody but an administrator puts there.
    pub fn addresses_on(&mut self, device: &str) -> Result<Vec<IpAddr>, Error> {
        let index = self.index(device)?;
        let all = self.routes.addresses()?;
        Ok(all
            .into_iter()
            .filter(|a| a.index == index && !a.link_local && !by_the_kernel(a.address))
            .map(|a| a.address)
            .collect())
    }

    /// Bring one thing from a state into another.
    pub fn apply(&mut self, what: &What, from: &State, to: &State) -> Result<(), Error> {
        let there = *to != State::Absent;
        match what {
            What::Device { name, kind, module, ours } => match there {
                true => self.add_device(name, kind, module, *ours),
                false => {
                    let index = self.index(name)?;
                    Ok(self.routes.delete_link(index)?)
                }
            },
            What::Fou { port, ipv6 } => self.change_fou(*port, *ipv6, there),
            What::Up { device, bare } => {
                let index = self.index(device)?;
                self.routes.set_link_up(index, there)?;
                if *bare && !there {
                    let home = IpAddr::from([127, 0, 0, 1]);
                    tolerate(self.routes.delete_address(index, home, 8), libc::EADDRNOTAVAIL)?;
                }
                Ok(())
            }
            What::Sysctl { key } => match to {
                State::Value(value) => write_sysctl(key, value),
                State::Absent | State::Present | State::Route(_) => Err(Error::NoSetting),
            },
            What::Address { device, address, label, host_scope } => {
                let index = self.index(device)?;
                let prefix = if address.is_ipv6() { 128 } else { 32 };
                if !there {
                    return Ok(self.routes.delete_address(index, *address, prefix)?);
                }
                let new = NewAddress {
                    index,
                    address: *address,
                    label: label.as_deref(),
                    host_scope: *host_scope,
                };
                Ok(self.routes.add_address(&new)?)
            }
            What::DefaultRoute { metric, .. } => match (to, from) {
                (State::Route(Route { raw, .. }), _) if !raw.is_empty() => {
                    Ok(self.routes.restore(raw)?)
                }
                (State::Route(route), _) => {
                    let (gateway, index) = self.way(route)?;
                    Ok(self.routes.set_default_route(gateway, index, *metric)?)
                }
                (_, State::Route(route)) => {
                    let (gateway, index) = self.way(route)?;
                    Ok(self.routes.delete_default_route(gateway, index, *metric)?)
                }
                _ => Ok(()),
            },
        }
    }

    fn way(&mut self, route: &Route) -> Result<(IpAddr, i32), Error> {
        let (Some(gateway), Some(device)) = (route.gateway, &route.device) else {
            return Err(Error::NoDevice("of the route".into()));
        };
        Ok((gateway, self.index(device)?))
    }

    fn index(&mut self, device: &str) -> Result<i32, Error> {
        let links = self.routes.links()?;
        let link = links.iter().find(|link| link.name == device);
        link.map(|link| link.index).ok_or_else(|| Error::NoDevice(device.to_string()))
    }

    /// Asking for a device of a kind makes the kernel load the module, and that brings its own
    /// device along: the one that is asked for exists then, and nothing is left to do.
    fn add_device(
        &mut self,
        name: &str,
        kind: &str,
        module: &str,
        ours: bool,
    ) -> Result<(), Error> {
        let data = || if ours { any_ip6_tunnel() } else { Vec::new() };
        let mut result = self.routes.add_link(name, kind, data());
        if let Err(NetlinkError::Refused { code: libc::EOPNOTSUPP, .. }) = result {
            kernel_module::load(module);
            result = self.routes.add_link(name, kind, data());
        }
        match result {
            Err(NetlinkError::Refused { code: libc::EOPNOTSUPP, .. }) => {
                return Err(Error::NoModule(module.to_string()));
            }
            result => tolerate(result, libc::EEXIST)?,
        }
        wait_for_udev();
        Ok(())
    }

    /// The receive ports of fou; none where there is no fou.
    fn fou_ports(&mut self) -> Result<Vec<Fou>, Error> {
        if !self.generic.has_family("fou")? {
            return Ok(Vec::new());
        }
        let family = self.fou_family()?;
        let request = Request { command: fou::CMD_GET, attributes: vec![] };
        Ok(self.generic.dump(family, &request, fou::read)?)
    }

    fn change_fou(&mut self, port: u16, ipv6: bool, there: bool) -> Result<(), Error> {
        let mut family = self.fou_family();
        if let Err(NetlinkError::Refused { code: libc::ENOENT, .. }) = family {
            kernel_module::load("fou");
            family = self.fou_family();
        }
        let family = family.map_err(|e| match e.code() {
            Some(libc::ENOENT) => Error::NoModule("fou".into()),
            _ => e.into(),
        })?;
        let request = fou::change(port, ipv6, there);
        let results = self.generic.batch(family, [request])?;
        Ok(results.into_iter().collect::<Result<(), _>>()?)
    }

    fn fou_family(&mut self) -> Result<Family, NetlinkError> {
        if let Some(family) = self.fou {
            return Ok(family);
        }
        let family = self.generic.family("fou", 1)?;
        Ok(*self.fou.insert(family))
    }
}

/// The family of fou: `linux/fou.h`.
mod fou {
    use super::*;

    const CMD_ADD: u8 = 1;
    const CMD_DEL: u8 = 2;
    pub const CMD_GET: u8 = 3;
    const ATTR_PORT: u16 = 1;
    const ATTR_AF: u16 = 2;
    const ATTR_TYPE: u16 = 4;
    const ENCAP_GUE: u8 = 2;

    pub fn change(port: u16, ipv6: bool, there: bool) -> Request<'static> {
        let family = if ipv6 { libc::AF_INET6 } else { libc::AF_INET };
        let mut attributes = vec![
            Attribute::new(ATTR_PORT, Value::Be16(port)),
            Attribute::new(ATTR_AF, Value::U8(family as u8)),
        ];
        if there {
            attributes.push(Attribute::new(ATTR_TYPE, Value::U8(ENCAP_GUE)));
        }
        Request { command: if there { CMD_ADD } else { CMD_DEL }, attributes }
    }

    pub fn read(attributes: Attributes) -> Result<Fou, Malformed> {
        let mut fou = Fou { port: 0, ipv6: false, gue: false };
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind {
                ATTR_PORT => fou.port = attribute.be16()?,
                ATTR_AF => fou.ipv6 = i32::from(attribute.u8()?) == libc::AF_INET6,
                ATTR_TYPE => fou.gue = attribute.u8()? == ENCAP_GUE,
                _ => {}
            }
        }
        Ok(fou)
    }
}

/// Whether the kernel itself gives addresses like this to devices that go up: link-local ones, and
/// on sit IPv4 ones in the form of IPv6.
fn by_the_kernel(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.segments()[..6] == [0; 6],
    }
}

/// Whether a setting could be written. Nothing is.
pub fn writable(key: &str) -> Result<(), Error> {
    let path = path(key);
    match OpenOptions::new().write(true).open(&path) {
        Ok(_) => Ok(()),
        // Of a device that is not there yet.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::File(path, e)),
    }
}

fn path(key: &str) -> PathBuf {
    Path::new("/proc/sys").join(key)
}

fn read_sysctl(key: &str) -> Result<Option<String>, Error> {
    let path = path(key);
    match fs::read_to_string(&path) {
        Ok(value) => Ok(Some(value.trim_end().to_string())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::File(path, e)),
    }
}

fn write_sysctl(key: &str, value: &str) -> Result<(), Error> {
    let path = path(key);
    // Not created: a setting is there or it is not.
    let file = OpenOptions::new().write(true).open(&path);
    file.and_then(|mut file| file.write_all(value.as_bytes())).map_err(|e| Error::File(path, e))
}

fn tolerate(result: Result<(), NetlinkError>, errno: i32) -> Result<(), NetlinkError> {
    match result {
        Err(NetlinkError::Refused { code, .. }) if code == errno => Ok(()),
        result => result,
    }
}

/// systemd's rules for a new device apply sysctl.d to it, a moment after it is there. What is set
/// before that is lost; so the queue of events is waited for, not for long.
fn wait_for_udev() {
    const QUEUE: &str = "/run/udev/queue";
    const TRIES: u32 = 60;
    if !Path::new("/run/udev/control").exists() {
        return;
    }
    for _ in 0..TRIES {
        std::thread::sleep(std::time::Duration::from_millis(50));
        if !Path::new(QUEUE).exists() {
            return;
        }
    }
}
