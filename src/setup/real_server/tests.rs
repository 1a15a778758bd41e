//! Plans and effective values, without a kernel.

use super::fixtures::{direct, gue, nat, tunnel};
use super::*;
use crate::host::fake::{FakeHost, address};
use crate::host::fou::FouPort;
use crate::host::resource::{Resource, ResourceState};
use crate::setup::plan::PlanStep;
use std::collections::BTreeSet;

fn plan_for(settings: &Settings, vips: &[&str], host: &FakeHost) -> Plan {
    let vips: Vec<IpAddr> = vips.iter().map(|vip| address(vip)).collect();
    plan(settings, &vips, &host.observe(&query(settings))).expect("all of it is observed")
}

fn lines<'a>(steps: impl IntoIterator<Item = &'a PlanStep>) -> Vec<String> {
    let steps = steps.into_iter();
    let text = steps.map(|step| step.resource.change_text(&step.desired));
    text.map(|line| line.replace("net.ipv4.conf.", "").replace("set ", "")).collect()
}

/// The steps that are not in place, in words.
#[track_caller]
fn steps(settings: &Settings, vips: &[&str], host: &FakeHost) -> Vec<String> {
    let plan = plan_for(settings, vips, host);
    assert_eq!(plan.conflicts, []);
    lines(plan.steps.iter().filter(|step| !step.in_place()))
}

/// The texts of the conflicts, each with its finding and subject.
fn conflicts(settings: &Settings, vips: &[&str], host: &FakeHost) -> Vec<[String; 4]> {
    let conflicts = plan_for(settings, vips, host).conflicts.into_iter();
    conflicts.map(|c| [c.finding.to_string(), c.subject, c.text, c.advice]).collect()
}

fn step_of<'a>(plan: &'a Plan, resource: &str) -> &'a PlanStep {
    let step = plan.steps.iter().find(|step| step.resource.to_string() == resource);
    step.unwrap_or_else(|| panic!("no step {resource}"))
}

#[test]
fn direct_routing_sets_arp_before_the_address() {
    let expected = [
        "all.arp_ignore to 1",
        "all.arp_announce to 2",
        "lo.arp_ignore to 1",
        "lo.arp_announce to 2",
        "add 10.0.0.100/32 to lo",
    ];
    assert_eq!(steps(&direct(), &["10.0.0.100"], &FakeHost::default()), expected);
    let mut down = FakeHost::default();
    down.link("lo").up = false;
    let expected = [&["lo up"], &expected[..]].concat();
    assert_eq!(steps(&direct(), &["10.0.0.100"], &down), expected);
}

#[test]
fn ipv6_requires_only_the_address() {
    let host = FakeHost::default();
    assert_eq!(steps(&direct(), &["fd00::100"], &host), ["add fd00::100/128 to lo"]);
    let plan = plan_for(&direct(), &["fd00::100"], &host);
    assert_eq!(lines(&plan.steps), ["lo up", "add fd00::100/128 to lo"]);
}

#[test]
fn a_loopback_without_ipv4_is_bare() {
    let bare = |host: &FakeHost| match &plan_for(&direct(), &["10.0.0.100"], host).steps[0].resource
    {
        Resource::Up { bare, .. } => *bare,
        other => panic!("{other}"),
    };
    let mut host = FakeHost::default();
    assert!(!bare(&host));
    host.snapshot.addresses.retain(|address| address.index != 1);
    assert!(bare(&host));
    host.add_address("lo", "::1/128", None);
    assert!(bare(&host));
    // The kernel adds 127.0.0.1 to the loopback device only.
    let plan = plan_for(&tunnel(RpFilter::Off), &["10.0.0.100"], &host);
    assert!(matches!(step_of(&plan, "link tunl0").resource, Resource::Up { bare: false, .. }));
}

#[test]
fn interfaces_get_the_arp_settings_instead_of_all() {
    let settings = Settings { interfaces: vec!["eth0".into()], ..direct() };
    let expected = [
        "eth0.arp_ignore to 1",
        "eth0.arp_announce to 2",
        "lo.arp_ignore to 1",
        "lo.arp_announce to 2",
        "add 10.0.0.100/32 to lo",
    ];
    assert_eq!(steps(&settings, &["10.0.0.100"], &FakeHost::default()), expected);
}

#[test]
fn stricter_arp_values_stay() {
    for (value, desired) in [(0, 1), (1, 1), (2, 2), (3, 3), (4, 1), (7, 1), (8, 8), (9, 1)] {
        let mut host = FakeHost::default();
        host.set("all/arp_ignore", value);
        let plan = plan_for(&direct(), &["10.0.0.100"], &host);
        let step = step_of(&plan, "net.ipv4.conf.all.arp_ignore");
        assert_eq!(step.current, ResourceState::Value(value.to_string()));
        assert_eq!(step.desired, ResourceState::Value(desired.to_string()), "{value}");
    }
    for (value, desired) in [(0, "2"), (1, "2"), (2, "2"), (3, "3")] {
        let mut host = FakeHost::default();
        host.set("all/arp_announce", value);
        let plan = plan_for(&direct(), &["10.0.0.100"], &host);
        let step = step_of(&plan, "net.ipv4.conf.all.arp_announce");
        assert_eq!(step.desired, ResourceState::Value(desired.into()), "{value}");
    }
}

#[test]
fn a_value_of_a_card_that_the_kernel_ignores_is_replaced() {
    // The value of all after the plan is 1. A card's value counts when it is larger.
    for (own, desired) in [(0, 0), (1, 1), (2, 2), (5, 1), (8, 8)] {
        let mut host = FakeHost::default();
        host.set("eth1/arp_ignore", own);
        let plan = plan_for(&direct(), &["10.0.0.100"], &host);
        let step = step_of(&plan, "net.ipv4.conf.eth1.arp_ignore");
        assert_eq!(step.desired, ResourceState::Value(desired.to_string()), "{own}");
        assert!(step.incidental && step.finding == "arp-leak");
    }
    let mut host = FakeHost::default();
    host.set("all/arp_ignore", 8);
    host.set("eth1/arp_ignore", 5);
    assert!(!steps(&direct(), &["10.0.0.100"], &host).iter().any(|line| line.contains("eth1")));
}

#[test]
fn arp_ignore_3_requires_scope_host() {
    let host_scope = |host: &FakeHost, vip: &str| {
        let plan = plan_for(&direct(), &[vip], host);
        let address = plan.steps.iter().find_map(|step| match step.resource {
            Resource::Address { host_scope, .. } => Some(host_scope),
            _ => None,
        });
        address.expect("an address")
    };
    let mut host = FakeHost::default();
    host.set("all/arp_announce", 3);
    host.set("all/arp_ignore", 2);
    assert!(!host_scope(&host, "10.0.0.100"));
    host.set("eth1/arp_ignore", 3);
    assert!(host_scope(&host, "10.0.0.100"));
    assert!(!host_scope(&host, "fd00::100"));
}

#[test]
fn labels_are_the_first_free_ones() {
    let labels = |host: &FakeHost, vips: &[&str]| -> Vec<Option<String>> {
        let steps = plan_for(&direct(), vips, host).steps.into_iter();
        steps
            .filter_map(|step| match step.resource {
                Resource::Address { label, .. } => Some(label),
                _ => None,
            })
            .collect()
    };
    let label = |n| Some(format!("lo:{n}"));
    let mut host = FakeHost::default();
    host.add_address("lo", "192.0.2.1/32", Some("lo:1"));
    let vips = ["10.0.0.1", "10.0.0.2", "fd00::100"];
    assert_eq!(labels(&host, &vips), [label(0), label(2), None]);
    // A VIP that is in place keeps its label, and the plan's own takes none.
    host.add_address("lo", "10.0.0.1/32", Some("lo:0"));
    assert_eq!(labels(&host, &["10.0.0.1", "10.0.0.2"]), [label(2), label(2)]);
}

#[test]
fn a_tunnel_device_comes_before_its_sysctls() {
    let expected = [
        "add device tunl0",
        "tunl0 up",
        "all.arp_ignore to 1",
        "all.arp_announce to 2",
        "tunl0.arp_ignore to 1",
        "tunl0.arp_announce to 2",
        "add 10.0.0.100/32 to tunl0",
    ];
    assert_eq!(steps(&tunnel(RpFilter::Off), &["10.0.0.100"], &FakeHost::default()), expected);
}

#[test]
fn the_rp_filter_in_effect_stays_before_all_is_cleared() {
    let mut host = FakeHost::default();
    host.add_link("tunl0", false);
    host.set("all/rp_filter", 1);
    host.set("lo/rp_filter", 2);
    let lines = steps(&tunnel(RpFilter::Off), &["10.0.0.100"], &host);
    let lines: Vec<&String> = lines.iter().filter(|line| line.contains("rp_filter")).collect();
    // The value of tunl0 is written although it is 0: otherwise it would follow `default`.
    let expected = [
        "tunl0.rp_filter to 0",
        "default.rp_filter to 1",
        "eth0.rp_filter to 1",
        "eth1.rp_filter to 1",
        "all.rp_filter to 0",
    ];
    assert_eq!(lines, expected);
    // `default` is large enough and is not written.
    host.set("default/rp_filter", 1);
    let lines = steps(&tunnel(RpFilter::Off), &["10.0.0.100"], &host);
    let lines: Vec<&String> = lines.iter().filter(|line| line.contains("rp_filter")).collect();
    assert_eq!(lines, expected[2..].iter().collect::<Vec<_>>());
}

#[test]
fn only_the_tunnel_device_is_forced() {
    let mut host = FakeHost::default();
    host.add_link("tunl0", false);
    host.set("all/rp_filter", 1);
    let plan = plan_for(&tunnel(RpFilter::Off), &["10.0.0.100", "10.0.0.101"], &host);
    let forced = plan.steps.iter().filter(|step| step.forced);
    assert_eq!(lines(forced), ["tunl0.rp_filter to 0"]);
    let incidental: Vec<String> = lines(plan.steps.iter().filter(|step| step.incidental));
    let expected = [
        "default.rp_filter to 1",
        "eth0.arp_ignore to 0",
        "eth1.arp_ignore to 0",
        "lo.rp_filter to 1",
        "eth0.rp_filter to 1",
        "eth1.rp_filter to 1",
    ];
    assert_eq!(incidental, expected);
}

#[test]
fn a_new_device_starts_with_the_new_default() {
    let mut host = FakeHost::default();
    host.set("all/rp_filter", 1);
    let plan = plan_for(&tunnel(RpFilter::Off), &["10.0.0.100"], &host);
    let step = step_of(&plan, "net.ipv4.conf.tunl0.rp_filter");
    assert_eq!(step.current, ResourceState::Value("1".into()));
    let lines = lines(plan.steps.iter().filter(|step| !step.in_place()));
    let place = |line: &str| {
        lines.iter().position(|l| l == line).unwrap_or_else(|| panic!("{line} in {lines:?}"))
    };
    assert!(place("default.rp_filter to 1") < place("add device tunl0"));
    assert!(place("add device tunl0") < place("tunl0.rp_filter to 0"));
    assert!(place("tunl0.rp_filter to 0") < place("all.rp_filter to 0"));
    assert!(place("all.rp_filter to 0") < place("add 10.0.0.100/32 to tunl0"));
}

#[test]
fn loose_leaves_all_alone() {
    let mut host = FakeHost::default();
    host.add_link("tunl0", false);
    host.set("all/rp_filter", 1);
    let lines = steps(&tunnel(RpFilter::Loose), &["10.0.0.100"], &host);
    let lines: Vec<&String> = lines.iter().filter(|line| line.contains("rp_filter")).collect();
    assert_eq!(lines, ["tunl0.rp_filter to 2"]);
}

#[test]
fn a_device_without_ipv4_settings_is_left_alone() {
    let mut host = FakeHost::default();
    host.set("all/rp_filter", 1);
    host.snapshot.sysctls.insert("net/ipv4/conf/eth1/rp_filter".into(), None);
    host.snapshot.sysctls.insert("net/ipv4/conf/eth1/arp_ignore".into(), None);
    let lines = lines(&plan_for(&tunnel(RpFilter::Off), &["10.0.0.100"], &host).steps);
    assert!(lines.contains(&"eth0.rp_filter to 1".to_string()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("eth1")), "{lines:?}");
}

#[test]
fn gue_requires_a_port() {
    let port = |host: &FakeHost, settings: &Settings, vip: &str| {
        let steps = steps(settings, &[vip], host).into_iter();
        steps.filter(|line| line.contains("GUE")).collect::<Vec<_>>()
    };
    let mut host = FakeHost::default();
    assert_eq!(port(&host, &gue(None), "10.0.0.100"), ["add GUE port 6080"]);
    assert_eq!(port(&host, &gue(Some(true)), "10.0.0.100"), ["add GUE port 6080 (IPv6)"]);
    host.snapshot.fou_ports = Some(vec![FouPort { port: 6080, ipv6: false, gue: true }]);
    assert!(port(&host, &gue(None), "10.0.0.100").is_empty());
    assert_eq!(port(&host, &gue(None), "fd00::100"), ["add GUE port 6080 (IPv6)"]);
}

#[test]
fn a_port_for_bare_packets_conflicts_with_gue() {
    let mut host = FakeHost::default();
    host.snapshot.fou_ports = Some(vec![
        FouPort { port: 6080, ipv6: false, gue: false },
        FouPort { port: 6081, ipv6: true, gue: false },
    ]);
    // Two VIPs, one conflict.
    assert_eq!(
        conflicts(&gue(None), &["10.0.0.100", "10.0.0.101"], &host),
        [[
            "gue-port-taken",
            "UDP port 6080",
            "UDP port 6080 receives bare packets (fou), not GUE",
            "Run 'ip fou del port 6080', or use another port here and on the director."
        ]]
    );
    assert!(conflicts(&gue(None), &["fd00::100"], &host).is_empty());
    host.snapshot.fou_ports = Some(vec![FouPort { port: 6080, ipv6: true, gue: false }]);
    let conflict = &conflicts(&gue(None), &["fd00::100"], &host)[0];
    assert!(conflict[3].starts_with("Run 'ip fou del port 6080 -6'"), "{conflict:?}");
}

#[test]
fn disabled_ipv6_conflicts_with_an_ipv6_vip() {
    let mut host = FakeHost::default();
    host.set_key("net/ipv6/conf/lo/disable_ipv6", 1);
    assert_eq!(
        conflicts(&direct(), &["fd00::100"], &host),
        [[
            "ipv6-disabled",
            "lo",
            "IPv6 is disabled on lo, so fd00::100 cannot be added to it",
            "Run 'sysctl -w net.ipv6.conf.lo.disable_ipv6=0'."
        ]]
    );
    assert!(conflicts(&direct(), &["10.0.0.100"], &host).is_empty());
    // A device that does not exist yet starts with the value of `default`.
    host.set_key("net/ipv6/conf/default/disable_ipv6", 1);
    assert_eq!(conflicts(&tunnel(RpFilter::Off), &["fd00::100"], &host)[0][1], "ip6tnl0");
}

#[test]
fn a_vip_in_another_place_conflicts() {
    let mut host = FakeHost::default();
    host.add_address("lo", "10.0.0.100/32", Some("lo:0"));
    assert!(conflicts(&direct(), &["10.0.0.100"], &host).is_empty());
    let misplaced = [
        "vip-misplaced",
        "10.0.0.100",
        "10.0.0.100 is on lo, where this forwarding method does not use it",
        "Run 'ipvsadm rs-setup --undo 10.0.0.100' or 'ip addr del 10.0.0.100/32 dev lo'.",
    ];
    assert_eq!(conflicts(&tunnel(RpFilter::Off), &["10.0.0.100"], &host), [misplaced]);
    host.add_gateway("10.1.0.1", Some("eth1"));
    assert_eq!(conflicts(&nat(&["10.1.0.1"]), &["10.0.0.100"], &host), [misplaced]);
    host.add_address("lo", "10.0.0.100/24", None);
    assert_eq!(
        conflicts(&direct(), &["10.0.0.100"], &host),
        [[
            "vip-prefix",
            "10.0.0.100",
            "10.0.0.100 is on lo with /24, which makes its whole subnet local to this host",
            "Run 'ip addr del 10.0.0.100/24 dev lo', and then rs-setup, which adds 10.0.0.100/32."
        ]]
    );
    host.add_address("eth0", "10.0.0.101/32", None);
    host.add_address("eth0", "fd00::100/64", None);
    let card = |text: &str, advice: &str, vip: &str| {
        ["vip-on-card", vip, text, advice].map(str::to_string)
    };
    assert_eq!(
        conflicts(&direct(), &["10.0.0.101", "fd00::100"], &host),
        [
            card(
                "10.0.0.101 is on the network card eth0, which answers ARP requests for it",
                "Run 'ip addr del 10.0.0.101/32 dev eth0'.",
                "10.0.0.101"
            ),
            card(
                "fd00::100 is on the network card eth0, which answers neighbour solicitations for it",
                "Run 'ip addr del fd00::100/64 dev eth0'.",
                "fd00::100"
            ),
        ]
    );
}

#[test]
fn nat_sets_redirects_and_the_default_route() {
    let mut host = FakeHost::default();
    for device in ["all", "eth1"] {
        host.set(&format!("{device}/accept_redirects"), 1);
        host.set_key(&format!("net/ipv6/conf/{device}/accept_redirects"), 1);
    }
    host.add_gateway("10.1.0.1", Some("eth1"));
    host.add_gateway("fd01::1", Some("eth1"));
    let expected = [
        "all.accept_redirects to 0",
        "eth1.accept_redirects to 0",
        "net.ipv6.conf.all.accept_redirects to 0",
        "net.ipv6.conf.eth1.accept_redirects to 0",
        "the default route via 10.1.0.1 dev eth1",
        "the default route (IPv6) via fd01::1 dev eth1",
    ];
    let settings = nat(&["10.1.0.1", "fd01::1"]);
    for vips in [&[][..], &["10.0.0.100"], &["fd00::100", "10.0.0.100"]] {
        assert_eq!(steps(&settings, vips, &host), expected);
    }
    let plan = plan_for(&settings, &[], &host);
    let owners = BTreeSet::from([address("10.1.0.1"), address("fd01::1")]);
    assert!(plan.steps.iter().all(|step| step.owners == owners));
    let metrics: Vec<u32> = plan
        .steps
        .iter()
        .filter_map(|step| match step.resource {
            Resource::DefaultRoute { metric, .. } => Some(metric),
            _ => None,
        })
        .collect();
    assert_eq!(metrics, [0, 1]);
}

#[test]
fn a_gateway_that_is_not_a_neighbour_conflicts() {
    let mut host = FakeHost::default();
    host.add_gateway("10.1.0.1", Some("eth1"));
    let settings = nat(&["10.1.0.1", "fd02::1"]);
    assert_eq!(
        conflicts(&settings, &["10.0.0.100", "10.0.0.101"], &host),
        [[
            "gateway-unreachable",
            "fd02::1",
            "the gateway fd02::1 is not in a subnet of this host",
            "Give --gateway the director's address in the subnet of the real servers."
        ]]
    );
}

#[test]
fn a_default_route_with_another_metric_stays() {
    let mut host = FakeHost::default();
    host.add_gateway("10.1.0.1", Some("eth1"));
    host.add_default_route(100, "10.1.0.9", "eth1");
    let step = |host: &FakeHost| {
        step_of(&plan_for(&nat(&["10.1.0.1"]), &[], host), "default route").clone()
    };
    assert_eq!(step(&host).current, ResourceState::Absent);
    // One that leads to the gateway already will do, whatever its metric.
    host.add_default_route(50, "10.1.0.1", "eth1");
    assert!(step(&host).in_place());
    host.add_default_route(0, "10.1.0.8", "eth1");
    let step = step(&host);
    assert!(!step.in_place() && matches!(step.current, ResourceState::Route(_)));
}

#[test]
fn steps_for_several_vips_are_shared() {
    let plan =
        plan_for(&direct(), &["10.0.0.100", "10.0.0.101", "fd00::100"], &FakeHost::default());
    let all = step_of(&plan, "net.ipv4.conf.all.arp_ignore");
    assert_eq!(all.owners, BTreeSet::from([address("10.0.0.100"), address("10.0.0.101")]));
    assert_eq!(step_of(&plan, "link lo").owners.len(), 3);
    assert_eq!(plan.steps.len(), 1 + 4 + 2 + 3);
}

#[test]
fn each_step_names_its_finding() {
    let mut host = FakeHost::default();
    host.add_gateway("10.1.0.1", Some("eth1"));
    let mut findings = Vec::new();
    for (settings, vip) in [(gue(None), "10.0.0.100"), (nat(&["10.1.0.1"]), "10.0.0.100")] {
        let plan = plan_for(&settings, &[vip], &host);
        for step in plan.steps {
            if !findings.contains(&step.finding) {
                findings.push(step.finding);
            }
        }
    }
    let expected = [
        "tunnel-missing",
        "gue-port-missing",
        "link-down",
        "arp-leak",
        "arp-announce",
        "rp-filter",
        "vip-missing",
        "sysctl-value",
        "return-route",
    ];
    assert_eq!(findings, expected);
    assert!(finding_ids().all(|id| expected.contains(&id)));
}

#[test]
fn the_query_names_what_the_method_reads() {
    let names = |settings: &Settings| -> Vec<(bool, &str)> {
        query(settings).device_sysctls.into_iter().collect()
    };
    let arp = [(false, "arp_announce"), (false, "arp_ignore")];
    assert_eq!(names(&direct()), [&arp[..], &[(true, "disable_ipv6")]].concat());
    let tunnel_names = [&arp[..], &[(false, "rp_filter"), (true, "disable_ipv6")]].concat();
    assert_eq!(names(&tunnel(RpFilter::Off)), tunnel_names);
    let settings = nat(&["10.1.0.1"]);
    assert_eq!(names(&settings), [(false, "accept_redirects"), (true, "accept_redirects")]);
    assert!(query(&gue(None)).fou_ports && !query(&tunnel(RpFilter::Off)).fou_ports);
    assert_eq!(query(&settings).default_routes, BTreeSet::from([false]));
    assert_eq!(query(&settings).neighbours, BTreeSet::from([address("10.1.0.1")]));
}

#[test]
fn a_plan_from_too_small_a_snapshot_is_an_error() {
    let host = FakeHost::default();
    let vips = [address("10.0.0.100")];
    let snapshot = host.observe(&query(&direct()));
    let error = plan(&tunnel(RpFilter::Off), &vips, &snapshot).expect_err("not observed");
    let expected = "internal error: net.ipv4.conf.all.rp_filter is read, but was not observed";
    assert_eq!(error.to_string(), expected);
    assert!(effects(&tunnel(RpFilter::Off), &vips, &snapshot).is_err());
    assert!(plan(&gue(None), &vips, &host.observe(&query(&tunnel(RpFilter::Off)))).is_err());
    assert!(plan(&nat(&["10.1.0.1"]), &vips, &snapshot).is_err());
}

fn effect_lines(settings: &Settings, vips: &[&str], host: &FakeHost) -> Vec<String> {
    let vips: Vec<IpAddr> = vips.iter().map(|vip| address(vip)).collect();
    let effects = effects(settings, &vips, &host.observe(&query(settings))).expect("observed");
    let line = |e: Effect| {
        let verdict = if e.accepted { "ok" } else { e.finding };
        format!("{} {} {} {} {} {verdict}", e.device, e.sysctl, e.all, e.own, e.value())
    };
    effects.into_iter().map(line).collect()
}

#[test]
fn effective_values_of_cards() {
    let mut host = FakeHost::default();
    host.set("all/arp_ignore", 1);
    host.set("eth1/arp_ignore", 5);
    host.set("eth0/arp_announce", 2);
    let expected = [
        "eth0 arp_ignore 1 0 1 ok",
        "eth0 arp_announce 0 2 2 ok",
        "eth1 arp_ignore 1 5 5 arp-leak",
        "eth1 arp_announce 0 0 0 arp-announce",
    ];
    assert_eq!(effect_lines(&direct(), &["fd00::100", "10.0.0.100"], &host), expected);
    let settings = Settings { interfaces: vec!["eth1".into()], ..direct() };
    assert_eq!(effect_lines(&settings, &["10.0.0.100"], &host), expected[2..]);
    assert!(effect_lines(&direct(), &["fd00::100"], &host).is_empty());
    host.link("eth1").up = false;
    assert_eq!(effect_lines(&direct(), &["10.0.0.100"], &host), expected[..2]);
    host.add_gateway("10.1.0.1", Some("eth1"));
    assert!(effect_lines(&nat(&["10.1.0.1"]), &["10.0.0.100"], &host).is_empty());
}

#[test]
fn the_effective_rp_filter_of_the_tunnel_device() {
    for (rp_filter, accepted) in [(RpFilter::Off, 0), (RpFilter::Loose, 2)] {
        for value in 0..=2 {
            let mut host = FakeHost::default();
            host.add_link("tunl0", false);
            host.set("tunl0/rp_filter", value);
            let lines = effect_lines(&tunnel(rp_filter), &["10.0.0.100"], &host);
            let verdict = if value == accepted { "ok" } else { "rp-filter" };
            assert_eq!(lines.len(), 5);
            assert_eq!(lines[4], format!("tunl0 rp_filter 0 {value} {value} {verdict}"));
        }
    }
    let mut host = FakeHost::default();
    host.set("all/rp_filter", 1);
    host.add_link("tunl0", false);
    let lines = effect_lines(&tunnel(RpFilter::Off), &["10.0.0.100"], &host);
    assert_eq!(lines[4], "tunl0 rp_filter 1 0 1 rp-filter");
}
