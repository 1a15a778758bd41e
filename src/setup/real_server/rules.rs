//! The rules that do not fit a plain row of the table, and the conflicts.

use super::{Context, Row, RpFilter, Settings};
use crate::host::resource::{Resource, ResourceState, Route};
use crate::host::snapshot::{Snapshot, SnapshotError};
use crate::host::sysctl::{self, device_key};
use crate::setup::plan::{Conflict, Phase, Planner};
use ipnet::IpNet;
use std::net::IpAddr;

/// The values of arp_ignore with which no device answers for addresses of another. With 3 this holds
/// for addresses of host scope only. The kernel ignores 4 to 7 and what is above 8: the host answers.
pub const ARP_IGNORE_SILENT: [i64; 4] = [1, 2, 3, 8];
/// The value of arp_ignore that is silent for addresses of host scope only.
pub const SILENT_FOR_HOST_SCOPE: i64 = 3;

/// The metric of the default route: the smallest one. IPv6 replaces 0 by 1024.
fn smallest_metric(ipv6: bool) -> u32 {
    if ipv6 { 1 } else { 0 }
}

/// A stricter value stays.
pub fn silent_arp_ignore(current: i64) -> i64 {
    if ARP_IGNORE_SILENT.contains(&current) { current } else { 1 }
}

pub fn accepts_rp_filter(settings: &Settings, value: i64) -> bool {
    match &settings.method {
        super::Method::Ipip(tunnel) => value == tunnel_rp_filter(tunnel.rp_filter),
        super::Method::Gatewaying | super::Method::Masquerading { .. } => true,
    }
}

fn tunnel_rp_filter(rp_filter: RpFilter) -> i64 {
    match rp_filter {
        RpFilter::Off => 0,
        RpFilter::Loose => 2,
    }
}

pub fn tunnel_device(
    context: &Context,
    planner: &mut Planner,
    row: &Row,
) -> Result<(), SnapshotError> {
    let Some(tunnel) = context.tunnel() else { return Ok(()) };
    let device = tunnel.device(context.owner);
    let resource = Resource::Device {
        name: device.name.to_string(),
        kind: device.kind.to_string(),
        module: device.module.to_string(),
        created: device.created,
    };
    planner.require(Phase::Devices, resource, ResourceState::Present, context.reason(row))
}

pub fn gue_port(context: &Context, planner: &mut Planner, row: &Row) -> Result<(), SnapshotError> {
    let Some((port, ipv6)) = context.tunnel().and_then(|tunnel| tunnel.gue_port(context.owner))
    else {
        return Ok(());
    };
    let mut ports = context.snapshot.fou_ports()?.iter();
    if ports.any(|fou| (fou.port, fou.ipv6) == (port, ipv6) && !fou.gue) {
        let family = if ipv6 { " -6" } else { "" };
        planner.conflict(Conflict {
            finding: "gue-port-taken",
            subject: format!("UDP port {port}"),
            text: format!("UDP port {port} receives bare packets (fou), not GUE"),
            advice: format!(
                "Run 'ip fou del port {port}{family}', or use another port here and on the director."
            ),
        });
    }
    let resource = Resource::Fou { port, ipv6 };
    planner.require(Phase::Devices, resource, ResourceState::Present, context.reason(row))
}

pub fn device_up(context: &Context, planner: &mut Planner, row: &Row) -> Result<(), SnapshotError> {
    let Some(device) = context.device else { return Ok(()) };
    let has_ipv4 = context.snapshot.addresses_on(device).any(|on| on.net.addr().is_ipv4());
    let bare = device == "lo" && !has_ipv4;
    let resource = Resource::Up { device: device.to_string(), bare };
    planner.require(Phase::Devices, resource, ResourceState::Present, context.reason(row))
}

/// The larger of a card's own arp_ignore and that of `all` is in effect. A card's own value may be
/// the larger one, and one that the kernel ignores.
pub fn arp_ignore_of_cards(
    context: &Context,
    planner: &mut Planner,
    row: &Row,
) -> Result<(), SnapshotError> {
    let all = planner.planned(&device_key(false, "all", "arp_ignore"))?;
    for link in context.snapshot.links.iter().filter(|link| link.arp) {
        let key = device_key(false, &link.name, "arp_ignore");
        let own = planner.planned(&key)?;
        let ignored = own > all && !ARP_IGNORE_SILENT.contains(&own);
        let value = if ignored { 1 } else { own };
        planner.preserve(Phase::Sysctls, key, value, context.reason(row))?;
    }
    Ok(())
}

/// Packets come out of the tunnel from clients whose way back is a network card.
pub fn rp_filter(context: &Context, planner: &mut Planner, row: &Row) -> Result<(), SnapshotError> {
    let (Some(tunnel), Some(device)) = (context.tunnel(), context.device) else { return Ok(()) };
    let key = |device: &str| device_key(false, device, "rp_filter");
    let reason = context.reason(row);
    let desired = tunnel_rp_filter(tunnel.rp_filter);
    if tunnel.rp_filter == RpFilter::Loose {
        return planner.set(Phase::Sysctls, key(device), desired, reason);
    }
    // The larger of the device's own value and that of `all` is in effect. So `all` has to be 0, and
    // before that every other device gets the value that is in effect on it: the check is not lifted
    // on any of them, not even for a moment.
    // `default` comes before the others, since a module may create more devices than one. Writing
    // `default` changes every device whose own value was never written. So the value of an existing
    // tunnel device is written before `default`, and its previous value is known.
    let all = context.snapshot.number(&key("all"))?;
    let default = context.snapshot.number(&key("default"))?;
    let exists = context.snapshot.link(device).is_some();
    if exists && default < all {
        planner.force(Phase::Defaults, key(device), desired, reason)?;
    } else if exists {
        planner.set(Phase::Defaults, key(device), desired, reason)?;
    }
    planner.preserve(Phase::Defaults, key("default"), default.max(all), reason)?;
    for other in context.snapshot.links.iter().filter(|other| other.name != device) {
        let own = context.snapshot.number(&key(&other.name))?;
        planner.preserve(Phase::Sysctls, key(&other.name), own.max(all), reason)?;
    }
    if !exists {
        planner.set(Phase::Sysctls, key(device), desired, reason)?;
    }
    planner.set(Phase::Sysctls, key("all"), 0, reason)
}

pub fn vip_address(
    context: &Context,
    planner: &mut Planner,
    row: &Row,
) -> Result<(), SnapshotError> {
    let (Some(device), vip) = (context.device, context.owner) else { return Ok(()) };
    let disable_ipv6 = device_key(true, device, "disable_ipv6");
    if vip.is_ipv6() && context.snapshot.number(&disable_ipv6)? == 1 {
        let key = sysctl::display(&disable_ipv6);
        planner.conflict(Conflict {
            finding: "ipv6-disabled",
            subject: device.to_string(),
            text: format!("IPv6 is disabled on {device}, so {vip} cannot be added to it"),
            advice: format!("Run 'sysctl -w {key}=0'."),
        });
    }
    let label = (device == "lo" && vip.is_ipv4()).then(|| free_label(context.snapshot, planner));
    let host_scope = vip.is_ipv4() && is_silent_for_host_scope(context.snapshot);
    let device = device.to_string();
    let resource = Resource::Address { device, address: vip, label, host_scope };
    planner.require(Phase::Addresses, resource, ResourceState::Present, context.reason(row))
}

/// Returns true when a device is silent for addresses of host scope only.
fn is_silent_for_host_scope(snapshot: &Snapshot) -> bool {
    let silent = SILENT_FOR_HOST_SCOPE.to_string();
    snapshot.sysctls.iter().any(|(key, value)| {
        key.starts_with("net/ipv4")
            && key.ends_with("/arp_ignore")
            && value.as_ref() == Some(&silent)
    })
}

/// The first of lo:0, lo:1, ... that no address has.
fn free_label(snapshot: &Snapshot, planner: &Planner) -> String {
    let planned = planner.steps(Phase::Addresses).iter().filter_map(|step| match &step.resource {
        Resource::Address { label, .. } if !step.in_place() => label.as_deref(),
        _ => None,
    });
    let labels = snapshot.addresses.iter().filter_map(|address| address.label.as_deref());
    let taken: Vec<&str> = labels.chain(planned).collect();
    let mut labels = (0u64..).map(|n| format!("lo:{n}"));
    labels.find(|label| !taken.contains(&label.as_str())).unwrap_or_default()
}

pub fn default_route(
    context: &Context,
    planner: &mut Planner,
    row: &Row,
) -> Result<(), SnapshotError> {
    for (gateway, device) in context.reachable_gateways()? {
        let ipv6 = gateway.is_ipv6();
        let desired = ResourceState::Route(Route {
            gateway: Some(gateway),
            device: Some(device.to_string()),
            raw: vec![],
        });
        let routes = context.snapshot.default_routes(ipv6)?.iter();
        let metric = match routes.min_by_key(|route| route.metric) {
            // The route is there already, with a metric of its own.
            Some(best) if context.snapshot.route_state(best) == desired => best.metric,
            _ => smallest_metric(ipv6),
        };
        let resource = Resource::DefaultRoute { ipv6, metric };
        planner.require(Phase::Routes, resource, desired, context.reason(row))?;
    }
    Ok(())
}

/// A VIP on a device other than its own, or with another prefix length.
pub fn misplaced_vip(settings: &Settings, vip: IpAddr, snapshot: &Snapshot, planner: &mut Planner) {
    let subject = vip.to_string();
    for address in snapshot.addresses.iter().filter(|address| address.net.addr() == vip) {
        let device = snapshot.device(address.index).unwrap_or("?");
        let remove = format!("ip addr del {} dev {device}", address.net);
        let (finding, text, advice) = if settings.vip_device(vip) == Some(device) {
            if address.net == IpNet::from(vip) {
                continue;
            }
            (
                "vip-prefix",
                format!(
                    "{vip} is on {device} with /{}, which makes its whole subnet local to this host",
                    address.net.prefix_len()
                ),
                format!("Run '{remove}', and then rs-setup, which adds {}.", IpNet::from(vip)),
            )
        } else if snapshot.link(device).is_some_and(|link| !link.arp) {
            (
                "vip-misplaced",
                format!("{vip} is on {device}, where this forwarding method does not use it"),
                format!("Run 'ipvsadm rs-setup --undo {vip}' or '{remove}'."),
            )
        } else {
            let requests = if vip.is_ipv6() { "neighbour solicitations" } else { "ARP requests" };
            (
                "vip-on-card",
                format!("{vip} is on the network card {device}, which answers {requests} for it"),
                format!("Run '{remove}'."),
            )
        };
        planner.conflict(Conflict { finding, subject: subject.clone(), text, advice });
    }
}

/// A gateway that is not a neighbour of this host.
pub fn unreachable_gateway(
    gateway: IpAddr,
    snapshot: &Snapshot,
    planner: &mut Planner,
) -> Result<(), SnapshotError> {
    if snapshot.neighbour_device(gateway)?.is_none() {
        planner.conflict(Conflict {
            finding: "gateway-unreachable",
            subject: gateway.to_string(),
            text: format!("the gateway {gateway} is not in a subnet of this host"),
            advice: "Give --gateway the director's address in the subnet of the real servers."
                .to_string(),
        });
    }
    Ok(())
}
