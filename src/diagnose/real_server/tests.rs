//! Each finding, without a kernel.

use super::*;
use crate::host::fake::{FakeHost, address};
use crate::host::fou::FouPort;
use crate::setup::real_server::fixtures::{direct, gue, nat, tunnel};
use crate::setup::real_server::{plan, query};

fn findings_with(
    settings: &Settings,
    vips: &[&str],
    host: &FakeHost,
    own_table: &OwnTable,
) -> Vec<Finding> {
    let vips: Vec<IpAddr> = vips.iter().map(|vip| address(vip)).collect();
    let snapshot = host.observe(&query(settings));
    let plan = plan(settings, &vips, &snapshot).expect("observed");
    let facts = Facts { settings, vips: &vips, snapshot: &snapshot, plan: &plan, own_table };
    findings(&facts).expect("observed")
}

fn findings_of(settings: &Settings, vips: &[&str], host: &FakeHost) -> Vec<Finding> {
    findings_with(settings, vips, host, &OwnTable::default())
}

/// The one finding, as subject, text and advice.
#[track_caller]
fn only(id: &str, findings: Vec<Finding>) -> [String; 3] {
    let ids: Vec<&str> = findings.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, [id]);
    let finding = findings.into_iter().next().expect("a finding");
    [finding.subject, finding.text, finding.advice]
}

fn ids(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.id).collect()
}

/// A host that keeps silent about the addresses of lo and of tunnel devices.
fn silent_host() -> FakeHost {
    let mut host = FakeHost::default();
    host.set("all/arp_ignore", 1);
    host
}

/// A silent host with tunl0, and cards that take tunnel packets.
fn tunnel_host() -> FakeHost {
    let mut host = silent_host();
    host.add_link("tunl0", false);
    for card in ["eth0", "eth1"] {
        host.link(card).mtu = 1520;
    }
    host
}

#[test]
fn ids_are_unique_and_in_kebab_case() {
    for (n, kind) in KINDS.iter().enumerate() {
        assert!(KINDS[..n].iter().all(|other| other.id != kind.id), "{}", kind.id);
        let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(kind.id.chars().all(is_kebab), "{}", kind.id);
        assert!(kind.meaning.ends_with('.'), "{}", kind.meaning);
    }
}

#[test]
fn the_policy_names_known_ids() {
    for id in real_server::finding_ids() {
        let kind = KINDS.iter().find(|kind| kind.id == id).unwrap_or_else(|| panic!("{id}"));
        assert_eq!(kind.severity, Severity::Wrong, "{id}");
    }
}

#[test]
fn a_host_that_is_set_up_has_no_findings() {
    let mut host = tunnel_host();
    host.add_address("lo", "10.0.0.100/32", None);
    host.add_address("tunl0", "10.0.0.101/32", None);
    assert_eq!(findings_of(&direct(), &["10.0.0.100"], &host), []);
    assert_eq!(findings_of(&tunnel(RpFilter::Off), &["10.0.0.101"], &host), []);
    host.add_gateway("10.1.0.1", Some("eth1"));
    host.add_default_route(0, "10.1.0.1", "eth1");
    assert_eq!(findings_of(&nat(&["10.1.0.1"]), &["192.0.2.1"], &host), []);
}

#[test]
fn conflicts_are_findings() {
    let mut host = silent_host();
    host.add_address("eth0", "10.0.0.100/24", None);
    host.add_address("lo", "10.0.0.101/24", None);
    let findings = findings_of(&direct(), &["10.0.0.101", "10.0.0.100"], &host);
    // In the order of the table.
    assert_eq!(ids(&findings), ["vip-on-card", "vip-prefix"]);
    let expected = Finding {
        id: "vip-on-card",
        severity: Severity::Wrong,
        wrong: true,
        subject: "10.0.0.100".into(),
        text: "10.0.0.100 is on the network card eth0, which answers ARP requests for it".into(),
        advice: "Run 'ip addr del 10.0.0.100/24 dev eth0'.".into(),
    };
    assert_eq!(findings[0], expected);
    let mut host = tunnel_host();
    host.snapshot.fou_ports = Some(vec![FouPort { port: 6080, ipv6: true, gue: false }]);
    host.add_link("ip6tnl0", false);
    host.set_key("net/ipv6/conf/ip6tnl0/disable_ipv6", 1);
    host.add_address("lo", "fd00::100/128", None);
    let findings = findings_of(&gue(None), &["fd00::100"], &host);
    assert_eq!(ids(&findings), ["vip-misplaced", "ipv6-disabled", "gue-port-taken", "mtu-small"]);
    let findings = findings_of(&nat(&["10.1.0.1"]), &[], &host);
    assert_eq!(ids(&findings), ["gateway-unreachable"]);
}

#[test]
fn a_host_that_balances_the_vip_itself() {
    let services = |destinations: &[&str]| {
        OwnTable::Services(vec![ForwardedService {
            vip: address("10.0.0.100"),
            option: "-t 10.0.0.100:80".into(),
            destinations: destinations.iter().map(|d| address(d)).collect(),
        }])
    };
    let host = silent_host();
    let table = services(&["10.0.0.12", "10.0.0.13"]);
    let [subject, text, advice] =
        only("director-loop", findings_with(&direct(), &["10.0.0.100"], &host, &table));
    assert_eq!(subject, "10.0.0.100");
    assert_eq!(
        text,
        "this host balances 10.0.0.100 itself (-t 10.0.0.100:80, to 10.0.0.12, 10.0.0.13): \
         it forwards the packets of another director again, and they may loop"
    );
    // On a director that is no real server the other advice would be an outage.
    assert!(advice.starts_with("Ignore this on a director that is not a real server."), "{advice}");
    assert!(advice.contains("run 'ipvsadm -D -t 10.0.0.100:80'"), "{advice}");
    let unreadable = findings_with(&direct(), &["10.0.0.100"], &host, &OwnTable::Unreadable);
    assert!(!unreadable[0].wrong && unreadable[0].severity == Severity::Note);
    let [subject, text, advice] = only("ipvs-table-unreadable", unreadable);
    assert_eq!((subject.as_str(), advice.as_str()), ("IPVS table", "Run the check as root."));
    assert!(text.starts_with("the IPVS table of this host cannot be read"), "{text}");
}

#[test]
fn a_card_that_answers_arp() {
    let mut host = FakeHost::default();
    host.add_address("lo", "10.0.0.100/32", None);
    host.link("eth1").up = false;
    let expected = [
        "eth0",
        "eth0 answers ARP for 10.0.0.100: clients bypass the director",
        "Run 'ipvsadm rs-setup -g 10.0.0.101 10.0.0.100'. \
         Then run 'arping -c 1 -U -I IF 10.0.0.100' on the director, with its card as IF, \
         to refresh the clients' ARP caches.",
    ];
    let vips = ["10.0.0.101", "10.0.0.100"];
    assert_eq!(only("arp-leak", findings_of(&direct(), &vips, &host)), expected);
    // The VIP is not up yet.
    assert_eq!(findings_of(&direct(), &["10.0.0.101"], &host), []);
    host.link("eth1").up = true;
    assert_eq!(ids(&findings_of(&direct(), &["10.0.0.100"], &host)), ["arp-leak", "arp-leak"]);
    for value in [1, 2, 8] {
        host.set("all/arp_ignore", value);
        assert_eq!(findings_of(&direct(), &["10.0.0.100"], &host), []);
    }
    // A value that the kernel ignores, and the larger one counts.
    host.set("eth1/arp_ignore", 9);
    let [subject, ..] = only("arp-leak", findings_of(&direct(), &["10.0.0.100"], &host));
    assert_eq!(subject, "eth1");
    assert_eq!(findings_of(&direct(), &["fd00::100"], &host), []);
}

#[test]
fn a_card_without_the_arp_settings_answers_arp() {
    let settings = Settings { interfaces: vec!["eth0".into()], ..direct() };
    let mut host = FakeHost::default();
    host.set("eth0/arp_ignore", 1);
    host.add_address("lo", "10.0.0.100/32", None);
    let findings = findings_of(&settings, &["10.0.0.100", "fd00::100"], &host);
    assert_eq!(findings[0].severity, Severity::Note);
    let expected = [
        "eth1",
        "eth1 answers ARP for the VIP: the ARP settings are on eth0 only",
        "If clients or the director are in its subnet, \
         run 'ipvsadm rs-setup --undo 10.0.0.100 fd00::100' and then \
         'ipvsadm rs-setup -g --interface eth0 --interface eth1 10.0.0.100 fd00::100'.",
    ];
    assert_eq!(only("arp-other-card", findings), expected);
    assert_eq!(findings_of(&settings, &["fd00::100"], &host), []);
    host.set("eth1/arp_ignore", 1);
    host.set("eth0/arp_ignore", 0);
    // The missing setting of eth0 itself is a row of the plan.
    assert_eq!(findings_of(&settings, &["10.0.0.100"], &host), []);
}

#[test]
fn arp_ignore_3_and_an_address_of_scope_global() {
    let mut host = FakeHost::default();
    host.set("all/arp_ignore", 3);
    host.add_address("lo", "10.0.0.100/32", None);
    let expected = [
        "10.0.0.100",
        "arp_ignore 3 on eth0 is silent for addresses of scope host only, \
         and 10.0.0.100 has scope global",
        "Run 'ip addr del 10.0.0.100/32 dev lo' and then 'ipvsadm rs-setup -g 10.0.0.100', \
         which adds it with scope host.",
    ];
    // Two cards, one finding.
    assert_eq!(only("arp-scope", findings_of(&direct(), &["10.0.0.100"], &host)), expected);
    assert_eq!(findings_of(&direct(), &["10.0.0.101"], &host), []);
    host.set("all/arp_ignore", 1);
    host.set("eth1/arp_ignore", 3);
    let [_, text, _] = only("arp-scope", findings_of(&direct(), &["10.0.0.100"], &host));
    assert!(text.starts_with("arp_ignore 3 on eth1 "), "{text}");
    host.snapshot.addresses.last_mut().expect("the VIP").host_scope = true;
    assert_eq!(findings_of(&direct(), &["10.0.0.100"], &host), []);
}

#[test]
fn a_tunnel_device_that_does_not_exist() {
    let mut host = tunnel_host();
    host.snapshot.links.retain(|link| link.name != "tunl0");
    let expected = [
        "tunl0",
        "there is no device tunl0: the kernel module ipip is not loaded",
        "Run 'ipvsadm rs-setup -i 10.0.0.100', which loads it. \
         If that fails, 'modprobe ipip' says why: a package with more kernel modules may be missing.",
    ];
    let findings = findings_of(&tunnel(RpFilter::Off), &["10.0.0.100"], &host);
    assert_eq!(only("tunnel-missing", findings), expected);
}

#[test]
fn an_rp_filter_that_drops_packets() {
    let mut host = tunnel_host();
    let check = |host: &FakeHost, rp_filter| {
        findings_of(&tunnel(rp_filter), &["10.0.0.100", "10.0.0.101", "fd00::100"], host)
            .into_iter()
            .filter(|finding| finding.id.starts_with("rp-filter"))
            .collect::<Vec<_>>()
    };
    assert_eq!(check(&host, RpFilter::Off), []);
    host.set("all/rp_filter", 1);
    let [subject, text, advice] = only("rp-filter", check(&host, RpFilter::Off));
    assert_eq!(subject, "tunl0");
    let expected = "rp_filter 1 is in effect on tunl0 (all 1, its own 0): it drops what comes out of the tunnel";
    assert_eq!(text, expected);
    let run = "Run 'ipvsadm rs-setup -i 10.0.0.100 10.0.0.101 fd00::100'. If the value returns, ";
    assert!(advice.starts_with(run), "{advice}");
    assert_eq!(only("rp-filter", check(&host, RpFilter::Loose))[0], "tunl0");
    host.set("tunl0/rp_filter", 2);
    let loose = check(&host, RpFilter::Off);
    assert_eq!(loose[0].severity, Severity::Note);
    let expected = [
        "tunl0",
        "rp_filter 2 is in effect on tunl0: packets of clients that this host has no route to are dropped",
        "Run 'ipvsadm rs-setup -i 10.0.0.100 10.0.0.101 fd00::100', \
         or set it up with --rp-filter loose if that is intended.",
    ];
    assert_eq!(only("rp-filter-loose", loose), expected);
    assert_eq!(check(&host, RpFilter::Loose), []);
    // A device that does not exist is another finding.
    host.snapshot.links.retain(|link| link.name != "tunl0");
    host.set("default/rp_filter", 1);
    assert_eq!(check(&host, RpFilter::Off), []);
    // rp_filter is a matter of tunnels.
    assert_eq!(ids(&findings_of(&direct(), &["10.0.0.100"], &host)), [""; 0]);
}

#[test]
fn an_mtu_without_room_for_the_tunnel() {
    let mut host = tunnel_host();
    host.link("eth1").mtu = 1519;
    let findings = findings_of(&tunnel(RpFilter::Off), &["10.0.0.100"], &host);
    assert_eq!(findings[0].severity, Severity::Note);
    let expected = [
        "eth1",
        "packets of 1500 bytes grow to 1520 in the tunnel, more than the MTU (1519 of eth1)",
        "If uploads hang, run 'ip link set eth1 mtu 1520' here and the same on the way from the director. \
         Or let clients send less: run 'ip route change default via ROUTER advmss 1440'.",
    ];
    assert_eq!(only("mtu-small", findings), expected);
    host.link("eth0").mtu = 1500;
    let findings = findings_of(&tunnel(RpFilter::Off), &["10.0.0.100"], &host);
    let [_, text, _] = only("mtu-small", findings);
    assert!(text.ends_with("(1500 of eth0, 1519 of eth1)"), "{text}");
    // The largest header, and the longer headers of IPv6.
    let findings = findings_of(&tunnel(RpFilter::Off), &["10.0.0.100", "fd00::100"], &host);
    let finding = findings.iter().find(|finding| finding.id == "mtu-small").expect("a finding");
    assert!(finding.text.contains("grow to 1540") && finding.advice.contains("advmss 1400"));
    for card in ["eth0", "eth1"] {
        host.link(card).up = false;
    }
    assert_eq!(findings_of(&tunnel(RpFilter::Off), &["10.0.0.100"], &host), []);
    assert_eq!(findings_of(&direct(), &["10.0.0.100"], &host), []);
}

#[test]
fn a_default_route_past_the_director() {
    let mut host = FakeHost::default();
    host.add_gateway("10.1.0.1", Some("eth1"));
    host.add_default_route(0, "10.0.0.254", "eth0");
    let expected = [
        "default route",
        "answers do not go back through the director: the default route is via 10.0.0.254 dev eth0",
        "Run 'ipvsadm rs-setup -m --gateway 10.1.0.1'. \
         If the route changes back, DHCP or the network configuration sets it.",
    ];
    let settings = nat(&["10.1.0.1"]);
    assert_eq!(only("return-route", findings_of(&settings, &[], &host)), expected);
    host.add_gateway("fd01::1", Some("eth1"));
    let findings = findings_of(&nat(&["10.1.0.1", "fd01::1"]), &[], &host);
    assert_eq!(ids(&findings), ["return-route", "return-route"]);
    assert!(findings[1].text.ends_with("the default route (IPv6) is absent"), "{findings:?}");
}

#[test]
fn a_vip_in_a_subnet_of_the_host() {
    let mut host = FakeHost::default();
    host.add_gateway("10.1.0.1", Some("eth1"));
    host.add_default_route(0, "10.1.0.1", "eth1");
    let check = |host: &FakeHost, vip: &str| findings_of(&nat(&["10.1.0.1"]), &[vip], host);
    let findings = check(&host, "10.0.0.100");
    assert_eq!(findings[0].severity, Severity::Note);
    let expected = [
        "10.0.0.100",
        "10.0.0.100 is in 10.0.0.0/24, a subnet of this host (eth0): \
         clients there get answers without the director, and drop them",
        "Move the real servers to a subnet without clients, \
         or run 'ip route replace 10.0.0.0/24 via 10.1.0.1' to send it through the director.",
    ];
    assert_eq!(only("clients-in-subnet", findings), expected);
    assert_eq!(check(&host, "192.0.2.1"), []);
    // No gateway of its family is known.
    host.add_address("eth0", "fd00::11/64", None);
    let [_, _, advice] = only("clients-in-subnet", check(&host, "fd00::100"));
    assert!(advice.contains("'ip route replace fd00::/64 via DIP'"), "{advice}");
    host.snapshot.addresses.last_mut().expect("an address").link_local = true;
    assert_eq!(check(&host, "fd00::100"), []);
    // The address itself is another finding.
    assert_eq!(ids(&check(&host, "10.0.0.11")), ["vip-on-card"]);
}
