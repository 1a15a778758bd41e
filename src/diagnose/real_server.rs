//! What works against a set-up, or could: each with what to do about it in a line. Pure.

use crate::host::observed::{Balancing, Observed};
use crate::host::resource::{Resource, ResourceState};
use crate::setup::plan::{self, ARP_IGNORE, conf};
use crate::setup::settings::{Method, RpFilter, Settings, Tunnel};
use crate::setup::step::PlanStep;
use serde::Serialize;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Something that works against the set-up, or could.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Whether it is wrong, or only worth knowing.
    pub wrong: bool,
    pub text: String,
    pub advice: String,
}

/// All there is to find.
pub fn findings(settings: &Settings, vips: &[IpAddr], seen: &Observed) -> Vec<Finding> {
    let plan = plan::plan(settings, vips, seen);
    let mut all: Vec<Finding> = plan
        .conflicts
        .into_iter()
        .map(|conflict| Finding { wrong: true, text: conflict.text, advice: conflict.advice })
        .collect();
    also_a_director(&mut all, seen);
    match &settings.method {
        Method::Gatewaying => arp(&mut all, settings, vips, seen),
        Method::Ipip(tunnel) => {
            arp(&mut all, settings, vips, seen);
            missing_device(&mut all, &plan.steps);
            rp_filter(&mut all, tunnel, vips, seen);
            mtu(&mut all, tunnel, vips, seen);
        }
        Method::Masquerading { gateways } => {
            way_back(&mut all, &plan.steps);
            same_net(&mut all, vips, gateways, seen);
        }
    }
    all
}

fn wrong(all: &mut Vec<Finding>, text: String, advice: String) {
    all.push(Finding { wrong: true, text, advice });
}

fn note(all: &mut Vec<Finding>, text: String, advice: String) {
    all.push(Finding { wrong: false, text, advice });
}

/// Two directors that are each other's real servers hand a packet to and fro until its time to live is over.
fn also_a_director(all: &mut Vec<Finding>, seen: &Observed) {
    let services = match &seen.balancing {
        Balancing::Of(services) => services,
        Balancing::Unknown => {
            return note(
                all,
                "whether this host is a director for the VIP as well is not known: its own IPVS table cannot be read".into(),
                "check as root".into(),
            );
        }
    };
    for balanced in services {
        let servers: Vec<String> = balanced.elsewhere.iter().map(IpAddr::to_string).collect();
        wrong(
            all,
            format!(
                "this host balances {} itself ({}, to {}): what a director sends here is sent on, and may come back",
                balanced.vip,
                balanced.service,
                servers.join(", ")
            ),
            format!(
                "a standby director wants backup_only (sysctl -w net.ipv4.vs.backup_only=1) and its backup daemon running; \
                 any other host has no use for the service (ipvsadm -D {}), or takes a firewall mark that the other director's packets do not get; \
                 on a director that is no real server there is nothing to check",
                balanced.service
            ),
        );
    }
}

fn arp(all: &mut Vec<Finding>, settings: &Settings, vips: &[IpAddr], seen: &Observed) {
    let ignores = |card: &str| arp_ignore(seen, card);
    let cards = || seen.links.iter().filter(|link| link.arp && link.up);
    for vip in vips.iter().filter(|vip| vip.is_ipv4()) {
        let Some(home) = plan::home(settings, *vip) else { continue };
        let global = seen.on(&home).any(|a| a.address == *vip && !a.host_scope);
        if let Some(card) = cards().find(|card| global && ignores(&card.name) == 3) {
            wrong(
                all,
                format!(
                    "arp_ignore 3 on {} keeps silent about addresses of scope host only, and {vip} is of scope global",
                    card.name
                ),
                format!("set arp_ignore to 1 or 2, or take {vip} down and run rs-setup again"),
            );
        }
    }
    if !vips.iter().any(|vip| vip.is_ipv4()) {
        return;
    }
    if settings.interfaces.is_empty() {
        return answers(all, settings, vips, seen);
    }
    for card in cards().filter(|card| !settings.interfaces.contains(&card.name)) {
        if !ARP_IGNORE.contains(&ignores(&card.name)) {
            note(
                all,
                format!(
                    "{} answers ARP for the VIP: the ARP settings are on {} alone",
                    card.name,
                    settings.interfaces.join(", ")
                ),
                format!(
                    "if clients or the director are on its net, set it up with --interface {} too",
                    card.name
                ),
            );
        }
    }
}

/// As it is in effect on a card.
fn arp_ignore(seen: &Observed, card: &str) -> i64 {
    let of = |card| seen.number(&conf(false, card, "arp_ignore"));
    of("all").max(of(card))
}

/// A VIP that is up while a card answers ARP for it: clients find this host, and not the director.
fn answers(all: &mut Vec<Finding>, settings: &Settings, vips: &[IpAddr], seen: &Observed) {
    let up = |vip: &IpAddr| {
        let home = plan::home(settings, *vip);
        home.is_some_and(|home| seen.on(&home).any(|a| a.address == *vip))
    };
    let Some(vip) = vips.iter().find(|vip| vip.is_ipv4() && up(vip)) else { return };
    for card in seen.links.iter().filter(|link| link.arp && link.up) {
        if !ARP_IGNORE.contains(&arp_ignore(seen, &card.name)) {
            wrong(
                all,
                format!(
                    "{} answers ARP for {vip}: clients come to this host past the director",
                    card.name
                ),
                format!(
                    "run rs-setup again; who has asked meanwhile is put right by arping -c 1 -U -I CARD {vip} on the director"
                ),
            );
        }
    }
}

fn missing_device(all: &mut Vec<Finding>, steps: &[PlanStep]) {
    for step in steps.iter().filter(|step| !step.in_place()) {
        if let Resource::Device { name, module, .. } = &step.what {
            wrong(
                all,
                format!("there is no device {name}, as the kernel module {module} is not loaded"),
                format!(
                    "rs-setup has it loaded; if it cannot, modprobe {module} says why (a package of further modules may be missing)"
                ),
            );
        }
    }
}

fn rp_filter(all: &mut Vec<Finding>, tunnel: &Tunnel, vips: &[IpAddr], seen: &Observed) {
    let devices: BTreeSet<&str> =
        vips.iter().filter(|vip| vip.is_ipv4()).map(|&vip| tunnel.device(vip).name).collect();
    for device in devices.into_iter().filter(|device| seen.link(device).is_some()) {
        let of = |device| seen.number(&conf(false, device, "rp_filter"));
        let in_effect = of("all").max(of(device));
        if in_effect == 1 {
            wrong(
                all,
                format!("rp_filter 1 is in effect on {device} (all {}, its own {}): it drops what comes out of the tunnel", of("all"), of(device)),
                "run rs-setup again; if it comes back, look for rp_filter in /etc/sysctl.conf and sysctl.d, and use --persist".into(),
            );
        } else if in_effect > 1 && tunnel.rp_filter == RpFilter::Off {
            note(
                all,
                format!(
                    "rp_filter 2 is in effect on {device}: clients that this host has no route to are dropped"
                ),
                "run rs-setup again; or with --rp-filter loose, if that is what you want".into(),
            );
        }
    }
}

fn mtu(all: &mut Vec<Finding>, tunnel: &Tunnel, vips: &[IpAddr], seen: &Observed) {
    const USUAL: u32 = 1500;
    let Some(overhead) = vips.iter().map(|&vip| tunnel.overhead(vip)).max() else { return };
    let needed = USUAL + overhead;
    let small: Vec<String> = seen
        .links
        .iter()
        .filter(|link| link.arp && link.up && link.mtu < needed)
        .map(|link| format!("{} takes {}", link.name, link.mtu))
        .collect();
    if !small.is_empty() {
        let headers = if vips.iter().any(|vip| vip.is_ipv6()) { 60 } else { 40 };
        note(
            all,
            format!(
                "packets of {USUAL} bytes grow to {needed} in the tunnel, and {}",
                small.join(", ")
            ),
            format!(
                "if uploads hang: raise the MTU from the director to here to {needed}, or have clients send less: advmss {} on this host's default route",
                USUAL - overhead - headers
            ),
        );
    }
}

fn way_back(all: &mut Vec<Finding>, steps: &[PlanStep]) {
    for step in steps.iter().filter(|step| !step.in_place()) {
        if let (Resource::DefaultRoute { .. }, ResourceState::Route(wanted)) =
            (&step.what, &step.wanted)
        {
            wrong(
                all,
                format!(
                    "answers do not go back through the director: the {} is {}",
                    step.what,
                    step.found.text(&step.what)
                ),
                format!(
                    "run rs-setup again (default {wanted}); if it comes back, DHCP or the network's configuration sets it"
                ),
            );
        }
    }
}

fn same_net(all: &mut Vec<Finding>, vips: &[IpAddr], gateways: &[IpAddr], seen: &Observed) {
    for vip in vips {
        let home = seen.addresses.iter().find(|a| {
            a.address.is_ipv4() == vip.is_ipv4()
                && net(a.address, a.prefix) == net(*vip, a.prefix)
                && a.address != *vip
                && !a.link_local
        });
        let Some(home) = home else { continue };
        let card = seen.name(home.index).unwrap_or("?");
        let gateway = gateways.iter().find(|g| g.is_ipv4() == vip.is_ipv4());
        let gateway = gateway.map_or_else(|| "the director".to_string(), IpAddr::to_string);
        note(
            all,
            format!(
                "{vip} is in {}/{}, a net of this host ({card}): clients there are answered directly, and do not know the answer",
                net(home.address, home.prefix),
                home.prefix
            ),
            format!(
                "put the real servers on a net without clients, or send that net through the director too: ip route replace {}/{} via {gateway}",
                net(home.address, home.prefix),
                home.prefix
            ),
        );
    }
}

/// The net that an address is in.
fn net(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            std::net::Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            std::net::Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}
