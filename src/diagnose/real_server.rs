//! The findings about a real server: a table of ids, and the functions that detect them.
//!
//! To add a finding, add a row and its function.

use super::{Finding, Severity};
use crate::host::resource::{Resource, ResourceState};
use crate::host::snapshot::{Snapshot, SnapshotError};
use crate::host::sysctl::device_key;
use crate::setup::plan::{self, PlanStep};
use crate::setup::real_server::{
    self, ARP_IGNORE_SILENT, Method, RpFilter, SILENT_FOR_HOST_SCOPE, Settings, Tunnel, cards,
    effective_value,
};
use crate::setup::render::shell_line;
use Source::{Function, Plan};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A kind of finding.
pub struct Kind {
    pub id: &'static str,
    pub severity: Severity,
    /// A sentence for the manual page.
    pub meaning: &'static str,
    source: Source,
}

/// The origin of the findings of a kind.
enum Source {
    /// The conflicts of the plan that have the id. Its steps name the id too.
    Plan,
    Function(fn(&Facts) -> Result<Vec<Detected>, SnapshotError>),
}

/// A finding without its kind.
struct Detected {
    subject: String,
    text: String,
    advice: String,
}

/// The facts that findings are derived from.
pub struct Facts<'a> {
    pub settings: &'a Settings,
    pub vips: &'a [IpAddr],
    pub snapshot: &'a Snapshot,
    pub plan: &'a plan::Plan,
    pub own_table: &'a OwnTable,
}

/// The services for the VIPs in this host's own IPVS table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnTable {
    /// The services with destinations on other hosts.
    Services(Vec<ForwardedService>),
    Unreadable,
}

impl Default for OwnTable {
    fn default() -> OwnTable {
        OwnTable::Services(Vec::new())
    }
}

/// A virtual service that this host forwards to other hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedService {
    pub vip: IpAddr,
    /// The service as an option of ipvsadm: `-t 10.0.0.100:80`.
    pub option: String,
    pub destinations: Vec<IpAddr>,
}

const fn wrong(id: &'static str, meaning: &'static str, source: Source) -> Kind {
    Kind { id, severity: Severity::Wrong, meaning, source }
}

const fn note(id: &'static str, meaning: &'static str, source: Source) -> Kind {
    Kind { id, severity: Severity::Note, meaning, source }
}

/// Every kind of finding, in the order of a report. An id is never reused.
pub const KINDS: &[Kind] = &[
    wrong(
        "vip-on-card",
        "The VIP is on a network card, which answers ARP requests or neighbour solicitations for it.",
        Plan,
    ),
    wrong(
        "vip-prefix",
        "The VIP has a prefix length that makes its whole subnet local to this host.",
        Plan,
    ),
    wrong("vip-misplaced", "The VIP is on a device that the forwarding method does not use.", Plan),
    wrong("vip-missing", "The VIP is not on its device.", Plan),
    wrong("ipv6-disabled", "IPv6 is disabled on the device of an IPv6 VIP.", Plan),
    wrong("gue-port-taken", "The UDP port receives bare packets (fou), not GUE.", Plan),
    wrong("gue-port-missing", "No UDP port receives the GUE packets of the director.", Plan),
    wrong("gateway-unreachable", "The gateway is not in a subnet of this host.", Plan),
    wrong("link-down", "The device of the VIP is down.", Plan),
    wrong(
        "sysctl-value",
        "A sysctl does not have the value that the forwarding method requires.",
        Plan,
    ),
    note(
        "ipvs-table-unreadable",
        "The IPVS table of this host cannot be read, so that director-loop is not checked.",
        Function(ipvs_table_unreadable),
    ),
    wrong(
        "director-loop",
        "This host balances the VIP itself, and forwards the packets of another director again.",
        Function(director_loop),
    ),
    wrong(
        "arp-scope",
        "arp_ignore is 3, which is silent for addresses of scope host only, and the VIP has scope global.",
        Function(arp_scope),
    ),
    note(
        "arp-other-card",
        "A network card that is not named by --interface answers ARP requests for the VIP.",
        Function(arp_other_card),
    ),
    wrong(
        "arp-leak",
        "A network card answers ARP requests for the VIP, so that clients bypass the director.",
        Function(arp_leak),
    ),
    wrong(
        "arp-announce",
        "This host may send ARP requests from the VIP, and others then send the VIP's packets to it.",
        Plan,
    ),
    wrong(
        "tunnel-missing",
        "The tunnel device does not exist: its kernel module is not loaded.",
        Function(tunnel_missing),
    ),
    wrong(
        "rp-filter",
        "rp_filter drops the packets that come out of the tunnel.",
        Function(rp_filter),
    ),
    note(
        "rp-filter-loose",
        "rp_filter drops the packets of clients that this host has no route to.",
        Function(rp_filter_loose),
    ),
    note(
        "mtu-small",
        "Packets of 1500 bytes with the tunnel's header exceed the MTU of a network card.",
        Function(mtu_small),
    ),
    wrong(
        "return-route",
        "The default route does not lead to the director, so that answers bypass it.",
        Function(return_route),
    ),
    note(
        "clients-in-subnet",
        "The VIP is in a subnet of this host, whose clients get their answers without the director.",
        Function(clients_in_subnet),
    ),
];

/// All findings.
pub fn findings(facts: &Facts) -> Result<Vec<Finding>, SnapshotError> {
    let mut findings = Vec::new();
    for kind in KINDS {
        let detected = match kind.source {
            Plan => conflicts(facts, kind.id),
            Function(detect) => detect(facts)?,
        };
        findings.extend(detected.into_iter().map(|Detected { subject, text, advice }| Finding {
            id: kind.id,
            severity: kind.severity,
            wrong: kind.severity == Severity::Wrong,
            subject,
            text,
            advice,
        }));
    }
    Ok(findings)
}

impl Facts<'_> {
    /// The command that sets up these VIPs.
    fn command(&self) -> String {
        command(self.settings, self.vips)
    }

    fn tunnel(&self) -> Option<&Tunnel> {
        match &self.settings.method {
            Method::Ipip(tunnel) => Some(tunnel),
            Method::Gatewaying | Method::Masquerading { .. } => None,
        }
    }

    /// The IPv4 VIPs, each with the device that it belongs on.
    fn ipv4_vips(&self) -> impl Iterator<Item = (IpAddr, &'static str)> {
        let vips = self.vips.iter().filter(|vip| vip.is_ipv4());
        vips.filter_map(|&vip| Some((vip, self.settings.vip_device(vip)?)))
    }

    /// The network cards that are up and answer ARP requests for addresses of other devices.
    fn answering_cards(&self) -> Result<Vec<&str>, SnapshotError> {
        let mut answering = Vec::new();
        for card in cards(self.snapshot) {
            let arp_ignore = effective_value(self.snapshot, card, "arp_ignore")?;
            if !ARP_IGNORE_SILENT.contains(&arp_ignore) {
                answering.push(card);
            }
        }
        Ok(answering)
    }

    /// The steps that are not in place.
    fn missing_steps(&self) -> impl Iterator<Item = &PlanStep> {
        self.plan.steps.iter().filter(|step| !step.in_place())
    }
}

fn command(settings: &Settings, vips: &[IpAddr]) -> String {
    format!("ipvsadm {}", shell_line(&real_server::command(settings, vips)))
}

fn list(addresses: &[IpAddr], separator: &str) -> String {
    addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(separator)
}

fn conflicts(facts: &Facts, id: &str) -> Vec<Detected> {
    let conflicts = facts.plan.conflicts.iter().filter(|conflict| conflict.finding == id);
    conflicts
        .map(|conflict| Detected {
            subject: conflict.subject.clone(),
            text: conflict.text.clone(),
            advice: conflict.advice.clone(),
        })
        .collect()
}

fn ipvs_table_unreadable(facts: &Facts) -> Result<Vec<Detected>, SnapshotError> {
    Ok(match facts.own_table {
        OwnTable::Services(_) => vec![],
        OwnTable::Unreadable => vec![Detected {
            subject: "IPVS table".into(),
            text: "the IPVS table of this host cannot be read: it is unknown whether this host balances the VIP itself".into(),
            advice: "Run the check as root.".into(),
        }],
    })
}

/// Two directors that are each other's real servers send a packet back and forth until its time to
/// live ends.
fn director_loop(facts: &Facts) -> Result<Vec<Detected>, SnapshotError> {
    let OwnTable::Services(services) = facts.own_table else { return Ok(vec![]) };
    let detect = |service: &ForwardedService| Detected {
        subject: service.vip.to_string(),
        text: format!(
            "this host balances {} itself ({}, to {}): it forwards the packets of another director again, and they may loop",
            service.vip,
            service.option,
            list(&service.destinations, ", ")
        ),
        advice: format!(
            "Ignore this on a director that is not a real server. \
             On a standby director, run 'sysctl -w net.ipv4.vs.backup_only=1' and start its backup daemon \
             (ipvsadm --start-daemon backup). \
             On any other host, run 'ipvsadm -D {}', or use a firewall mark that the packets of the other director do not get.",
            service.option
        ),
    };
    Ok(services.iter().map(detect).collect())
}

fn arp_scope(facts: &Facts) -> Result<Vec<Detected>, SnapshotError> {
    let mut detected = Vec::new();
    for (vip, device) in facts.ipv4_vips() {
        let mut addresses = facts.snapshot.addresses_on(device);
        let Some(global) = addresses.find(|on| on.net.addr() == vip && !on.host_scope) else {
            continue;
        };
        for card in cards(facts.snapshot) {
            if effective_value(facts.snapshot, card, "arp_ignore")? == SILENT_FOR_HOST_SCOPE {
                detected.push(Detected {
                    subject: vip.to_string(),
                    text: format!(
                        "arp_ignore 3 on {card} is silent for addresses of scope host only, and {vip} has scope global"
                    ),
                    advice: format!(
                        "Run 'ip addr del {} dev {device}' and then '{}', which adds it with scope host.",
                        global.net,
                        facts.command()
                    ),
                });
                break;
            }
        }
    }
    Ok(detected)
}

fn arp_other_card(facts: &Facts) -> Result<Vec<Detected>, SnapshotError> {
    let interfaces = &facts.settings.interfaces;
    if interfaces.is_empty() || facts.ipv4_vips().next().is_none() {
        return Ok(vec![]);
    }
    let others = facts.answering_cards()?.into_iter();
    let others = others.filter(|card| !interfaces.iter().any(|interface| interface == card));
    Ok(others
        .map(|card| {
            let mut settings = facts.settings.clone();
            settings.interfaces.push(card.to_string());
            Detected {
                subject: card.to_string(),
                text: format!(
                    "{card} answers ARP for the VIP: the ARP settings are on {} only",
                    interfaces.join(", ")
                ),
                advice: format!(
                    "If clients or the director are in its subnet, run 'ipvsadm rs-setup --undo {}' and then '{}'.",
                    list(facts.vips, " "),
                    command(&settings, facts.vips)
                ),
            }
        })
        .collect())
}

/// A VIP that is up while a card answers ARP requests for it: clients find this host instead of the
/// director.
fn arp_leak(facts: &Facts) -> Result<Vec<Detected>, SnapshotError> {
    let is_up = |(vip, device): &(IpAddr, &str)| {
        facts.snapshot.addresses_on(device).any(|on| on.net.addr() == *vip)
    };
    let vip = facts.ipv4_vips().find(is_up);
    let Some((vip, _)) = vip.filter(|_| facts.settings.interfaces.is_empty()) else {
        return Ok(vec![]);
    };
    let detect = |card: &str| Detected {
        subject: card.to_string(),
        text: format!("{card} answers ARP for {vip}: clients bypass the director"),
        advice: format!(
            "Run '{}'. Then run 'arping -c 1 -U -I IF {vip}' on the director, with its card as IF, \
             to refresh the clients' ARP caches.",
            facts.command()
        ),
    };
    Ok(facts.answering_cards()?.into_iter().map(detect).collect())
}

fn tunnel_missing(facts: &Facts) -> Result<Vec<Detected>, SnapshotError> {
    let detect = |step: &PlanStep| match &step.resource {
        Resource::Device { name, module, .. } => Some(Detected {
            subject: name.clone(),
            text: format!("there is no device {name}: the kernel module {module} is not loaded"),
            advice: format!(
                "Run '{}', which loads it. If that fails, 'modprobe {module}' says why: \
                 a package with more kernel modules may be missing.",
                facts.command()
            ),
        }),
        _ => None,
    };
    Ok(facts.missing_steps().filter_map(detect).collect())
}

/// The tunnel devices of IPv4 VIPs that exist.
fn tunnel_devices<'a>(facts: &Facts<'a>) -> BTreeSet<&'a str> {
    let devices = facts.tunnel().into_iter().flat_map(|_| facts.ipv4_vips());
    devices.map(|(_, device)| device).filter(|name| facts.snapshot.link(name).is_some()).collect()
}

fn rp_filter(facts: &Facts) -> Result<Vec<Detected>, SnapshotError> {
    let mut detected = Vec::new();
    for device in tunnel_devices(facts) {
        let value = |device| facts.snapshot.number(&device_key(false, device, "rp_filter"));
        let (all, own) = (value("all")?, value(device)?);
        if all.max(own) == 1 {
            detected.push(Detected {
                subject: device.to_string(),
                text: format!(
                    "rp_filter 1 is in effect on {device} (all {all}, its own {own}): it drops what comes out of the tunnel"
                ),
                advice: format!(
                    "Run '{}'. If the value returns, look for it with 'grep -r rp_filter /etc/sysctl.conf /etc/sysctl.d', \
                     and use --persist.",
                    facts.command()
                ),
            });
        }
    }
    Ok(detected)
}

fn rp_filter_loose(facts: &Facts) -> Result<Vec<Detected>, SnapshotError> {
    let mut detected = Vec::new();
    if facts.tunnel().is_some_and(|tunnel| tunnel.rp_filter == RpFilter::Loose) {
        return Ok(detected);
    }
    for device in tunnel_devices(facts) {
        if effective_value(facts.snapshot, device, "rp_filter")? > 1 {
            detected.push(Detected {
                subject: device.to_string(),
                text: format!(
                    "rp_filter 2 is in effect on {device}: packets of clients that this host has no route to are dropped"
                ),
                advice: format!(
                    "Run '{}', or set it up with --rp-filter loose if that is intended.",
                    facts.command()
                ),
            });
        }
    }
    Ok(detected)
}

fn mtu_small(facts: &Facts) -> Result<Vec<Detected>, SnapshotError> {
    const USUAL: u32 = 1500;
    let overhead = |tunnel: &Tunnel| facts.vips.iter().map(|&vip| tunnel.overhead(vip)).max();
    let Some(overhead) = facts.tunnel().and_then(overhead) else { return Ok(vec![]) };
    let needed = USUAL + overhead;
    let links = facts.snapshot.links.iter().filter(|link| link.arp && link.up);
    let small: Vec<_> = links.filter(|link| link.mtu < needed).collect();
    let mtus: Vec<String> = small.iter().map(|l| format!("{} of {}", l.mtu, l.name)).collect();
    // The headers of IP and TCP.
    let headers = if facts.vips.iter().any(IpAddr::is_ipv6) { 60 } else { 40 };
    let detected = small.first().map(|link| Detected {
        subject: link.name.clone(),
        text: format!(
            "packets of {USUAL} bytes grow to {needed} in the tunnel, more than the MTU ({})",
            mtus.join(", ")
        ),
        advice: format!(
            "If uploads hang, run 'ip link set {} mtu {needed}' here and the same on the way from the director. \
             Or let clients send less: run 'ip route change default via ROUTER advmss {}'.",
            link.name,
            USUAL - overhead - headers
        ),
    });
    Ok(detected.into_iter().collect())
}

fn return_route(facts: &Facts) -> Result<Vec<Detected>, SnapshotError> {
    let detect = |step: &PlanStep| match (&step.resource, &step.desired) {
        (Resource::DefaultRoute { .. }, ResourceState::Route(_)) => Some(Detected {
            subject: step.resource.to_string(),
            text: format!(
                "answers do not go back through the director: the {} is {}",
                step.resource,
                step.current.text(&step.resource)
            ),
            advice: format!(
                "Run '{}'. If the route changes back, DHCP or the network configuration sets it.",
                facts.command()
            ),
        }),
        _ => None,
    };
    Ok(facts.missing_steps().filter_map(detect).collect())
}

fn clients_in_subnet(facts: &Facts) -> Result<Vec<Detected>, SnapshotError> {
    let gateways = facts.settings.gateways();
    if gateways.is_empty() {
        return Ok(vec![]);
    }
    let detect = |vip: &IpAddr| {
        let mut addresses = facts.snapshot.addresses.iter();
        let local =
            addresses.find(|on| on.net.contains(vip) && on.net.addr() != *vip && !on.link_local)?;
        let device = facts.snapshot.device(local.index).unwrap_or("?");
        let subnet: IpNet = local.net.trunc();
        let gateway = gateways.iter().find(|gateway| gateway.is_ipv4() == vip.is_ipv4());
        let gateway = gateway.map_or_else(|| "DIP".to_string(), IpAddr::to_string);
        Some(Detected {
            subject: vip.to_string(),
            text: format!(
                "{vip} is in {subnet}, a subnet of this host ({device}): clients there get answers without the director, and drop them"
            ),
            advice: format!(
                "Move the real servers to a subnet without clients, or run 'ip route replace {subnet} via {gateway}' to send it through the director."
            ),
        })
    };
    Ok(facts.vips.iter().filter_map(detect).collect())
}

#[cfg(test)]
mod tests;
