//! Plans, without a kernel.

use super::super::settings::TunnelKind;
use super::*;
use crate::host::rtnetlink::{Address, DefaultRoute, Link};
use std::collections::BTreeMap;

fn link(index: i32, name: &str, arp: bool) -> Link {
    Link { index, name: name.into(), up: true, loopback: name == "lo", arp, mtu: 1500, kind: None }
}

/// lo, eth0 and, with `tunl0`, a tunnel device; settings of 0 but for those given.
fn host(tunl0: bool, given: &[(&str, &str)]) -> Observed {
    let mut links = vec![link(1, "lo", false), link(2, "eth0", true)];
    links.extend(tunl0.then(|| link(3, "tunl0", false)));
    let mut sysctls = BTreeMap::new();
    for device in links.iter().map(|link| link.name.as_str()).chain(["all", "default"]) {
        for name in ["arp_ignore", "arp_announce", "rp_filter", "accept_redirects"] {
            sysctls.insert(conf(false, device, name), "0".to_string());
        }
    }
    for (key, value) in given {
        sysctls.insert(format!("net/ipv4/conf/{key}"), value.to_string());
    }
    Observed { links, sysctls, ..Observed::default() }
}

fn direct() -> Settings {
    Settings { method: Method::Gatewaying, interfaces: vec![] }
}

fn tunnel(rp_filter: RpFilter) -> Settings {
    let tunnel = Tunnel { kind: TunnelKind::Ipip, outer_ipv6: None, rp_filter };
    Settings { method: Method::Ipip(tunnel), interfaces: vec![] }
}

fn vip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The steps to be taken, in words.
fn steps(plan: &Plan) -> Vec<String> {
    assert_eq!(plan.conflicts, []);
    let taken = plan.steps.iter().filter(|step| !step.in_place());
    taken
        .map(|step| format!("{} {}", step.what, step.wanted.text(&step.what)))
        .map(|line| line.replace("net.ipv4.conf.", ""))
        .collect()
}

#[test]
fn direct_routing_silences_arp_before_the_address_is_there() {
    let plan = plan(&direct(), &[vip("10.0.0.100")], &host(false, &[]));
    assert_eq!(
        steps(&plan),
        [
            "all.arp_ignore 1",
            "all.arp_announce 2",
            "lo.arp_ignore 1",
            "lo.arp_announce 2",
            "10.0.0.100/32 on lo there",
        ]
    );
}

#[test]
fn ipv6_needs_the_address_and_nothing_else() {
    let plan = plan(&direct(), &[vip("fd00::100")], &host(false, &[]));
    assert_eq!(steps(&plan), ["fd00::100/128 on lo there"]);
}

#[test]
fn what_is_in_effect_is_kept_before_all_is_opened() {
    let seen = host(true, &[("all/rp_filter", "1"), ("lo/rp_filter", "2")]);
    let plan = plan(&tunnel(RpFilter::Off), &[vip("10.0.0.100")], &seen);
    let lines = steps(&plan);
    let rp: Vec<&str> =
        lines.iter().filter(|line| line.contains("rp_filter")).map(String::as_str).collect();
    // tunl0's own is written although it is 0: else it would follow `default`.
    assert_eq!(
        rp,
        ["tunl0.rp_filter 0", "default.rp_filter 1", "eth0.rp_filter 1", "all.rp_filter 0"]
    );
}

#[test]
fn a_device_to_come_starts_with_what_default_will_be() {
    let seen = host(false, &[("all/rp_filter", "1")]);
    let lines = steps(&plan(&tunnel(RpFilter::Off), &[vip("10.0.0.100")], &seen));
    let place = |line: &str| {
        lines.iter().position(|l| l == line).unwrap_or_else(|| panic!("{line} in {lines:?}"))
    };
    assert!(place("default.rp_filter 1") < place("device tunl0 there"));
    assert!(place("device tunl0 there") < place("tunl0.rp_filter 0"));
    assert!(place("tunl0.rp_filter 0") < place("all.rp_filter 0"));
    assert!(place("all.rp_filter 0") < place("10.0.0.100/32 on tunl0 there"));
}

#[test]
fn loose_leaves_all_alone() {
    let seen = host(true, &[("all/rp_filter", "1")]);
    let lines = steps(&plan(&tunnel(RpFilter::Loose), &[vip("10.0.0.100")], &seen));
    assert!(lines.contains(&"tunl0.rp_filter 2".to_string()));
    assert!(!lines.iter().any(|line| line.contains("all.rp_filter")));
}

#[test]
fn labels_are_the_first_free_ones() {
    let mut seen = host(false, &[]);
    seen.addresses.push(Address {
        index: 1,
        address: vip("192.0.2.1"),
        prefix: 32,
        label: Some("lo:1".into()),
        host_scope: false,
        link_local: false,
    });
    let plan = plan(&direct(), &[vip("10.0.0.1"), vip("10.0.0.2")], &seen);
    let labels: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.what {
            Resource::Address { label, .. } => label.as_deref(),
            _ => None,
        })
        .collect();
    assert_eq!(labels, ["lo:0", "lo:2"]);
}

#[test]
fn a_default_route_of_another_metric_stays() {
    let route = |metric, gateway: &str| DefaultRoute {
        metric,
        gateway: Some(vip(gateway)),
        index: Some(2),
        raw: vec![],
    };
    let settings = Settings {
        method: Method::Masquerading { gateways: vec![vip("10.1.0.1")] },
        interfaces: vec![],
    };
    let mut seen = host(false, &[]);
    seen.neighbours.insert(vip("10.1.0.1"), Some(2));
    seen.routes4 = vec![route(100, "10.1.0.9")];
    let found = |seen: &Observed| {
        plan(&settings, &[], seen)
            .steps
            .into_iter()
            .find(|s| matches!(s.what, Resource::DefaultRoute { .. }))
            .unwrap()
    };
    assert_eq!(found(&seen).found, ResourceState::Absent);
    // One that leads there already will do, whatever its metric.
    seen.routes4.push(route(50, "10.1.0.1"));
    assert!(found(&seen).in_place());
    seen.routes4.push(route(0, "10.1.0.8"));
    let step = found(&seen);
    assert!(!step.in_place() && matches!(step.found, ResourceState::Route(_)));
}
