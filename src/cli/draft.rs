//! The draft of a command: the values that options set, one after the other.

use super::value::{self, Endpoint};
use crate::command::{List, Save};
use crate::error::CommandError;
use crate::names::Names;
use crate::text::printable;
use libipvs::model::*;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;

/// The values of one command line. It starts with the defaults.
pub struct Draft<'a> {
    pub names: &'a dyn Names,
    /// The names of the options given, in order. Options of one group share a name.
    given: Vec<&'static str>,
    /// The virtual service that the command is about.
    pub key: Option<ServiceKey>,
    /// The address of the service as given, for messages.
    pub address: &'a [u8],
    pub ipv6: bool,
    /// The service to add or edit, but for its key and its scheduler flags.
    pub service: Service,
    /// Their meaning depends on the scheduler, which may be given later.
    pub scheduler_flags: &'a [u8],
    /// The real server that the command is about.
    pub server: Option<Endpoint>,
    /// The real server to add or edit, but for its key.
    pub destination: Destination,
    pub daemon: Daemon,
    pub timeouts: Timeouts,
    pub list: List,
    pub save: Save,
    /// The file to restore.
    pub file: &'a [u8],
    /// The verb was given by its long name.
    pub is_long: bool,
}

impl<'a> Draft<'a> {
    pub fn new(names: &'a dyn Names) -> Draft<'a> {
        let nowhere = DestinationKey { address: Ipv4Addr::UNSPECIFIED.into(), port: 0 };
        Draft {
            names,
            given: Vec::with_capacity(8),
            key: None,
            address: b"",
            ipv6: false,
            service: Service::new(ServiceKey::Mark { mark: NonZeroU32::MIN, family: Family::V4 }),
            scheduler_flags: b"",
            server: None,
            destination: Destination::new(nowhere, Forwarding::DirectRouting),
            daemon: Daemon::new(DaemonRole::Master),
            timeouts: Timeouts::default(),
            list: List::default(),
            save: Save::default(),
            file: b"",
            is_long: false,
        }
    }

    /// Records that an option was given. It is an error to give one twice.
    pub fn record(&mut self, name: &'static str) -> Result<(), CommandError> {
        if self.has(name) {
            return Err(CommandError::usage(format!("multiple '{name}' options specified")));
        }
        self.given.push(name);
        Ok(())
    }

    /// Returns true if an option of this name was given.
    pub fn has(&self, name: &str) -> bool {
        self.given.contains(&name)
    }

    /// Sets the service to the one at an address.
    pub fn set_service(&mut self, text: &'a [u8], protocol: Protocol) -> Result<(), CommandError> {
        let Endpoint { address, port } =
            value::endpoint(text, "virtual", Some(protocol), self.names)?;
        self.key = Some(ServiceKey::Address { protocol, address, port: port.unwrap_or(0) });
        self.address = text;
        if address.is_ipv6() {
            self.service.netmask = Netmask::whole(Family::V6);
        }
        self.apply_family()
    }

    /// Sets the service to the one of a firewall mark.
    pub fn set_mark(&mut self, text: &[u8]) -> Result<(), CommandError> {
        self.key = Some(ServiceKey::Mark { mark: value::mark(text)?, family: Family::V4 });
        self.apply_family()
    }

    /// Applies -6.
    pub fn set_ipv6(&mut self) -> Result<(), CommandError> {
        self.ipv6 = true;
        self.apply_family()
    }

    /// Turns a firewall mark to IPv6 if -6 was given. An address has a family of its own.
    fn apply_family(&mut self) -> Result<(), CommandError> {
        match &mut self.key {
            Some(ServiceKey::Mark { family: family @ Family::V4, .. }) if self.ipv6 => {
                *family = Family::V6;
                self.service.netmask = Netmask::whole(Family::V6);
                Ok(())
            }
            Some(ServiceKey::Address { address: IpAddr::V4(_), .. }) if self.ipv6 => {
                let address = printable(self.address);
                Err(CommandError::usage(format!("-6 used with the IPv4 address `{address}'")))
            }
            _ => Ok(()),
        }
    }

    /// Sets the netmask, for the family of the service so far.
    pub fn set_netmask(&mut self, text: &[u8]) -> Result<(), CommandError> {
        let family = self.key.map_or(Family::V4, |key| key.family());
        self.service.netmask = value::netmask(text, family)?;
        Ok(())
    }

    /// Sets the real server.
    pub fn set_server(&mut self, text: &[u8]) -> Result<(), CommandError> {
        let protocol = self.key.map(|key| match key {
            ServiceKey::Address { protocol, .. } => protocol,
            // A mark covers every protocol; a port name is looked up as TCP's.
            ServiceKey::Mark { .. } => Protocol::Tcp,
        });
        self.server = Some(value::endpoint(text, "real", protocol, self.names)?);
        Ok(())
    }

    /// Sets the timeouts from the operands of --set.
    pub fn set_timeouts(
        &mut self,
        words: &mut dyn Iterator<Item = &'a [u8]>,
    ) -> Result<(), CommandError> {
        let missing = || CommandError::usage("--set option requires 3 timeout values");
        let mut timeout = || value::timeout(words.next().ok_or_else(missing)?, 0);
        let (tcp, tcp_fin, udp) = (timeout()?, timeout()?, timeout()?);
        self.timeouts = Timeouts::default().with_tcp(tcp).with_tcp_fin(tcp_fin).with_udp(udp);
        Ok(())
    }
}
