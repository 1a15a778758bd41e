//! Settings for tests.

use super::{Method, RpFilter, Settings, Tunnel, TunnelKind};
use crate::host::fake::address;

pub fn direct() -> Settings {
    Settings { method: Method::Gatewaying, interfaces: vec![] }
}

pub fn tunnel_of(kind: TunnelKind, outer_ipv6: Option<bool>, rp_filter: RpFilter) -> Settings {
    let tunnel = Tunnel { kind, outer_ipv6, rp_filter };
    Settings { method: Method::Ipip(tunnel), interfaces: vec![] }
}

pub fn tunnel(rp_filter: RpFilter) -> Settings {
    tunnel_of(TunnelKind::Ipip, None, rp_filter)
}

pub fn gue(outer_ipv6: Option<bool>) -> Settings {
    tunnel_of(TunnelKind::Gue { port: 6080 }, outer_ipv6, RpFilter::Loose)
}

pub fn nat(gateways: &[&str]) -> Settings {
    let gateways = gateways.iter().map(|gateway| address(gateway)).collect();
    Settings { method: Method::Masquerading { gateways }, interfaces: vec![] }
}
