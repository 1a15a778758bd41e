//! What each method needs of a host, in the one place that knows: the wanted and the observed make
//! a list of steps. Pure: dry run prints the list, setup carries it out, check compares it with
//! the host, undo runs what was recorded of it backwards.

use super::settings::{Method, RpFilter, Settings, Tunnel};
use crate::host::observed::{self, Observed};
use crate::host::resource::{Resource, ResourceState, Route, alone, key_text};
use crate::setup::step::PlanStep;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The steps, those that are in place already among them, in the order to take them; and what
/// stands against taking any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<PlanStep>,
    pub conflicts: Vec<Conflict>,
}

/// Why this cannot be set up here, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub text: String,
    pub advice: String,
}

/// Values of arp_ignore under which no device answers for addresses of another. 3 is one only
/// for addresses of host scope, which is then how the VIP is put up. 4 to 7, and what is above 8,
/// mean nothing: the host answers.
pub const ARP_IGNORE: [i64; 4] = [1, 2, 3, 8];

/// The metric of a default route of ours: before any other.
fn metric(ipv6: bool) -> u32 {
    // IPv6 takes 0 for "the usual one", which is 1024.
    if ipv6 { 1 } else { 0 }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;

/// A setting of IPv4 or IPv6 for a device.
pub fn conf(ipv6: bool, device: &str, name: &str) -> String {
    format!("net/ipv{}/conf/{device}/{name}", if ipv6 { 6 } else { 4 })
}

/// The device that `vip` belongs on; none with NAT.
pub fn home(settings: &Settings, vip: IpAddr) -> Option<String> {
    match &settings.method {
        Method::Gatewaying => Some("lo".to_string()),
        Method::Ipip(tunnel) => Some(tunnel.device(vip).name.to_string()),
        Method::Masquerading { .. } => None,
    }
}

/// Make a plan.
pub fn plan(settings: &Settings, vips: &[IpAddr], observed: &Observed) -> Plan {
    let mut draft = Draft { settings, observed, phases: Default::default(), conflicts: Vec::new() };
    for &vip in vips {
        draft.misplaced(vip);
    }
    match &settings.method {
        Method::Gatewaying => draft.gatewaying(vips),
        Method::Ipip(tunnel) => draft.tunnel(tunnel, vips),
        Method::Masquerading { gateways } => draft.masquerading(gateways, vips),
    }
    let Draft { phases, conflicts, .. } = draft;
    Plan { steps: phases.into_iter().flatten().collect(), conflicts }
}

/// The order: the host answers ARP for an address as soon as it has it, so the settings are made
/// before; and a device has settings as soon as it is there.
#[derive(Clone, Copy)]
enum Phase {
    /// What new devices are to start with.
    Defaults,
    Devices,
    Settings,
    Addresses,
    Routes,
}

struct Draft<'a> {
    settings: &'a Settings,
    observed: &'a Observed,
    phases: [Vec<PlanStep>; 5],
    conflicts: Vec<Conflict>,
}

impl Draft<'_> {
    fn step(&mut self, phase: Phase, what: Resource, wanted: ResourceState, owner: IpAddr) {
        let found = self.observed.state(&what);
        self.step_found(phase, what, found, wanted, owner);
    }

    fn step_found(
        &mut self,
        phase: Phase,
        what: Resource,
        found: ResourceState,
        wanted: ResourceState,
        owner: IpAddr,
    ) {
        let steps = &mut self.phases[phase as usize];
        if let Some(step) = steps.iter_mut().find(|step| step.what.same(&what)) {
            step.owners.insert(owner);
            return;
        }
        let owners = BTreeSet::from([owner]);
        steps.push(PlanStep { what, found, wanted, owners, incidental: false, forced: false });
    }

    fn conflict(&mut self, text: String, advice: String) {
        self.conflicts.push(Conflict { text, advice });
    }

    /// The number a setting has, or will have by the steps so far.
    fn coming(&self, key: &str) -> i64 {
        let planned = |key: &str| {
            let mut steps = self.phases.iter().flatten();
            let step =
                steps.find(|s| matches!(&s.what, Resource::Sysctl { key: k } if k == key))?;
            match &step.wanted {
                ResourceState::Value(value) => value.parse().ok(),
                ResourceState::Absent | ResourceState::Present | ResourceState::Route(_) => None,
            }
        };
        // A device that is not there yet will have what `default` has by then.
        let default = || match self.observed.sysctls.contains_key(key) {
            true => None,
            false => planned(&observed::of_default(key)?),
        };
        planned(key).or_else(default).unwrap_or_else(|| self.observed.number(key))
    }

    fn set(&mut self, key: String, value: i64, owner: IpAddr) {
        self.set_in(Phase::Settings, key, value, owner);
    }

    fn set_in(&mut self, phase: Phase, key: String, value: i64, owner: IpAddr) {
        let found = match self.observed.setting(&key) {
            Some(_) => ResourceState::Value(self.coming(&key).to_string()),
            None => ResourceState::Absent,
        };
        let wanted = ResourceState::Value(value.to_string());
        self.step_found(phase, Resource::Sysctl { key }, found, wanted, owner);
    }

    /// A setting of a device that the method itself has no business with. It is part of the plan
    /// also when nothing is to be done: an earlier run may have done it, for other owners.
    fn keep(&mut self, phase: Phase, key: String, value: i64, owner: IpAddr) {
        let before = self.phases[phase as usize].len();
        self.set_in(phase, key, value, owner);
        self.phases[phase as usize].iter_mut().skip(before).for_each(|step| step.incidental = true);
    }

    fn up(&mut self, device: &str, owner: IpAddr) {
        let bare = device == "lo" && !self.observed.on(device).any(|a| a.address.is_ipv4());
        let what = Resource::Up { device: device.to_string(), bare };
        self.step(Phase::Devices, what, ResourceState::Present, owner);
    }

    /// An address of this host's that is in the way.
    fn misplaced(&mut self, vip: IpAddr) {
        let home = home(self.settings, vip);
        let places: Vec<_> = self.observed.addresses.iter().filter(|a| a.address == vip).collect();
        for place in places {
            let device = self.observed.name(place.index).unwrap_or("?").to_string();
            let full = if vip.is_ipv6() { 128 } else { 32 };
            let remove = format!("ip addr del {vip}/{} dev {device}", place.prefix);
            let virtual_home = self.observed.link(&device).is_some_and(|link| !link.arp);
            if home.as_ref() == Some(&device) {
                if place.prefix != full {
                    self.conflict(
                        format!(
                            "{vip} is on {device} with /{}, which makes a whole net local to this host",
                            place.prefix
                        ),
                        format!("take it away ({remove}); rs-setup puts {} up", alone(vip)),
                    );
                }
            } else if virtual_home {
                self.conflict(
                    format!("{vip} is on {device} already, where this method does not want it"),
                    format!("take it away: ipvsadm rs-setup --undo {vip}, or {remove}"),
                );
            } else {
                let asked = if vip.is_ipv6() { "neighbour solicitations" } else { "ARP" };
                self.conflict(
                    format!("{vip} is on the network card {device}, which answers {asked} for it"),
                    format!("take it off that card: {remove}"),
                );
            }
        }
    }

    /// No answers to ARP for the VIPs, and no questions from them.
    fn arp(&mut self, device: &str, vip: IpAddr) {
        let scopes = match self.settings.interfaces.as_slice() {
            [] => vec!["all".to_string(), device.to_string()],
            some => some.iter().cloned().chain([device.to_string()]).collect(),
        };
        for scope in &scopes {
            let key = conf(false, scope, "arp_ignore");
            let now = self.observed.number(&key);
            self.set(key, if ARP_IGNORE.contains(&now) { now } else { 1 }, vip);
            let key = conf(false, scope, "arp_announce");
            let now = self.observed.number(&key);
            self.set(key, now.max(2), vip);
        }
        // The larger value counts, and a card's own may be large and mean nothing.
        let all = self.coming(&conf(false, "all", "arp_ignore"));
        for link in self.observed.links.iter().filter(|link| link.arp) {
            let key = conf(false, &link.name, "arp_ignore");
            let own = self.coming(&key);
            let means_nothing = own > all && !ARP_IGNORE.contains(&own);
            self.keep(Phase::Settings, key, if means_nothing { 1 } else { own }, vip);
        }
    }

    fn address(&mut self, device: &str, vip: IpAddr) {
        let off = conf(true, device, "disable_ipv6");
        if vip.is_ipv6() && self.observed.number(&off) == 1 {
            self.conflict(
                format!("IPv6 is off on {device}, so it cannot have {vip}"),
                format!("sysctl -w {}=0", key_text(&off)),
            );
        }
        let label = (device == "lo" && vip.is_ipv4()).then(|| self.free_label());
        // What arp_ignore 3 leaves unanswered is addresses of host scope.
        let host_scope = vip.is_ipv4()
            && self.observed.sysctls.iter().any(|(key, value)| {
                key.ends_with("/arp_ignore") && key.starts_with("net/ipv4") && value == "3"
            });
        let what =
            Resource::Address { device: device.to_string(), address: vip, label, host_scope };
        self.step(Phase::Addresses, what, ResourceState::Present, vip);
    }

    fn free_label(&self) -> String {
        let planned = self.phases[Phase::Addresses as usize].iter();
        let taken: BTreeSet<&str> = (self.observed.addresses.iter())
            .filter_map(|address| address.label.as_deref())
            .chain(planned.filter_map(|step| match &step.what {
                Resource::Address { label, .. } if !step.in_place() => label.as_deref(),
                _ => None,
            }))
            .collect();
        (0u64..)
            .map(|n| format!("lo:{n}"))
            .find(|label| !taken.contains(label.as_str()))
            .unwrap_or_default()
    }

    fn gatewaying(&mut self, vips: &[IpAddr]) {
        for &vip in vips {
            self.up("lo", vip);
            if vip.is_ipv4() {
                self.arp("lo", vip);
            }
            self.address("lo", vip);
        }
    }

    fn tunnel(&mut self, tunnel: &Tunnel, vips: &[IpAddr]) {
        for &vip in vips {
            let device = tunnel.device(vip);
            let what = Resource::Device {
                name: device.name.to_string(),
                kind: device.kind.to_string(),
                module: device.module.to_string(),
                ours: device.ours,
            };
            self.step(Phase::Devices, what, ResourceState::Present, vip);
            if let Some((port, ipv6)) = tunnel.fou(vip) {
                let taken =
                    |f: &&crate::host::fou::FouPort| (f.port, f.ipv6) == (port, ipv6) && !f.gue;
                if self.observed.fou.iter().find(taken).is_some() {
                    self.conflict(
                        format!("UDP port {port} takes bare packets (fou), not GUE"),
                        format!("take it away (ip fou del port {port}), or use another port on the director"),
                    );
                }
                self.step(
                    Phase::Devices,
                    Resource::Fou { port, ipv6 },
                    ResourceState::Present,
                    vip,
                );
            }
            self.up(device.name, vip);
            if vip.is_ipv4() {
                self.arp(device.name, vip);
                self.rp_filter(tunnel, device.name, vip);
            }
            self.address(device.name, vip);
        }
    }

    /// Packets come out of the tunnel from clients whose way back is a network card.
    fn rp_filter(&mut self, tunnel: &Tunnel, device: &str, vip: IpAddr) {
        let of = |device: &str| conf(false, device, "rp_filter");
        if tunnel.rp_filter == RpFilter::Loose {
            self.set(of(device), 2, vip);
            return;
        }
        // The larger of all and the device's own counts. So all has to be 0, and before that every
        // other device gets what is in effect on it: none is opened, not even for a moment.
        // `default` before the others, as a module that is loaded may bring more devices than the
        // one. Writing it changes every device whose own value was never written; so if ours is
        // there, its own is written before, and what it was is known.
        let all = self.observed.number(&of("all"));
        let default = self.observed.number(&of("default"));
        let there = self.observed.link(device).is_some();
        if there {
            self.set_in(Phase::Defaults, of(device), 0, vip);
            if let Some(step) = self.phases[Phase::Defaults as usize].last_mut() {
                step.forced = default < all;
            }
        }
        self.keep(Phase::Defaults, of("default"), default.max(all), vip);
        for other in self.observed.links.iter().filter(|other| other.name != device) {
            let own = self.observed.number(&of(&other.name));
            self.keep(Phase::Settings, of(&other.name), own.max(all), vip);
        }
        if !there {
            self.set(of(device), 0, vip);
        }
        self.set(of("all"), 0, vip);
    }

    fn masquerading(&mut self, gateways: &[IpAddr], vips: &[IpAddr]) {
        for &gateway in gateways {
            let ipv6 = gateway.is_ipv6();
            let index = self.observed.neighbours.get(&gateway).copied().flatten();
            let Some(device) = index.and_then(|index| self.observed.name(index)) else {
                self.conflict(
                    format!("the gateway {gateway} is on no net of this host"),
                    "--gateway wants the director's address on the net of the real servers".into(),
                );
                continue;
            };
            let device = device.to_string();
            let owners = if vips.is_empty() { &[gateway] } else { vips };
            let wanted =
                Route { gateway: Some(gateway), device: Some(device.clone()), raw: vec![] };
            let wanted = ResourceState::Route(wanted);
            let best = self.observed.routes(ipv6).iter().min_by_key(|route| route.metric);
            let metric = match best {
                Some(best) if self.observed.route_state(best) == wanted => best.metric,
                _ => metric(ipv6),
            };
            for &owner in owners {
                for scope in ["all", &device] {
                    self.set(conf(ipv6, scope, "accept_redirects"), 0, owner);
                }
                let what = Resource::DefaultRoute { ipv6, metric };
                self.step(Phase::Routes, what, wanted.clone(), owner);
            }
        }
    }
}
