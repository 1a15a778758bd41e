//! Options to a command: which go together, and what their values must be.
//!
//! Options are taken in their order, each value read as it comes, so that of several mistakes the
//! first is reported. Names are looked up through [`Names`]; nothing else is asked of the system.

use super::lexer::Lexer;
use super::options::{Opt, Spec, Verb};
use super::{near, value};
use crate::command::Command;
use crate::error::{CommandError, ErrorKind};
use crate::names::Names;
use crate::text::printable;
use libipvs::model::*;
use std::net::IpAddr;

/// Seconds of persistence when -p has no value.
const DEFAULT_PERSISTENCE: u32 = 6 * 60;

/// Words that are commands of their own; whoever calls takes them first.
const SUBCOMMANDS: [&str; 4] = ["apply", "drain", "rs-setup", "top"];

/// Make a command of the words of a command line, or of a line of -R.
pub fn command<W: AsRef<[u8]>>(words: &[W], names: &dyn Names) -> Result<Command, CommandError> {
    let mut lexer = Lexer::new(words);
    // Anything wrong with the first option means that this is no command at all.
    let first = lexer.option();
    let first = first.map_err(|e| no_command(&e.message).hint(e.hint))?;
    let Some((Spec { opt: Opt::Verb(verb), .. }, value)) = first else {
        let word = words.first().map_or(&b""[..], AsRef::as_ref);
        let hint =
            std::str::from_utf8(word).ok().and_then(|word| near(word, SUBCOMMANDS.into_iter()));
        let hint = hint.map(|name| format!("did you mean {name}?"));
        return Err(
            no_command(&format!("`{}' is no command of ipvsadm", printable(word))).hint(hint)
        );
    };
    let verb = *verb;
    let mut draft = Draft::new(verb);
    draft.role = match (verb, value) {
        (Verb::StartDaemon, Some(role)) => Some(value::role(role, "start-daemon parameter")?),
        (Verb::StopDaemon, Some(role)) => Some(value::role(role, "stop-daemon parameter")?),
        _ => None,
    };
    match verb {
        Verb::Help => return Ok(Command::Help),
        Verb::Version => return Ok(Command::Version),
        _ => {}
    }
    while let Some((spec, value)) = lexer.option()? {
        if let Opt::Verb(_) = spec.opt {
            return Err(CommandError::usage(format!(
                "invalid option `{}'",
                printable(lexer.word())
            )));
        }
        draft.take(spec.opt, value.unwrap_or_default(), value.is_some(), names)?;
    }
    let mut arguments = lexer.arguments().into_iter();
    let timeouts = if verb == Verb::Set { Some(timeouts(&mut arguments)?) } else { None };
    if verb == Verb::Restore {
        draft.file = arguments.next().unwrap_or(b"-").to_vec();
    }
    if let Some(word) = arguments.next() {
        return Err(CommandError::usage(format!("unexpected argument {}", printable(word))));
    }
    draft.check()?;
    draft.command(timeouts)
}

fn no_command(why: &str) -> CommandError {
    let text = format!("{why}\nTry `ipvsadm -h' or 'ipvsadm --help' for more information.");
    CommandError::new(ErrorKind::Verb, text)
}

fn timeouts<'a>(words: &mut impl Iterator<Item = &'a [u8]>) -> Result<Timeouts, CommandError> {
    let mut next = || {
        let word = words
            .next()
            .ok_or_else(|| CommandError::usage("--set option requires 3 timeout values"))?;
        value::timeout(word, 0)
    };
    Ok(Timeouts::default().with_tcp(next()?).with_tcp_fin(next()?).with_udp(next()?))
}

/// What the options have said so far.
pub(super) struct Draft<'a> {
    pub(super) verb: Verb,
    pub(super) role: Option<DaemonRole>,
    pub(super) given: Vec<Opt>,
    pub(super) service: Option<ServiceKey>,
    pub(super) service_text: &'a [u8],
    pub(super) ipv6: bool,
    pub(super) scheduler: Option<String>,
    /// What they mean hangs on the scheduler, which may come later.
    pub(super) scheduler_flags: &'a [u8],
    pub(super) persistence: Option<u32>,
    pub(super) netmask: Option<Netmask>,
    pub(super) engine: Option<String>,
    pub(super) server: Option<value::Endpoint>,
    pub(super) forwarding: Forwarding,
    pub(super) tunnel: Tunnel,
    pub(super) weight: u32,
    pub(super) upper: u32,
    pub(super) lower: u32,
    pub(super) daemon: Daemon,
    pub(super) file: Vec<u8>,
}

impl<'a> Draft<'a> {
    fn new(verb: Verb) -> Draft<'a> {
        Draft {
            verb,
            role: None,
            given: Vec::with_capacity(8),
            service: None,
            service_text: b"",
            ipv6: false,
            scheduler: None,
            scheduler_flags: b"",
            persistence: None,
            netmask: None,
            engine: None,
            server: None,
            forwarding: Forwarding::DirectRouting,
            tunnel: Tunnel::default(),
            weight: 1,
            upper: 0,
            lower: 0,
            daemon: Daemon::new(DaemonRole::Master),
            file: Vec::new(),
        }
    }

    pub(super) fn has(&self, opt: Opt) -> bool {
        self.given.contains(&opt)
    }

    /// One option and its value.
    fn take(
        &mut self,
        opt: Opt,
        text: &'a [u8],
        has_value: bool,
        names: &dyn Names,
    ) -> Result<(), CommandError> {
        match opt {
            // Meaningless, or the same said twice: never in the way.
            Opt::Sort => return Ok(()),
            Opt::Ipv6 => {
                self.ipv6 = true;
                return self.turn_to_ipv6();
            }
            _ => {}
        }
        let group = opt.group();
        if self.has(group) {
            let name = group.name();
            return Err(CommandError::usage(format!("multiple '{name}' options specified")));
        }
        self.given.push(group);
        match opt {
            Opt::TcpService => self.service(text, Protocol::Tcp, names)?,
            Opt::UdpService => self.service(text, Protocol::Udp, names)?,
            Opt::SctpService => self.service(text, Protocol::Sctp, names)?,
            Opt::FirewallMark => {
                let mark = value::mark(text)?;
                self.service = Some(ServiceKey::Mark { mark, family: Family::V4 });
                if self.ipv6 {
                    self.turn_to_ipv6()?;
                }
            }
            Opt::Scheduler => {
                self.scheduler = value::short_name(text);
            }
            Opt::SchedulerFlags => self.scheduler_flags = text,
            Opt::Persistent => {
                self.persistence = Some(match has_value {
                    true => value::timeout(text, 1)?,
                    false => DEFAULT_PERSISTENCE,
                });
            }
            Opt::Netmask => {
                let family = self.service.map_or(Family::V4, |key| key.family());
                self.netmask = Some(value::netmask(text, family)?);
            }
            Opt::PersistenceEngine => {
                self.engine = value::short_name(text);
            }
            Opt::RealServer => {
                let protocol = self.service.map(|service| match service {
                    ServiceKey::Address { protocol, .. } => protocol,
                    // A mark covers any protocol; a service name is taken for TCP's.
                    ServiceKey::Mark { .. } => Protocol::Tcp,
                });
                self.server = Some(value::endpoint(text, "real", protocol, names)?);
            }
            Opt::Gatewaying => self.forwarding = Forwarding::DirectRouting,
            Opt::Ipip => self.forwarding = Forwarding::Tunnel,
            Opt::Masquerading => self.forwarding = Forwarding::Masquerading,
            Opt::TunType => self.tunnel.kind = value::tunnel_kind(text)?,
            Opt::TunPort => self.tunnel.port = value::bounded(text, 1, 65535, "tunnel port")?,
            Opt::TunNocsum => self.tunnel.checksum = Checksum::None,
            Opt::TunCsum => self.tunnel.checksum = Checksum::Full,
            Opt::TunRemcsum => self.tunnel.checksum = Checksum::Remote,
            Opt::Weight => self.weight = value::bounded(text, 0, value::INT_MAX, "weight")?,
            Opt::UpperThreshold => {
                self.upper = value::bounded(text, 0, value::INT_MAX, "u_threshold")?;
            }
            Opt::LowerThreshold => {
                self.lower = value::bounded(text, 0, value::INT_MAX, "l_threshold")?;
            }
            Opt::SyncId => self.daemon.sync_id = value::bounded(text, 0, 255, "syncid")?,
            Opt::SyncMaxLength => {
                self.daemon.max_length = Some(value::bounded(text, 1, 65535, "sync-maxlen")?);
            }
            Opt::McastInterface => {
                self.daemon.interface = value::name(text);
            }
            Opt::McastGroup => self.daemon.group = Some(value::multicast_group(text)?),
            Opt::McastPort => {
                self.daemon.port = Some(value::bounded(text, 1, 65535, "mcast-port")?);
            }
            Opt::McastTtl => self.daemon.ttl = Some(value::bounded(text, 1, 255, "mcast-ttl")?),
            // Being there is all they say.
            Opt::OnePacket | Opt::Connection | Opt::Timeout | Opt::Daemon | Opt::Stats => {}
            Opt::Rate | Opt::Exact | Opt::Thresholds | Opt::PersistentConn | Opt::TunInfo => {}
            Opt::NoSort | Opt::Numeric | Opt::Full | Opt::Json | Opt::Pretty => {}
            Opt::Verb(_) | Opt::Ipv6 | Opt::Sort | Opt::Netns => {}
        }
        Ok(())
    }

    fn service(
        &mut self,
        text: &'a [u8],
        protocol: Protocol,
        names: &dyn Names,
    ) -> Result<(), CommandError> {
        let endpoint = value::endpoint(text, "virtual", Some(protocol), names)?;
        let port = endpoint.port.unwrap_or(0);
        self.service_text = text;
        if Family::from(endpoint.address) == Family::V6 {
            self.netmask = None;
        }
        self.service = Some(ServiceKey::Address { protocol, address: endpoint.address, port });
        if self.ipv6 { self.turn_to_ipv6() } else { Ok(()) }
    }

    /// -6 makes a firewall mark one of IPv6; of an address it says what the address says itself.
    fn turn_to_ipv6(&mut self) -> Result<(), CommandError> {
        match &mut self.service {
            Some(ServiceKey::Mark { family, .. }) => {
                if *family == Family::V4 {
                    self.netmask = None;
                }
                *family = Family::V6;
                Ok(())
            }
            Some(ServiceKey::Address { address: IpAddr::V4(_), .. }) => Err(CommandError::usage(
                format!("-6 used with the IPv4 address `{}'", printable(self.service_text)),
            )),
            Some(ServiceKey::Address { .. }) | None => Ok(()),
        }
    }

    /// Which options this verb needs, allows, and allows only one of.
    fn check(&self) -> Result<(), CommandError> {
        let (needed, allowed): (&[Opt], &[Opt]) = match self.verb {
            Verb::AddService | Verb::EditService => (
                &[Opt::TcpService],
                &[
                    Opt::Scheduler,
                    Opt::Persistent,
                    Opt::Netmask,
                    Opt::OnePacket,
                    Opt::PersistenceEngine,
                    Opt::SchedulerFlags,
                ],
            ),
            Verb::DeleteService => (&[Opt::TcpService], &[]),
            Verb::AddServer | Verb::EditServer => (
                &[Opt::TcpService, Opt::RealServer],
                &[
                    Opt::Gatewaying,
                    Opt::Weight,
                    Opt::UpperThreshold,
                    Opt::LowerThreshold,
                    Opt::TunType,
                    Opt::TunPort,
                    Opt::TunNocsum,
                    Opt::TunCsum,
                    Opt::TunRemcsum,
                ],
            ),
            Verb::DeleteServer => (&[Opt::TcpService, Opt::RealServer], &[]),
            Verb::List => (
                &[],
                &[
                    Opt::Numeric,
                    Opt::Connection,
                    Opt::TcpService,
                    Opt::Timeout,
                    Opt::Daemon,
                    Opt::Stats,
                    Opt::Rate,
                    Opt::Thresholds,
                    Opt::PersistentConn,
                    Opt::TunInfo,
                    Opt::Json,
                    Opt::Pretty,
                    Opt::NoSort,
                    Opt::Exact,
                    Opt::SyncId,
                ],
            ),
            Verb::Save => (&[], &[Opt::Numeric, Opt::Full]),
            Verb::Zero => (&[], &[Opt::TcpService]),
            Verb::StartDaemon => (
                &[],
                &[
                    Opt::McastInterface,
                    Opt::SyncId,
                    Opt::SyncMaxLength,
                    Opt::McastGroup,
                    Opt::McastPort,
                    Opt::McastTtl,
                ],
            ),
            Verb::StopDaemon => (&[], &[Opt::SyncId]),
            Verb::Clear | Verb::Restore | Verb::Set | Verb::Help | Verb::Version => (&[], &[]),
        };
        let verb = self.verb.name();
        for opt in needed {
            if !self.has(*opt) {
                return Err(CommandError::usage(format!(
                    "You need to supply the '{}' option for the '{verb}' command",
                    opt.name()
                )));
            }
        }
        for opt in &self.given {
            if !needed.contains(opt) && !allowed.contains(opt) {
                return Err(CommandError::usage(format!(
                    "Illegal '{}' option with the '{verb}' command",
                    opt.name()
                )));
            }
        }
        if self.ipv6 && self.service.is_none() {
            return Err(CommandError::usage("-6 used without a virtual service"));
        }
        let only_one = [Opt::Connection, Opt::TcpService, Opt::Timeout, Opt::Daemon];
        if self.verb == Verb::List {
            self.one_of(&only_one, "list", "command")?;
            if self.has(Opt::Json) || self.has(Opt::Pretty) {
                self.one_of(&[Opt::Stats, Opt::Rate], "list", "command")?;
            }
            self.one_of(&[Opt::Json, Opt::Pretty], "list", "command")?;
            for opt in [Opt::Connection, Opt::Timeout, Opt::Daemon] {
                self.one_of(&[opt, Opt::Pretty], "list", "command")?;
            }
        }
        Ok(())
    }

    pub(super) fn one_of(&self, options: &[Opt], name: &str, of: &str) -> Result<(), CommandError> {
        let mut given = options.iter().filter(|opt| self.has(**opt));
        match (given.next(), given.next()) {
            (Some(first), Some(second)) => Err(CommandError::usage(format!(
                "The option '{}' conflicts with the '{}' option in the '{name}' {of}",
                second.name(),
                first.name()
            ))),
            _ => Ok(()),
        }
    }
}
