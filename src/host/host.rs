//! The kernel's side: what a host is like, and one thing of it changed at a time. Links, addresses
//! and routes over rtnetlink, sysctls by reading and writing below /proc/sys, fou over its family.

use super::fou::Fou;
use super::modules;
use super::netlink::Error as NetlinkError;
use super::observed::Observed;
use super::resource::{Resource, ResourceState, Route};
use super::rtnetlink::{NewAddress, Routes, any_ip6_tunnel};
use crate::setup::plan::conf;
use crate::setup::settings::{Method, Settings, TunnelKind};
use crate::text::os_error;
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
    #[error("{}: {}", .0.display(), os_error(.1))]
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
pub struct Host {
    routes: Routes,
    fou: Fou,
}

impl Host {
    pub fn open() -> Result<Host, Error> {
        Ok(Host { routes: Routes::open()?, fou: Fou::open()? })
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
                    seen.fou = self.fou.ports()?;
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
                    let key = conf(ipv6, device, name);
                    if let Some(value) = read_sysctl(&key)? {
                        seen.sysctls.insert(key, value);
                    }
                }
            }
        }
        // Where VIPs can be, on devices that are no network cards.
        let homes = seen.links.iter().filter(|link| !link.arp).map(|link| link.name.as_str());
        for device in homes.chain(["default"]) {
            let key = conf(true, device, "disable_ipv6");
            if let Some(value) = read_sysctl(&key)? {
                seen.sysctls.insert(key, value);
            }
        }
        Ok(seen)
    }

    /// How one thing is now.
    pub fn state(&mut self, what: &Resource) -> Result<ResourceState, Error> {
        let mut seen = Observed::default();
        match what {
            Resource::Sysctl { key } => {
                return Ok(read_sysctl(key)?.map_or(ResourceState::Absent, ResourceState::Value));
            }
            Resource::Device { .. } | Resource::Up { .. } => seen.links = self.routes.links()?,
            Resource::Fou { .. } => seen.fou = self.fou.ports()?,
            Resource::Address { .. } => {
                seen.links = self.routes.links()?;
                seen.addresses = self.routes.addresses()?;
            }
            Resource::DefaultRoute { ipv6, .. } => {
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
    pub fn apply(
        &mut self,
        what: &Resource,
        from: &ResourceState,
        to: &ResourceState,
    ) -> Result<(), Error> {
        let there = *to != ResourceState::Absent;
        match what {
            Resource::Device { name, kind, module, ours } => match there {
                true => self.add_device(name, kind, module, *ours),
                false => {
                    let index = self.index(name)?;
                    Ok(self.routes.delete_link(index)?)
                }
            },
            Resource::Fou { port, ipv6 } => self.change_fou(*port, *ipv6, there),
            Resource::Up { device, bare } => {
                let index = self.index(device)?;
                self.routes.set_link_up(index, there)?;
                if *bare && !there {
                    let home = IpAddr::from([127, 0, 0, 1]);
                    tolerate(self.routes.delete_address(index, home, 8), libc::EADDRNOTAVAIL)?;
                }
                Ok(())
            }
            Resource::Sysctl { key } => match to {
                ResourceState::Value(value) => write_sysctl(key, value),
                ResourceState::Absent | ResourceState::Present | ResourceState::Route(_) => {
                    Err(Error::NoSetting)
                }
            },
            Resource::Address { device, address, label, host_scope } => {
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
            Resource::DefaultRoute { metric, .. } => match (to, from) {
                (ResourceState::Route(Route { raw, .. }), _) if !raw.is_empty() => {
                    Ok(self.routes.restore(raw)?)
                }
                (ResourceState::Route(route), _) => {
                    let (gateway, index) = self.way(route)?;
                    Ok(self.routes.set_default_route(gateway, index, *metric)?)
                }
                (_, ResourceState::Route(route)) => {
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
        let data = if ours { any_ip6_tunnel()? } else { Vec::new() };
        let mut result = self.routes.add_link(name, kind, data.clone());
        if let Err(NetlinkError::Refused { code: libc::EOPNOTSUPP, .. }) = result {
            modules::load(module);
            result = self.routes.add_link(name, kind, data);
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

    fn change_fou(&mut self, port: u16, ipv6: bool, present: bool) -> Result<(), Error> {
        let result = match present {
            true => self.fou.add_gue_port(port, ipv6),
            false => self.fou.delete_port(port, ipv6),
        };
        result.map_err(|e| match e {
            NetlinkError::Refused { code: libc::ENOENT, .. } if present => {
                Error::NoModule("fou".into())
            }
            e => e.into(),
        })
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
