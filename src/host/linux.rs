//! The host that runs this program: its kernel observed, and one resource changed at a time. Links,
//! addresses and routes go over rtnetlink, sysctls through /proc/sys, fou over its own family.

use super::fou::Fou;
use super::modules;
use super::netlink::Error as NetlinkError;
use super::resource::{Resource, ResourceState, Resources, Route};
use super::rtnetlink::{NewAddress, Routes, any_ip6_tunnel};
use super::snapshot::{Query, Snapshot, SnapshotError};
use super::sysctl;
use crate::text::os_error;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A part of the host that cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    #[error("{}: {}", .0.display(), os_error(.1))]
    File(PathBuf, io::Error),
    #[error("there is no device {0}")]
    NoDevice(String),
    #[error("this kernel has no module {0}, or cannot load it; run 'modprobe {0}' to see why")]
    NoModule(String),
    #[error("this kernel has no such setting")]
    NoSetting,
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl Error {
    pub fn not_permitted(&self) -> bool {
        match self {
            Error::Netlink(e) => matches!(e.code(), Some(libc::EPERM | libc::EACCES)),
            Error::File(_, e) => e.kind() == io::ErrorKind::PermissionDenied,
            Error::NoDevice(_) | Error::NoModule(_) | Error::NoSetting | Error::Snapshot(_) => {
                false
            }
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

    /// Observes the parts of the host that `query` names.
    pub fn observe(&mut self, query: &Query) -> Result<Snapshot, Error> {
        let mut snapshot = Snapshot {
            links: self.routes.links()?,
            addresses: self.routes.addresses()?,
            ..Snapshot::default()
        };
        let devices = snapshot.links.iter().map(|link| link.name.as_str());
        for device in devices.chain(["all", "default"]) {
            for (ipv6, name) in &query.device_sysctls {
                let key = sysctl::device_key(*ipv6, device, name);
                let value = sysctl::read(&key)?;
                snapshot.sysctls.insert(key, value);
            }
        }
        if query.fou_ports {
            snapshot.fou_ports = Some(self.fou.ports()?);
        }
        for &ipv6 in &query.default_routes {
            snapshot.default_routes.insert(ipv6, self.routes.default_routes(ipv6)?);
        }
        for &address in &query.neighbours {
            snapshot.neighbours.insert(address, self.routes.neighbour_on(address)?);
        }
        Ok(snapshot)
    }

    /// The index of each device.
    pub fn indexes(&mut self) -> Result<BTreeMap<String, i32>, Error> {
        Ok(self.routes.links()?.into_iter().map(|link| (link.name, link.index)).collect())
    }

    fn index(&mut self, device: &str) -> Result<i32, Error> {
        let links = self.routes.links()?;
        let link = links.iter().find(|link| link.name == device);
        link.map(|link| link.index).ok_or_else(|| Error::NoDevice(device.to_string()))
    }

    /// Adds a device. The request makes the kernel load the module of its kind. A module that
    /// creates the device itself makes the request fail with EEXIST, which is a success.
    fn add_device(
        &mut self,
        name: &str,
        kind: &str,
        module: &str,
        created: bool,
    ) -> Result<(), Error> {
        let data = if created { any_ip6_tunnel()? } else { Vec::new() };
        let mut result = self.routes.add_link(name, kind, data.clone());
        if let Err(NetlinkError::Refused { code: libc::EOPNOTSUPP, .. }) = result {
            modules::load(module);
            result = self.routes.add_link(name, kind, data);
        }
        match result {
            Err(NetlinkError::Refused { code: libc::EOPNOTSUPP, .. }) => {
                return Err(Error::NoModule(module.to_string()));
            }
            result => ignore_errno(result, libc::EEXIST)?,
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

    fn set_link_up(&mut self, device: &str, bare: bool, up: bool) -> Result<(), Error> {
        let index = self.index(device)?;
        self.routes.set_link_up(index, up)?;
        if bare && !up {
            let added_by_kernel = self.routes.delete_address(index, Ipv4Addr::LOCALHOST.into(), 8);
            ignore_errno(added_by_kernel, libc::EADDRNOTAVAIL)?;
        }
        Ok(())
    }

    fn change_default_route(
        &mut self,
        metric: u32,
        from: &ResourceState,
        to: &ResourceState,
    ) -> Result<(), Error> {
        match (to, from) {
            (ResourceState::Route(Route { raw, .. }), _) if !raw.is_empty() => {
                Ok(self.routes.restore(raw)?)
            }
            (ResourceState::Route(route), _) => {
                let (gateway, index) = self.next_hop(route)?;
                Ok(self.routes.set_default_route(gateway, index, metric)?)
            }
            (_, ResourceState::Route(route)) => {
                let (gateway, index) = self.next_hop(route)?;
                Ok(self.routes.delete_default_route(gateway, index, metric)?)
            }
            _ => Ok(()),
        }
    }

    fn next_hop(&mut self, route: &Route) -> Result<(IpAddr, i32), Error> {
        let (Some(gateway), Some(device)) = (route.gateway, &route.device) else {
            return Err(Error::NoDevice("of the default route".into()));
        };
        Ok((gateway, self.index(device)?))
    }
}

impl Resources for Host {
    fn state(&mut self, resource: &Resource) -> Result<ResourceState, Error> {
        if let Resource::Sysctl { key } = resource {
            let value = sysctl::read(key)?;
            return Ok(value.map_or(ResourceState::Absent, ResourceState::Value));
        }
        Ok(self.observe(&Query::for_resource(resource))?.state(resource)?)
    }

    fn change(
        &mut self,
        resource: &Resource,
        from: &ResourceState,
        to: &ResourceState,
    ) -> Result<(), Error> {
        let present = *to != ResourceState::Absent;
        match resource {
            Resource::Device { name, kind, module, created } => match present {
                true => self.add_device(name, kind, module, *created),
                false => {
                    let index = self.index(name)?;
                    Ok(self.routes.delete_link(index)?)
                }
            },
            Resource::Fou { port, ipv6 } => self.change_fou(*port, *ipv6, present),
            Resource::Up { device, bare } => self.set_link_up(device, *bare, present),
            Resource::Sysctl { key } => match to {
                ResourceState::Value(value) => sysctl::write(key, value),
                ResourceState::Absent | ResourceState::Present | ResourceState::Route(_) => {
                    Err(Error::NoSetting)
                }
            },
            Resource::Address { device, address, label, host_scope } => {
                let index = self.index(device)?;
                if !present {
                    let prefix = IpNet::from(*address).prefix_len();
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
            Resource::DefaultRoute { metric, .. } => self.change_default_route(*metric, from, to),
        }
    }

    fn check_writable(&mut self, resource: &Resource) -> Result<(), Error> {
        match resource {
            Resource::Sysctl { key } => sysctl::check_writable(key),
            Resource::Device { .. }
            | Resource::Fou { .. }
            | Resource::Up { .. }
            | Resource::Address { .. }
            | Resource::DefaultRoute { .. } => Ok(()),
        }
    }

    fn configured_addresses(&mut self, device: &str) -> Result<Vec<IpAddr>, Error> {
        let index = self.index(device)?;
        let addresses = self.routes.addresses()?.into_iter();
        Ok(addresses
            .filter(|a| a.index == index && !a.link_local && !added_by_kernel(a.net.addr()))
            .map(|a| a.net.addr())
            .collect())
    }
}

/// Returns true for an address that the kernel adds to devices by itself: a loopback or link-local
/// address, or on sit an IPv4 address in IPv6 form.
fn added_by_kernel(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.segments()[..6] == [0; 6],
    }
}

fn ignore_errno(result: Result<(), NetlinkError>, errno: i32) -> Result<(), NetlinkError> {
    match result {
        Err(NetlinkError::Refused { code, .. }) if code == errno => Ok(()),
        result => result,
    }
}

/// Waits until udev has handled the new device, for at most 3 seconds. Its rules apply sysctl.d to
/// the device shortly after it appears, and would overwrite a value that was set before.
fn wait_for_udev() {
    const QUEUE: &str = "/run/udev/queue";
    const INTERVAL: Duration = Duration::from_millis(50);
    const TRIES: u32 = 60;
    if !Path::new("/run/udev/control").exists() {
        return;
    }
    for _ in 0..TRIES {
        std::thread::sleep(INTERVAL);
        if !Path::new(QUEUE).exists() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_the_kernel_adds() {
        for address in ["127.0.0.1", "fe80::1", "::1", "::10.0.0.11"] {
            assert!(added_by_kernel(address.parse().expect("an address")), "{address}");
        }
        for address in ["10.0.0.100", "169.254.0.1", "fd00::100", "::ffff:10.0.0.11"] {
            assert!(!added_by_kernel(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn one_errno_is_ignored() {
        let refused = |code| Err(NetlinkError::Refused { code, text: None });
        assert!(ignore_errno(Ok(()), libc::EEXIST).is_ok());
        assert!(ignore_errno(refused(libc::EEXIST), libc::EEXIST).is_ok());
        assert!(ignore_errno(refused(libc::EPERM), libc::EEXIST).is_err());
        assert!(ignore_errno(Err(NetlinkError::Changing), libc::EEXIST).is_err());
    }

    #[test]
    fn a_lack_of_privilege_is_recognized() {
        let netlink = |code| Error::Netlink(NetlinkError::Refused { code, text: None });
        let file = |code| Error::File("/f".into(), io::Error::from_raw_os_error(code));
        assert!(netlink(libc::EPERM).not_permitted() && netlink(libc::EACCES).not_permitted());
        assert!(file(libc::EACCES).not_permitted());
        for error in [netlink(libc::EEXIST), file(libc::EROFS), Error::NoSetting] {
            assert!(!error.not_permitted(), "{error}");
        }
    }
}
