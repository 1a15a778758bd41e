//! Validation: the rules about several options, and the typed values that a valid draft makes.

use super::draft::Draft;
use super::{options, suggestions, value};
use crate::command::{Columns, Defaults, Form, List, Subject};
use crate::error::CommandError;
use libipvs::model::*;

/// Options of `-L` of which one can be given.
const LIST_SUBJECTS: [&str; 6] =
    ["connection", "service-address", "timeout", "daemon", "sysctls", "status"];

/// Options that choose the columns of `-L`. The first of those given wins.
const COLUMNS: [(&str, Columns); 5] = [
    ("stats", Columns::Statistics),
    ("rate", Columns::Rates),
    ("thresholds", Columns::Thresholds),
    ("persistent-conn", Columns::PersistentConnections),
    ("tun-info", Columns::Tunnels),
];

/// Options of a tunnel beside its type.
const TUNNEL_OPTIONS: [&str; 4] = ["tun-port", "tun-nocsum", "tun-csum", "tun-remcsum"];

fn error<T>(message: impl Into<String>) -> Result<T, CommandError> {
    Err(CommandError::usage(message))
}

impl Draft<'_> {
    /// Checks that all required options were given, and none that is illegal for the verb.
    pub fn check_options(
        &self,
        verb: &str,
        required: &[&str],
        illegal: Option<&str>,
    ) -> Result<(), CommandError> {
        if let Some(option) = required.iter().find(|option| !self.has(option)) {
            return error(format!(
                "You need to supply the '{option}' option for the '{verb}' command"
            ));
        }
        if let Some(option) = illegal {
            return error(format!("Illegal '{option}' option with the '{verb}' command"));
        }
        if self.ipv6 && self.key.is_none() {
            return error("-6 used without a virtual service");
        }
        Ok(())
    }

    /// Checks that at most one of the options was given. `context` is a verb or a tunnel type.
    fn check_conflicts(&self, options: &[&str], context: &str) -> Result<(), CommandError> {
        let mut given = options.iter().filter(|option| self.has(option));
        match (given.next(), given.next()) {
            (Some(first), Some(second)) => error(format!(
                "The option '{second}' conflicts with the '{first}' option in the {context}"
            )),
            _ => Ok(()),
        }
    }

    /// Returns the key of the service. Verbs that call this require the option.
    pub fn key(&self) -> Result<ServiceKey, CommandError> {
        self.key.ok_or_else(|| CommandError::usage("no virtual service given"))
    }

    /// Returns the service to add or edit.
    pub fn service(mut self) -> Result<Service, CommandError> {
        let key = self.key()?;
        if matches!(key, ServiceKey::Address { port: 0, .. }) && self.service.persistence.is_none()
        {
            let text = "Zero port specified for non-persistent service";
            return Err(CommandError::usage(text).hint(suggestions::port(self.address, &key)));
        }
        let datagrams = match key {
            ServiceKey::Address { protocol, .. } => protocol == Protocol::Udp,
            ServiceKey::Mark { .. } => true,
        };
        if self.service.one_packet && !datagrams {
            return error("One-Packet Scheduling is only for UDP virtual services");
        }
        self.service.key = key;
        self.service.scheduler_flags =
            value::scheduler_flags(self.scheduler_flags, &self.service.scheduler)?;
        Ok(self.service)
    }

    /// Returns the key of the real server. Verbs that call this require the option.
    pub fn destination_key(&self) -> Result<DestinationKey, CommandError> {
        let server = self.server.ok_or_else(|| CommandError::usage("no real server given"))?;
        let service_port = match self.key()? {
            ServiceKey::Address { port, .. } => port,
            ServiceKey::Mark { .. } => 0,
        };
        Ok(DestinationKey { address: server.address, port: server.port.unwrap_or(service_port) })
    }

    /// Returns what was left to defaults.
    pub fn defaults(&self) -> Defaults {
        let service_port = match self.key {
            Some(ServiceKey::Address { port, .. }) => Some(port),
            _ => None,
        };
        let keeps_port = self.destination.forwarding != Forwarding::Masquerading;
        let given = self.server.and_then(|server| server.port).filter(|_| keeps_port);
        Defaults {
            method: !self.has(options::METHOD),
            replaced_port: given.filter(|given| service_port.is_some_and(|port| port != *given)),
        }
    }

    /// Returns the real server to add or edit.
    pub fn destination(mut self) -> Result<Destination, CommandError> {
        let (service, mut key) = (self.key()?, self.destination_key()?);
        let forwarding = self.destination.forwarding;
        if Family::from(key.address) != service.family() && forwarding != Forwarding::Tunnel {
            let text = "Different address family is allowed only for tunneling servers";
            let hint = "use -i to reach it through a tunnel".to_string();
            return Err(CommandError::usage(text).hint(hint));
        }
        match service {
            // Only NAT can change the port.
            ServiceKey::Address { port, .. } if forwarding != Forwarding::Masquerading => {
                key.port = port;
            }
            _ => {}
        }
        self.check_tunnel()?;
        self.destination.key = key;
        Ok(self.destination)
    }

    /// Checks that the tunnel options fit the forwarding method and the type of the tunnel.
    fn check_tunnel(&self) -> Result<(), CommandError> {
        let given = |option: &&&str| self.has(option);
        if self.destination.forwarding != Forwarding::Tunnel {
            if self.has("tun-type") || TUNNEL_OPTIONS.iter().any(|option| self.has(option)) {
                return error("Tunnel options conflict with forward method");
            }
            return Ok(());
        }
        let (name, allowed): (&str, &[&str]) = match self.destination.tunnel.kind {
            TunnelKind::Gue => ("gue", &TUNNEL_OPTIONS),
            TunnelKind::Gre => ("gre", &["tun-nocsum", "tun-csum"]),
            TunnelKind::Ipip | TunnelKind::Other(_) => ("ipip", &[]),
        };
        if name == "gue" && !self.has("tun-port") {
            return error("You need to supply the 'tun-port' option for the 'gue' tunnel type");
        }
        let illegal = TUNNEL_OPTIONS.iter().filter(given).find(|option| !allowed.contains(option));
        if let Some(option) = illegal {
            return error(format!("Illegal '{option}' option with the '{name}' tunnel type"));
        }
        self.check_conflicts(&TUNNEL_OPTIONS[1..], &format!("'{name}' tunnel type"))
    }

    /// Returns the list to print.
    pub fn list(self) -> Result<List, CommandError> {
        let conflicts = |options: &[&str]| self.check_conflicts(options, "'list' command");
        conflicts(&LIST_SUBJECTS)?;
        if self.list.form == Form::Pretty {
            conflicts(&["stats", "rate"])?;
        }
        conflicts(&["json", "pretty"])?;
        for subject in ["connection", "timeout", "daemon", "sysctls", "status"] {
            conflicts(&[subject, "pretty"])?;
            conflicts(&[subject, "all"])?;
        }
        if self.list.all && self.list.form != Form::Json {
            return error("The 'all' option requires the 'json' option");
        }
        let columns = COLUMNS.iter().find(|(option, _)| self.has(option)).map(|(_, c)| *c);
        let (subject, columns_fit) = if self.has("connection") {
            let conflict = ["stats", "rate", "thresholds"].iter().any(|option| self.has(option));
            (Subject::Connections { engines: self.has("persistent-conn") }, !conflict)
        } else if self.has("timeout") {
            (Subject::Timeouts, matches!(columns, None | Some(Columns::Tunnels)))
        } else if self.has("daemon") {
            (Subject::Daemons, matches!(columns, None | Some(Columns::Tunnels)))
        } else if self.has("sysctls") {
            (Subject::Sysctls, columns.is_none())
        } else if self.has("status") {
            (Subject::Status, columns.is_none())
        } else {
            (Subject::Services(self.key, columns.unwrap_or(Columns::Plain)), true)
        };
        if !columns_fit {
            return error("options conflicts in the list command");
        }
        let all_counters =
            self.list.all || self.list.form == Form::Json && self.has("stats") && self.has("rate");
        Ok(List { subject, all_counters, ..self.list })
    }
}
