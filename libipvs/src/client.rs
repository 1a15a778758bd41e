//! The commands of the IPVS family as methods, over one socket.

use crate::error::{Error, Operation};
use crate::kernel_module;
use crate::model::*;
use crate::namespace;
use crate::netlink::attribute::{Attributes, Malformed};
use crate::netlink::error::Error as NetlinkError;
use crate::netlink::socket::{self, Netlink, Request};
use crate::transport::{Kernel, Transport};
use crate::wire;
use crate::wire::uapi::*;
use std::path::Path;

/// Only there where IPVS is.
const PROC_TABLE: &str = "/proc/net/ip_vs";

/// A connection to the kernel's IPVS, in the network namespace in which it was opened.
///
/// Every call waits for the kernel's answer: at most as long as the kernel works on it. Errors are [`Error`]s, whose [`Error::kind`] says what a caller can do about them.
#[derive(Debug)]
pub struct Client<C = Kernel> {
    netlink: Netlink<C>,
    family: socket::Family,
}

impl Client<Kernel> {
    /// Open a socket and find IPVS in the network namespace of the calling thread; load the kernel
    /// module when it is not there.
    ///
    /// Where IPVS is there already this succeeds without privilege too; what is asked then is refused.
    pub fn connect() -> Result<Client<Kernel>, Error> {
        let kernel = Kernel::open().map_err(|e| Error::Unavailable(e.into()))?;
        Client::over(kernel, || kernel_module::load("ip_vs"))
    }

    /// The same, but where the kernel module is not there it stays so:
    /// [`ErrorKind::NoIpvs`](super::error::ErrorKind) then.
    pub fn connect_if_loaded() -> Result<Client<Kernel>, Error> {
        // Asking for the family alone has the kernel load it.
        if !Path::new(PROC_TABLE).exists() {
            let code = libc::ENOENT;
            return Err(Error::Unavailable(NetlinkError::Refused { code, text: None }));
        }
        let kernel = Kernel::open().map_err(|e| Error::Unavailable(e.into()))?;
        Client::over(kernel, || ())
    }

    /// As [`Client::connect`], in another network namespace: a name of `ip netns`, or the path of a
    /// namespace's file. The calling thread stays where it is. Needs CAP_SYS_ADMIN, there and in the
    /// user namespace of the caller.
    pub fn connect_in(namespace: impl AsRef<Path>) -> Result<Client<Kernel>, Error> {
        let kernel = namespace::within(namespace.as_ref(), Kernel::open);
        let kernel = kernel.map_err(Error::Namespace)?.map_err(|e| Error::Unavailable(e.into()))?;
        Client::over(kernel, || kernel_module::load("ip_vs"))
    }
}

impl<C: Transport> Client<C> {
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

    /// The kernel's IPVS version and connection table size (`IPVS_CMD_GET_INFO`).
    pub fn info(&mut self) -> Result<Info, Error> {
        self.netlink
            .get(self.family, &wire::about(IPVS_CMD_GET_INFO, None), wire::read_info)
            .map_err(|e| Error::new(Operation::Other, e))
    }

    /// Every virtual service with its statistics, in the kernel's order (`IPVS_CMD_GET_SERVICE`).
    pub fn services(&mut self) -> Result<Vec<ObservedService>, Error> {
        self.services_as(wire::read_service)
    }

    /// Every virtual service as it is configured, its counters not even read.
    pub fn configured_services(&mut self) -> Result<Vec<Service>, Error> {
        self.services_as(wire::read_configured_service)
    }

    fn services_as<T>(
        &mut self,
        read: fn(Attributes) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Error> {
        self.netlink
            .dump(self.family, &wire::about(IPVS_CMD_GET_SERVICE, None), read)
            .map_err(|e| Error::new(Operation::GetService, e))
    }

    /// One virtual service (`IPVS_CMD_GET_SERVICE`).
    pub fn service(&mut self, key: &ServiceKey) -> Result<ObservedService, Error> {
        self.netlink
            .get(self.family, &wire::about(IPVS_CMD_GET_SERVICE, Some(key)), wire::read_service)
            .map_err(|e| Error::new(Operation::GetService, e))
    }

    /// The real servers of one virtual service with their statistics, in the kernel's order
    /// (`IPVS_CMD_GET_DEST`).
    ///
    /// The kernel answers for a service that is not there with no server at all.
    pub fn destinations(&mut self, key: &ServiceKey) -> Result<Vec<ObservedDestination>, Error> {
        self.destinations_as(key, wire::read_destination)
    }

    /// The real servers of one virtual service as they are configured, their counters not even read.
    pub fn configured_destinations(&mut self, key: &ServiceKey) -> Result<Vec<Destination>, Error> {
        self.destinations_as(key, wire::read_configured_destination)
    }

    fn destinations_as<T>(
        &mut self,
        key: &ServiceKey,
        read: fn(Attributes, Family) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Error> {
        let family = key.family();
        self.netlink
            .dump(self.family, &wire::about(IPVS_CMD_GET_DEST, Some(key)), |answer| {
                read(answer, family)
            })
            .map_err(|e| Error::new(Operation::GetDestinations, e))
    }

    /// The synchronisation daemons that run (`IPVS_CMD_GET_DAEMON`).
    pub fn daemons(&mut self) -> Result<Vec<Daemon>, Error> {
        self.netlink
            .dump(self.family, &wire::about(IPVS_CMD_GET_DAEMON, None), wire::read_daemon)
            .map_err(|e| Error::new(Operation::Other, e))
    }

    /// The timeouts of connections (`IPVS_CMD_GET_CONFIG`).
    pub fn timeouts(&mut self) -> Result<Timeouts, Error> {
        self.netlink
            .get(self.family, &wire::about(IPVS_CMD_GET_CONFIG, None), wire::read_timeouts)
            .map_err(|e| Error::new(Operation::Other, e))
    }

    /// Add a virtual service.
    pub fn add_service(&mut self, service: Service) -> Result<(), Error> {
        self.change(&Change::AddService(service))
    }

    /// Change all of a virtual service but its key. Its servers and connections stay.
    pub fn edit_service(&mut self, service: Service) -> Result<(), Error> {
        self.change(&Change::EditService(service))
    }

    /// Delete a virtual service and its servers.
    pub fn delete_service(&mut self, key: ServiceKey) -> Result<(), Error> {
        self.change(&Change::DeleteService(key))
    }

    /// Add a real server to a virtual service.
    pub fn add_destination(&mut self, key: ServiceKey, server: Destination) -> Result<(), Error> {
        self.change(&Change::AddDestination(key, server))
    }

    /// Change all of a real server but its key. Its connections stay.
    pub fn edit_destination(&mut self, key: ServiceKey, server: Destination) -> Result<(), Error> {
        self.change(&Change::EditDestination(key, server))
    }

    /// Take a real server out of a virtual service.
    pub fn delete_destination(
        &mut self,
        key: ServiceKey,
        server: DestinationKey,
    ) -> Result<(), Error> {
        self.change(&Change::DeleteDestination(key, server))
    }

    /// Delete every virtual service.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.change(&Change::Flush)
    }

    /// Zero the counters of one virtual service and its servers, or of all.
    pub fn zero(&mut self, key: Option<ServiceKey>) -> Result<(), Error> {
        self.change(&Change::Zero(key))
    }

    /// Set the timeouts that are not 0.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) -> Result<(), Error> {
        self.change(&Change::SetTimeouts(timeouts))
    }

    /// Start a synchronisation daemon.
    pub fn start_daemon(&mut self, daemon: Daemon) -> Result<(), Error> {
        self.change(&Change::StartDaemon(daemon))
    }

    /// Stop the synchronisation daemon of this role.
    pub fn stop_daemon(&mut self, role: DaemonRole) -> Result<(), Error> {
        self.change(&Change::StopDaemon(role))
    }

    /// Make one change.
    pub fn change(&mut self, change: &Change) -> Result<(), Error> {
        match self.changes([change])?.pop() {
            Some(result) => result,
            None => Ok(()),
        }
    }

    /// Make many changes in order, in as few sends as they fit into; a result for each. One that is
    /// refused does not stop the rest.
    ///
    /// An error in place of the results is one of the connection: the first of the changes have been
    /// made then, nobody knows how many.
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
