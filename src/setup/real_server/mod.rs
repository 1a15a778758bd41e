//! The policy of real servers: a table of what each forwarding method requires of a host.
//!
//! [`query`], [`plan`] and [`effects`] read the rows; `--check`, `--dry-run` and the set-up read
//! those. To set one more sysctl, add a row.

mod boot;
mod rules;
mod settings;

#[cfg(test)]
pub mod fixtures;
#[cfg(test)]
mod tests;

pub use boot::{by_settings, command, commands};
pub use rules::{ARP_IGNORE_SILENT, SILENT_FOR_HOST_SCOPE};
pub use settings::{Device, Method, RpFilter, Settings, Tunnel, TunnelKind};

use super::plan::{Phase, Plan, Planner, Reason};
use crate::host::snapshot::{Query, Snapshot, SnapshotError};
use crate::host::sysctl;
use std::net::IpAddr;

/// A forwarding method, without its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    DirectRouting,
    Tunnel,
    Nat,
}

/// A row: something that methods require of a host.
struct Row {
    methods: &'static [Kind],
    /// False for a requirement of IPv4 VIPs only.
    ipv6: bool,
    /// The sysctl that the row sets or depends on. It is observed on every device.
    sysctl: Option<Sysctl>,
    steps: Steps,
    effective: Option<Effective>,
    /// The id of the finding that the row fixes.
    finding: &'static str,
}

/// A sysctl of every device.
enum Sysctl {
    Ipv4(&'static str),
    Ipv6(&'static str),
    Both(&'static str),
}

impl Sysctl {
    fn name(&self) -> &'static str {
        match self {
            Sysctl::Ipv4(name) | Sysctl::Ipv6(name) | Sysctl::Both(name) => name,
        }
    }

    /// True for IPv6, for each family that has it.
    fn families(&self) -> &'static [bool] {
        match self {
            Sysctl::Ipv4(_) => &[false],
            Sysctl::Ipv6(_) => &[true],
            Sysctl::Both(_) => &[false, true],
        }
    }
}

/// The steps of a row.
enum Steps {
    /// The sysctl is set on these devices.
    Set { on: Devices, desired: Desired },
    /// The function adds the steps to the plan.
    Computed(fn(&Context, &mut Planner, &Row) -> Result<(), SnapshotError>),
}

/// The devices whose sysctl is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Devices {
    /// `all`, or the devices of --interface; and the device of the VIP.
    AllAndVip,
    /// `all` and the device towards the gateway, for the family of each gateway.
    AllAndGateway,
}

/// The desired value of a sysctl.
enum Desired {
    Exactly(i64),
    AtLeast(i64),
    /// Computed from the current value.
    Computed(fn(i64) -> i64),
}

impl Desired {
    fn value(&self, current: i64) -> i64 {
        match self {
            Desired::Exactly(value) => *value,
            Desired::AtLeast(least) => current.max(*least),
            Desired::Computed(value) => value(current),
        }
    }
}

/// The effective value of a sysctl: the larger of the device's own and that of `all`.
struct Effective {
    on: Reported,
    /// Returns true for a value that the method can work with.
    accepts: fn(&Settings, i64) -> bool,
}

/// The devices whose effective value is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reported {
    /// The network cards that are up; with --interface those alone.
    Cards,
    /// The device of the VIP.
    Vip,
}

const VIP_ON_HOST: &[Kind] = &[Kind::DirectRouting, Kind::Tunnel];

/// The table. Within a phase, steps are in the order of the rows.
const ROWS: &[Row] = &[
    Row {
        methods: &[Kind::Tunnel],
        ipv6: true,
        sysctl: None,
        steps: Steps::Computed(rules::tunnel_device),
        effective: None,
        finding: "tunnel-missing",
    },
    Row {
        methods: &[Kind::Tunnel],
        ipv6: true,
        sysctl: None,
        steps: Steps::Computed(rules::gue_port),
        effective: None,
        finding: "gue-port-missing",
    },
    Row {
        methods: VIP_ON_HOST,
        ipv6: true,
        sysctl: None,
        steps: Steps::Computed(rules::device_up),
        effective: None,
        finding: "link-down",
    },
    // The host neither answers ARP requests for the VIP nor sends any from it.
    Row {
        methods: VIP_ON_HOST,
        ipv6: false,
        sysctl: Some(Sysctl::Ipv4("arp_ignore")),
        steps: Steps::Set {
            on: Devices::AllAndVip,
            desired: Desired::Computed(rules::silent_arp_ignore),
        },
        effective: Some(Effective {
            on: Reported::Cards,
            accepts: |_, value| ARP_IGNORE_SILENT.contains(&value),
        }),
        finding: "arp-leak",
    },
    Row {
        methods: VIP_ON_HOST,
        ipv6: false,
        sysctl: Some(Sysctl::Ipv4("arp_announce")),
        steps: Steps::Set { on: Devices::AllAndVip, desired: Desired::AtLeast(2) },
        effective: Some(Effective { on: Reported::Cards, accepts: |_, value| value >= 2 }),
        finding: "arp-announce",
    },
    Row {
        methods: VIP_ON_HOST,
        ipv6: false,
        sysctl: Some(Sysctl::Ipv4("arp_ignore")),
        steps: Steps::Computed(rules::arp_ignore_of_cards),
        effective: None,
        finding: "arp-leak",
    },
    // The way back to the client leads over a network card, not over the tunnel device.
    Row {
        methods: &[Kind::Tunnel],
        ipv6: false,
        sysctl: Some(Sysctl::Ipv4("rp_filter")),
        steps: Steps::Computed(rules::rp_filter),
        effective: Some(Effective { on: Reported::Vip, accepts: rules::accepts_rp_filter }),
        finding: "rp-filter",
    },
    Row {
        methods: VIP_ON_HOST,
        ipv6: true,
        sysctl: Some(Sysctl::Ipv6("disable_ipv6")),
        steps: Steps::Computed(rules::vip_address),
        effective: None,
        finding: "vip-missing",
    },
    // A redirect of the director would lead packets past it.
    Row {
        methods: &[Kind::Nat],
        ipv6: true,
        sysctl: Some(Sysctl::Both("accept_redirects")),
        steps: Steps::Set { on: Devices::AllAndGateway, desired: Desired::Exactly(0) },
        effective: None,
        finding: "sysctl-value",
    },
    Row {
        methods: &[Kind::Nat],
        ipv6: true,
        sysctl: None,
        steps: Steps::Computed(rules::default_route),
        effective: None,
        finding: "return-route",
    },
];

/// The rows of a method.
fn rows(settings: &Settings) -> Vec<&'static Row> {
    let kind = match settings.method {
        Method::Gatewaying => Kind::DirectRouting,
        Method::Ipip(_) => Kind::Tunnel,
        Method::Masquerading { .. } => Kind::Nat,
    };
    ROWS.iter().filter(|row| row.methods.contains(&kind)).collect()
}

/// The finding ids that the table names.
pub fn finding_ids() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.finding)
}

/// The parts of a host to observe for [`plan`], [`effects`] and the findings.
pub fn query(settings: &Settings) -> Query {
    let mut query = Query::default();
    for sysctl in rows(settings).iter().filter_map(|row| row.sysctl.as_ref()) {
        let families = sysctl.families().iter();
        query.device_sysctls.extend(families.map(|&ipv6| (ipv6, sysctl.name())));
    }
    match &settings.method {
        Method::Gatewaying => {}
        Method::Ipip(tunnel) => query.fou_ports = matches!(tunnel.kind, TunnelKind::Gue { .. }),
        Method::Masquerading { gateways } => {
            query.default_routes.extend(gateways.iter().map(IpAddr::is_ipv6));
            query.neighbours.extend(gateways);
        }
    }
    query
}

/// A set-up for one owner.
struct Context<'a> {
    settings: &'a Settings,
    snapshot: &'a Snapshot,
    owner: IpAddr,
    /// The device that the VIP belongs on; `None` with NAT.
    device: Option<&'static str>,
}

impl Context<'_> {
    fn reason(&self, row: &Row) -> Reason {
        Reason { owner: self.owner, finding: row.finding }
    }

    /// The settings, where the method is a tunnel.
    fn tunnel(&self) -> Option<&Tunnel> {
        match &self.settings.method {
            Method::Ipip(tunnel) => Some(tunnel),
            Method::Gatewaying | Method::Masquerading { .. } => None,
        }
    }

    /// The gateways that are neighbours of this host, each with the device towards it.
    fn reachable_gateways(&self) -> Result<Vec<(IpAddr, &str)>, SnapshotError> {
        let mut reachable = Vec::new();
        for &gateway in self.settings.gateways() {
            let device = self.snapshot.neighbour_device(gateway)?;
            reachable.extend(device.map(|device| (gateway, device)));
        }
        Ok(reachable)
    }

    /// The devices, and true for their IPv6 settings.
    fn devices(&self, devices: Devices) -> Result<Vec<(bool, &str)>, SnapshotError> {
        match devices {
            Devices::AllAndVip => {
                let interfaces = self.settings.interfaces.iter().map(String::as_str);
                let all = self.settings.interfaces.is_empty().then_some("all");
                let names = all.into_iter().chain(interfaces).chain(self.device);
                Ok(names.map(|name| (false, name)).collect())
            }
            Devices::AllAndGateway => {
                let gateways = self.reachable_gateways()?.into_iter();
                Ok(gateways
                    .flat_map(|(gateway, device)| ["all", device].map(|d| (gateway.is_ipv6(), d)))
                    .collect())
            }
        }
    }

    fn set(&self, planner: &mut Planner, rows: &[&Row]) -> Result<(), SnapshotError> {
        let Steps::Set { on, .. } = &rows[0].steps else { return Ok(()) };
        for (ipv6, device) in self.devices(*on)? {
            for row in rows {
                let (Steps::Set { desired, .. }, Some(sysctl)) = (&row.steps, &row.sysctl) else {
                    continue;
                };
                let key = sysctl::device_key(ipv6, device, sysctl.name());
                let value = desired.value(self.snapshot.number(&key)?);
                planner.set(Phase::Sysctls, key, value, self.reason(row))?;
            }
        }
        Ok(())
    }
}

/// Makes the plan for `vips`.
pub fn plan(
    settings: &Settings,
    vips: &[IpAddr],
    snapshot: &Snapshot,
) -> Result<Plan, SnapshotError> {
    let mut planner = Planner::new(snapshot);
    for &vip in vips {
        rules::misplaced_vip(settings, vip, snapshot, &mut planner);
    }
    for &gateway in settings.gateways() {
        rules::unreachable_gateway(gateway, snapshot, &mut planner)?;
    }
    for owner in settings.owners(vips) {
        let context = Context { settings, snapshot, owner, device: settings.vip_device(owner) };
        let mut rows = rows(settings);
        rows.retain(|row| row.ipv6 || owner.is_ipv4());
        // Device by device where consecutive rows set sysctls of the same devices.
        for group in rows.chunk_by(|a, b| match (&a.steps, &b.steps) {
            (Steps::Set { on: a, .. }, Steps::Set { on: b, .. }) => a == b,
            _ => false,
        }) {
            match &group[0].steps {
                Steps::Set { .. } => context.set(&mut planner, group)?,
                Steps::Computed(add) => add(&context, &mut planner, group[0])?,
            }
        }
    }
    Ok(planner.finish())
}

/// The effective value of a sysctl on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub device: String,
    pub sysctl: &'static str,
    pub all: i64,
    pub own: i64,
    pub accepted: bool,
    /// The id of the finding that a value that is not accepted causes.
    pub finding: &'static str,
}

impl Effect {
    pub fn value(&self) -> i64 {
        self.all.max(self.own)
    }
}

/// The effective values that the methods depend on.
pub fn effects(
    settings: &Settings,
    vips: &[IpAddr],
    snapshot: &Snapshot,
) -> Result<Vec<Effect>, SnapshotError> {
    let mut effects = Vec::new();
    let Some(vip) = vips.iter().find(|vip| vip.is_ipv4()) else { return Ok(effects) };
    let rows = rows(settings);
    let reported: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((*row, row.sysctl.as_ref()?, row.effective.as_ref()?)))
        .collect();
    for group in reported.chunk_by(|(_, _, a), (_, _, b)| a.on == b.on) {
        let devices: Vec<&str> = match group[0].2.on {
            Reported::Vip => settings.vip_device(*vip).into_iter().collect(),
            Reported::Cards => cards(snapshot)
                .filter(|card| {
                    let only = &settings.interfaces;
                    only.is_empty() || only.iter().any(|interface| interface == card)
                })
                .collect(),
        };
        for device in devices {
            for (row, sysctl, effective) in group {
                let value =
                    |device| snapshot.number(&sysctl::device_key(false, device, sysctl.name()));
                let (all, own) = (value("all")?, value(device)?);
                effects.push(Effect {
                    device: device.to_string(),
                    sysctl: sysctl.name(),
                    all,
                    own,
                    accepted: (effective.accepts)(settings, all.max(own)),
                    finding: row.finding,
                });
            }
        }
    }
    Ok(effects)
}

/// The network cards that are up.
pub fn cards(snapshot: &Snapshot) -> impl Iterator<Item = &str> {
    snapshot.links.iter().filter(|link| link.arp && link.up).map(|link| link.name.as_str())
}

/// The effective value of an IPv4 sysctl on a device.
pub fn effective_value(
    snapshot: &Snapshot,
    device: &str,
    name: &str,
) -> Result<i64, SnapshotError> {
    let value = |device| snapshot.number(&sysctl::device_key(false, device, name));
    Ok(value("all")?.max(value(device)?))
}
