//! One method per command of the IPVS family, over one socket.

use super::error::{Error, Operation};
use super::uapi::*;
use super::wire;
use crate::kernel_module;
use crate::model::*;
use crate::netlink::error::Error as NetlinkError;
use crate::netlink::socket::{Connection, Family, Kernel, Netlink, Request};
use std::path::Path;

/// Only there where IPVS is.
const PROC_TABLE: &str = "/proc/net/ip_vs";

/// A connection to the kernel's IPVS, in the network namespace of the calling thread.
#[derive(Debug)]
pub struct Client<C = Kernel> {
    netlink: Netlink<C>,
    family: Family,
}

impl Client<Kernel> {
    /// Open a socket and find IPVS; load the kernel module when it is not there.
    pub fn connect() -> Result<Client<Kernel>, Error> {
        let kernel = Kernel::open().map_err(|e| Error::Unavailable(e.into()))?;
        Client::over(kernel, || kernel_module::load("ip_vs"))
    }

    /// The same, but where the kernel module is not there it stays so: an error then.
    pub fn present() -> Result<Client<Kernel>, Error> {
        // Asking for the family alone has the kernel load it.
        if !Path::new(PROC_TABLE).exists() {
            let code = libc::ENOENT;
            return Err(Error::Unavailable(NetlinkError::Refused { code, text: None }));
        }
        let kernel = Kernel::open().map_err(|e| Error::Unavailable(e.into()))?;
        Client::over(kernel, || ())
    }
}

impl<C: Connection> Client<C> {
    /// Find IPVS over `connection`; call `load` once when it is not there.
    pub fn over(connection: C, load: impl FnOnce()) -> Result<Client<C>, Error> {
        let mut netlink = Netlink::new(connection);
        let mut family = netlink.family(IPVS_GENL_NAME, IPVS_GENL_VERSION);
        if let Err(NetlinkError::Refused { code: libc::ENOENT, .. }) = family {
            load();
            family = netlink.family(IPVS_GENL_NAME, IPVS_GENL_VERSION);
        }
        let family = family.map_err(Error::Unavailable)?;
        Ok(Client { netlink, family })
    }

    /// The kernel's IPVS version and connection table size.
    pub fn info(&mut self) -> Result<Info, Error> {
        self.netlink
            .get(self.family, &wire::about(IPVS_CMD_GET_INFO, None), wire::read_info)
            .map_err(|e| Error::new(Operation::Other, e))
    }

    /// Every virtual service, in the kernel's order.
    pub fn services(&mut self) -> Result<Vec<ObservedService>, Error> {
        self.netlink
            .dump(self.family, &wire::about(IPVS_CMD_GET_SERVICE, None), wire::read_service)
            .map_err(|e| Error::new(Operation::GetService, e))
    }

    /// One virtual service.
    pub fn service(&mut self, key: &ServiceKey) -> Result<ObservedService, Error> {
        self.netlink
            .get(self.family, &wire::about(IPVS_CMD_GET_SERVICE, Some(key)), wire::read_service)
            .map_err(|e| Error::new(Operation::GetService, e))
    }

    /// The real servers of one virtual service, in the kernel's order.
    ///
    /// The kernel answers for a service that is not there with no server at all.
    pub fn destinations(&mut self, key: &ServiceKey) -> Result<Vec<ObservedDestination>, Error> {
        let family = key.family();
        self.netlink
            .dump(self.family, &wire::about(IPVS_CMD_GET_DEST, Some(key)), |answer| {
                wire::read_destination(answer, family)
            })
            .map_err(|e| Error::new(Operation::GetDestinations, e))
    }

    /// The synchronisation daemons that run.
    pub fn daemons(&mut self) -> Result<Vec<Daemon>, Error> {
        self.netlink
            .dump(self.family, &wire::about(IPVS_CMD_GET_DAEMON, None), wire::read_daemon)
            .map_err(|e| Error::new(Operation::Other, e))
    }

    /// The timeouts of connections.
    pub fn timeouts(&mut self) -> Result<Timeouts, Error> {
        self.netlink
            .get(self.family, &wire::about(IPVS_CMD_GET_CONFIG, None), wire::read_timeouts)
            .map_err(|e| Error::new(Operation::Other, e))
    }

    /// Make one change.
    pub fn change(&mut self, change: &Change) -> Result<(), Error> {
        match self.changes([change])?.pop() {
            Some(result) => result,
            None => Ok(()),
        }
    }

    /// Make many changes in order; a result for each. One that is refused does not stop the rest.
    pub fn changes<'a>(
        &mut self,
        changes: impl IntoIterator<Item = &'a Change> + Clone,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let requests =
            changes.clone().into_iter().map(|change| -> Request<'a> { wire::change(change) });
        let results = self
            .netlink
            .batch(self.family, requests)
            .map_err(|e| Error::new(Operation::Other, e))?;
        Ok(results
            .into_iter()
            .zip(changes)
            .map(|(result, change)| result.map_err(|e| Error::new(change.into(), e)))
            .collect())
    }
}
