//! What the options have said, to the typed command: defaults, and what only the whole can tell.

use super::options::{Opt, Verb};
use super::parser::Draft;
use super::value;
use crate::command::{Columns, Command, Form, List, Save, Subject};
use crate::error::CommandError;
use libipvs::model::*;

const DEFAULT_SCHEDULER: &str = "wlc";

impl Draft<'_> {
    pub(super) fn command(mut self, timeouts: Option<Timeouts>) -> Result<Command, CommandError> {
        let change = match (self.verb, self.service) {
            (Verb::List, service) => return self.list(service),
            (Verb::Save, _) => {
                let (numeric, full) = (self.has(Opt::Numeric), self.has(Opt::Full));
                return Ok(Command::Save(Save { numeric, full }));
            }
            (Verb::Restore, _) => return Ok(Command::Restore { file: self.file }),
            (Verb::Help, _) => return Ok(Command::Help),
            (Verb::Version, _) => return Ok(Command::Version),
            (Verb::AddService, Some(key)) => Change::AddService(self.new_service(key)?),
            (Verb::EditService, Some(key)) => Change::EditService(self.new_service(key)?),
            (Verb::DeleteService, Some(key)) => Change::DeleteService(key),
            (Verb::AddServer, Some(key)) => Change::AddDestination(key, self.new_destination(key)?),
            (Verb::EditServer, Some(key)) => {
                Change::EditDestination(key, self.new_destination(key)?)
            }
            (Verb::DeleteServer, Some(key)) => {
                Change::DeleteDestination(key, self.destination_key(key)?)
            }
            (Verb::Clear, _) => Change::Flush,
            (Verb::Zero, service) => Change::Zero(service),
            (Verb::Set, _) => Change::SetTimeouts(timeouts.unwrap_or_default()),
            (Verb::StartDaemon, _) => {
                self.daemon.role = self.role.unwrap_or(DaemonRole::Master);
                Change::StartDaemon(self.daemon)
            }
            (Verb::StopDaemon, _) => Change::StopDaemon(self.role.unwrap_or(DaemonRole::Master)),
            // check() has seen to it that there is one.
            (_, None) => return Err(CommandError::usage("no virtual service given")),
        };
        Ok(Command::Change(change))
    }

    fn list(self, service: Option<ServiceKey>) -> Result<Command, CommandError> {
        let columns = [
            (Opt::Stats, Columns::Statistics),
            (Opt::Rate, Columns::Rates),
            (Opt::Thresholds, Columns::Thresholds),
            (Opt::PersistentConn, Columns::PersistentConnections),
            (Opt::TunInfo, Columns::Tunnels),
        ];
        let columns = columns.into_iter().find(|(opt, _)| self.has(*opt)).map(|(_, c)| c);
        let engines = self.has(Opt::PersistentConn);
        let subject = if self.has(Opt::Connection) {
            Subject::Connections { engines }
        } else if self.has(Opt::Timeout) {
            Subject::Timeouts
        } else if self.has(Opt::Daemon) {
            Subject::Daemons
        } else {
            Subject::Services(service, columns.unwrap_or(Columns::Plain))
        };
        let clash = match subject {
            Subject::Services(..) => false,
            Subject::Connections { .. } => {
                self.has(Opt::Stats) || self.has(Opt::Rate) || self.has(Opt::Thresholds)
            }
            Subject::Timeouts | Subject::Daemons => {
                !matches!(columns, None | Some(Columns::Tunnels))
            }
        };
        if clash {
            return Err(CommandError::usage("options conflicts in the list command"));
        }
        let form = if self.has(Opt::Json) {
            Form::Json
        } else if self.has(Opt::Pretty) {
            Form::Pretty
        } else {
            Form::Classic
        };
        Ok(Command::List(List {
            subject,
            form,
            numeric: self.has(Opt::Numeric),
            sorted: !self.has(Opt::NoSort),
            exact: self.has(Opt::Exact),
        }))
    }

    fn new_service(&self, key: ServiceKey) -> Result<Service, CommandError> {
        if matches!(key, ServiceKey::Address { port: 0, .. }) && self.persistence.is_none() {
            return Err(CommandError::usage("Zero port specified for non-persistent service"));
        }
        let one_packet = self.has(Opt::OnePacket);
        let datagrams = match key {
            ServiceKey::Address { protocol, .. } => protocol == Protocol::Udp,
            ServiceKey::Mark { .. } => true,
        };
        if one_packet && !datagrams {
            return Err(CommandError::usage(
                "One-Packet Scheduling is only for UDP virtual services",
            ));
        }
        let scheduler = self.scheduler.as_deref().unwrap_or(DEFAULT_SCHEDULER).to_string();
        let scheduler_flags = value::scheduler_flag_bits(self.scheduler_flags, &scheduler)?;
        let mut service = Service::new(key);
        service.scheduler = scheduler;
        service.scheduler_flags = scheduler_flags;
        service.persistence = self.persistence;
        service.netmask = self.netmask.unwrap_or(service.netmask);
        service.one_packet = one_packet;
        service.persistence_engine = self.engine.clone();
        Ok(service)
    }

    fn destination_key(&self, key: ServiceKey) -> Result<DestinationKey, CommandError> {
        let Some(server) = self.server else {
            return Err(CommandError::usage("no real server given"));
        };
        let service_port = match key {
            ServiceKey::Address { port, .. } => port,
            ServiceKey::Mark { .. } => 0,
        };
        Ok(DestinationKey { address: server.address, port: server.port.unwrap_or(service_port) })
    }

    fn new_destination(&self, key: ServiceKey) -> Result<Destination, CommandError> {
        let mut server = self.destination_key(key)?;
        if Family::of(server.address) != key.family() && self.forwarding != Forwarding::Tunnel {
            let text = "Different address family is allowed only for tunneling servers";
            let hint = "with -i it is reached through a tunnel".to_string();
            return Err(CommandError::usage(text).hint(hint));
        }
        match key {
            // Only NAT can change the port.
            ServiceKey::Address { port, .. } if self.forwarding != Forwarding::Masquerading => {
                server.port = port;
            }
            _ => {}
        }
        self.check_tunnel()?;
        let mut destination = Destination::new(server, self.forwarding);
        destination.tunnel = self.tunnel;
        destination.weight = self.weight;
        destination.upper_threshold = self.upper;
        destination.lower_threshold = self.lower;
        Ok(destination)
    }

    /// Which tunnel options go with which kind of tunnel.
    fn check_tunnel(&self) -> Result<(), CommandError> {
        let all = [Opt::TunPort, Opt::TunNocsum, Opt::TunCsum, Opt::TunRemcsum];
        if self.forwarding != Forwarding::Tunnel {
            if self.has(Opt::TunType) || all.iter().any(|opt| self.has(*opt)) {
                return Err(CommandError::usage("Tunnel options conflict with forward method"));
            }
            return Ok(());
        }
        let (name, allowed): (&str, &[Opt]) = match self.tunnel.kind {
            TunnelKind::Gue => ("gue", &all),
            TunnelKind::Gre => ("gre", &[Opt::TunNocsum, Opt::TunCsum]),
            TunnelKind::Ipip | TunnelKind::Other(_) => ("ipip", &[]),
        };
        if self.tunnel.kind == TunnelKind::Gue && !self.has(Opt::TunPort) {
            return Err(CommandError::usage(
                "You need to supply the 'tun-port' option for the 'gue' tunnel type",
            ));
        }
        for opt in all {
            if self.has(opt) && !allowed.contains(&opt) {
                return Err(CommandError::usage(format!(
                    "Illegal '{}' option with the '{name}' tunnel type",
                    opt.name()
                )));
            }
        }
        self.one_of(&all[1..], name, "tunnel type")
    }
}
