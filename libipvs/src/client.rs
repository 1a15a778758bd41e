//! The commands of the kernel's IPVS as methods.

use crate::error::{Error, Operation};
use crate::kernel_module;
use crate::model::*;
use crate::namespace;
use crate::netlink::attribute::{Attributes, Malformed};
use crate::netlink::error::Error as NetlinkError;
use crate::netlink::exchange::Netlink;
use crate::netlink::message;
use crate::transport::{Kernel, Transport};
use crate::wire::uapi::{IPVS_GENL_NAME, IPVS_GENL_VERSION};
use crate::wire::{self, Query};
use std::path::Path;

/// A file that exists while IPVS is loaded.
const PROC_TABLE: &str = "/proc/net/ip_vs";

/// A client of the kernel's IPVS, in the network namespace in which its transport was opened.
///
/// Every call blocks until the kernel has answered. [`Error::kind`] tells what an error means.
/// A client stays usable after every error. [`ErrorKind::AnswersLost`](crate::ErrorKind::AnswersLost)
/// and [`ErrorKind::TableChanging`](crate::ErrorKind::TableChanging) are worth another try. A program
/// that outlives the module ip_vs has to connect again.
///
/// A call that sends a value checks it first. An invalid one is [`Error::Invalid`], and nothing is
/// sent: the kernel would change it silently, so that the table would differ from the desired one
/// for ever. [`Client::changes_unchecked`] leaves the decision to the kernel.
#[derive(Debug)]
pub struct Client<T = Kernel> {
    netlink: Netlink<T>,
    family: message::Family,
}

impl Client<Kernel> {
    /// Connects to IPVS in the network namespace of the calling thread, and loads the kernel module
    /// if necessary.
    ///
    /// If IPVS is already loaded, this succeeds without privilege, but the kernel refuses most
    /// calls.
    pub fn connect() -> Result<Client<Kernel>, Error> {
        let kernel = Kernel::open().map_err(|e| Error::unavailable(e.into()))?;
        Client::over(kernel, || kernel_module::load("ip_vs"))
    }

    /// Connects like [`Client::connect`], but never loads the kernel module. Fails with
    /// [`ErrorKind::NoIpvs`](crate::ErrorKind::NoIpvs) if it is not loaded.
    pub fn connect_if_loaded() -> Result<Client<Kernel>, Error> {
        // The kernel loads the module when it is asked for the family.
        if !Path::new(PROC_TABLE).exists() {
            let code = libc::ENOENT;
            return Err(Error::unavailable(NetlinkError::Refused { code, text: None }));
        }
        let kernel = Kernel::open().map_err(|e| Error::unavailable(e.into()))?;
        Client::over(kernel, || ())
    }

    /// Connects like [`Client::connect`], but in another network namespace: a name that `ip netns`
    /// knows, or the path of a namespace file. The calling thread stays in its namespace.
    ///
    /// Requires CAP_SYS_ADMIN in the user namespace that owns the network namespace, and in that of
    /// the caller.
    pub fn connect_in(namespace: impl AsRef<Path>) -> Result<Client<Kernel>, Error> {
        let kernel = namespace::within(namespace.as_ref(), Kernel::open);
        let kernel = kernel.map_err(Error::Namespace)?.map_err(|e| Error::unavailable(e.into()))?;
        Client::over(kernel, || kernel_module::load("ip_vs"))
    }
}

impl<T: Transport> Client<T> {
    /// Connects to IPVS over a transport. Calls `load_module` and tries again if IPVS is missing.
    pub fn over(transport: T, load_module: impl FnOnce()) -> Result<Client<T>, Error> {
        let mut netlink = Netlink::new(transport);
        let mut family = netlink.family(IPVS_GENL_NAME, IPVS_GENL_VERSION);
        if let Err(NetlinkError::Refused { code: libc::ENOENT, .. }) = family {
            load_module();
            family = netlink.family(IPVS_GENL_NAME, IPVS_GENL_VERSION);
        }
        let family = family.map_err(Error::unavailable)?;
        Ok(Client { netlink, family })
    }

    /// Returns the version of IPVS and the size of its connection table (`IPVS_CMD_GET_INFO`).
    pub fn info(&mut self) -> Result<Info, Error> {
        self.get(Query::Info, wire::read_info)
    }

    /// Returns all virtual services with their statistics, in the kernel's order
    /// (`IPVS_CMD_GET_SERVICE`).
    pub fn services(&mut self) -> Result<Vec<ObservedService>, Error> {
        self.dump(Query::Services, wire::read_service)
    }

    /// Returns all virtual services as configured, without decoding their statistics.
    pub fn configured_services(&mut self) -> Result<Vec<Service>, Error> {
        self.dump(Query::Services, wire::read_configured_service)
    }

    /// Returns one virtual service with its statistics (`IPVS_CMD_GET_SERVICE`).
    pub fn service(&mut self, key: &ServiceKey) -> Result<ObservedService, Error> {
        self.get(Query::Service(*key), wire::read_service)
    }

    /// Returns the real servers of a virtual service with their statistics, in the kernel's order
    /// (`IPVS_CMD_GET_DEST`).
    ///
    /// The kernel returns an empty list for a service that does not exist.
    pub fn destinations(&mut self, key: &ServiceKey) -> Result<Vec<ObservedDestination>, Error> {
        let family = key.family();
        self.dump(Query::Destinations(*key), |answer| wire::read_destination(answer, family))
    }

    /// Returns the real servers of a virtual service as configured, without decoding their
    /// statistics.
    pub fn configured_destinations(&mut self, key: &ServiceKey) -> Result<Vec<Destination>, Error> {
        let family = key.family();
        self.dump(Query::Destinations(*key), |answer| {
            wire::read_configured_destination(answer, family)
        })
    }

    /// Returns all virtual services with their real servers and statistics. Sends one request for
    /// each service, so another program can change the table between them.
    pub fn snapshot(&mut self) -> Result<Vec<ObservedEntry>, Error> {
        let mut entries = Vec::new();
        for service in self.services()? {
            let destinations = self.destinations(&service.service.key)?;
            entries.push(ObservedEntry { service, destinations });
        }
        Ok(entries)
    }

    /// Returns the synchronisation daemons that are running (`IPVS_CMD_GET_DAEMON`).
    pub fn daemons(&mut self) -> Result<Vec<Daemon>, Error> {
        self.dump(Query::Daemons, wire::read_daemon)
    }

    /// Returns the timeouts of connections (`IPVS_CMD_GET_CONFIG`).
    pub fn timeouts(&mut self) -> Result<Timeouts, Error> {
        self.get(Query::Timeouts, wire::read_timeouts)
    }

    /// Adds a virtual service.
    pub fn add_service(&mut self, service: &Service) -> Result<(), Error> {
        self.change(&Change::AddService(service.clone()))
    }

    /// Replaces the settings of a virtual service. Its real servers and connections stay.
    pub fn edit_service(&mut self, service: &Service) -> Result<(), Error> {
        self.change(&Change::EditService(service.clone()))
    }

    /// Deletes a virtual service and its real servers.
    pub fn delete_service(&mut self, key: &ServiceKey) -> Result<(), Error> {
        self.change(&Change::DeleteService(*key))
    }

    /// Adds a real server to a virtual service.
    pub fn add_destination(&mut self, key: &ServiceKey, new: &Destination) -> Result<(), Error> {
        self.change(&Change::AddDestination(*key, new.clone()))
    }

    /// Replaces the settings of a real server. Its connections stay.
    pub fn edit_destination(&mut self, key: &ServiceKey, new: &Destination) -> Result<(), Error> {
        self.change(&Change::EditDestination(*key, new.clone()))
    }

    /// Deletes a real server from a virtual service.
    pub fn delete_destination(
        &mut self,
        key: &ServiceKey,
        destination: &DestinationKey,
    ) -> Result<(), Error> {
        self.change(&Change::DeleteDestination(*key, *destination))
    }

    /// Deletes all virtual services.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.change(&Change::Flush)
    }

    /// Zeroes the counters of one virtual service and its real servers, or all counters.
    pub fn zero(&mut self, key: Option<&ServiceKey>) -> Result<(), Error> {
        self.change(&Change::Zero(key.copied()))
    }

    /// Sets the timeouts that are not 0.
    pub fn set_timeouts(&mut self, timeouts: &Timeouts) -> Result<(), Error> {
        self.change(&Change::SetTimeouts(*timeouts))
    }

    /// Starts a synchronisation daemon.
    pub fn start_daemon(&mut self, daemon: &Daemon) -> Result<(), Error> {
        self.change(&Change::StartDaemon(daemon.clone()))
    }

    /// Stops the synchronisation daemon of a role.
    pub fn stop_daemon(&mut self, role: DaemonRole) -> Result<(), Error> {
        self.change(&Change::StopDaemon(role))
    }

    /// Makes one change.
    pub fn change(&mut self, change: &Change) -> Result<(), Error> {
        change.validate()?;
        self.changes_unchecked([change])?.into_iter().collect()
    }

    /// Makes many changes in order, with as few system calls as possible, and returns a result for
    /// each. A change that is invalid or refused does not stop the ones after it.
    ///
    /// An error instead of the results means that the exchange failed: an unknown number of the
    /// first changes has been made.
    ///
    /// ```
    /// use libipvs::fake::FakeKernel;
    /// use libipvs::model::{Change, Service};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut client = FakeKernel::new().client()?;
    /// let web = Service::tcp("192.0.2.1:80".parse()?).build()?;
    /// let changes = [Change::AddService(web.clone()), Change::AddService(web)];
    /// let results = client.changes(&changes)?;
    /// let refused = changes.iter().zip(&results).filter(|(_, result)| result.is_err()).count();
    /// assert_eq!(refused, 1, "the service exists already");
    /// # Ok(())
    /// # }
    /// ```
    pub fn changes<'a>(
        &mut self,
        changes: impl IntoIterator<Item = &'a Change>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let changes: Vec<&Change> = changes.into_iter().collect();
        let checked: Vec<_> = changes.iter().map(|change| change.validate()).collect();
        let valid = changes.iter().zip(&checked).filter(|(_, checked)| checked.is_ok());
        let valid: Vec<&Change> = valid.map(|(change, _)| *change).collect();
        let mut results = self.changes_unchecked(valid)?.into_iter();
        let result = |checked: Result<(), ValidationError>| match checked {
            Ok(()) => results.next().unwrap_or(Ok(())),
            Err(invalid) => Err(invalid.into()),
        };
        Ok(checked.into_iter().map(result).collect())
    }

    /// Makes many changes like [`Client::changes`], but sends invalid values too: the kernel refuses
    /// some, and changes others silently. For programs that must behave like ipvsadm 1.31.
    pub fn changes_unchecked<'a>(
        &mut self,
        changes: impl IntoIterator<Item = &'a Change> + Clone,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let requests = changes.clone().into_iter().map(wire::change);
        let results = self.netlink.batch(self.family, requests);
        let results = results.map_err(|e| Error::new(Operation::Other, e))?;
        Ok(results
            .into_iter()
            .zip(changes)
            .map(|(result, change)| result.map_err(|e| Error::new(change.into(), e)))
            .collect())
    }

    fn get<A>(
        &mut self,
        query: Query,
        read: impl Fn(Attributes) -> Result<A, Malformed>,
    ) -> Result<A, Error> {
        let answer = self.netlink.get(self.family, &wire::query(query), read);
        answer.map_err(|e| Error::new(query.operation(), e))
    }

    fn dump<A>(
        &mut self,
        query: Query,
        read: impl Fn(Attributes) -> Result<A, Malformed>,
    ) -> Result<Vec<A>, Error> {
        let answers = self.netlink.dump(self.family, &wire::query(query), read);
        answers.map_err(|e| Error::new(query.operation(), e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::netlink::test_transport::{ERROR, WAIT, code, family, transport};
    use std::cell::Cell;

    /// Connects to a kernel that lacks IPVS for some look-ups of the family. Returns the number of
    /// attempts to load the module, too.
    fn connect(missing: u32, errno: i32) -> (Result<(), ErrorKind>, u32) {
        let loads = Cell::new(0);
        let mut lookups = 0;
        let transport = transport(WAIT, |sequences| {
            lookups += 1;
            vec![Ok(match lookups <= missing {
                true => code(ERROR, sequences[0], errno),
                false => family(sequences[0], 21),
            })]
        });
        let client = Client::over(transport, || loads.set(loads.get() + 1));
        (client.map(|_| ()).map_err(|e| e.kind()), loads.get())
    }

    #[test]
    fn the_module_is_loaded_once_if_ipvs_is_missing() {
        assert_eq!(connect(0, libc::ENOENT), (Ok(()), 0));
        assert_eq!(connect(1, libc::ENOENT), (Ok(()), 1));
        assert_eq!(connect(2, libc::ENOENT), (Err(ErrorKind::NoIpvs), 1));
        assert_eq!(connect(1, libc::EPERM), (Err(ErrorKind::NotPermitted), 0));
    }
}
