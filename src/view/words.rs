//! The words for the model's values: in the columns of a listing, and as options of a rule.

use libipvs::model::{Checksum, Forwarding, Protocol, ServiceKey};

/// A value's text in a column, and the option that configures it.
pub struct Words {
    pub column: &'static str,
    pub option: &'static str,
}

const fn words(column: &'static str, option: &'static str) -> Words {
    Words { column, option }
}

pub fn service(key: &ServiceKey) -> Words {
    match key {
        ServiceKey::Address { protocol: Protocol::Tcp, .. } => words("TCP", "-t"),
        ServiceKey::Address { protocol: Protocol::Udp, .. } => words("UDP", "-u"),
        ServiceKey::Address { protocol: Protocol::Sctp, .. } => words("SCTP", "--sctp-service"),
        ServiceKey::Address { protocol: Protocol::Other(_), .. } => words("???", "-t"),
        ServiceKey::Mark { .. } => words("FWM", "-f"),
    }
}

pub fn forwarding(forwarding: Forwarding) -> Words {
    match forwarding {
        Forwarding::Masquerading => words("Masq", "-m"),
        Forwarding::Tunnel => words("Tunnel", "-i"),
        Forwarding::DirectRouting => words("Route", "-g"),
        // The kernel sets these where direct routing was configured.
        Forwarding::Local => words("Local", "-g"),
        Forwarding::Bypass => words("Bypass", "-g"),
        Forwarding::Other(_) => words("Unknown", "-g"),
    }
}

pub fn checksum(checksum: Checksum) -> Words {
    match checksum {
        Checksum::None => words("-c", "--tun-nocsum"),
        Checksum::Full => words("+c", "--tun-csum"),
        Checksum::Remote => words("r+c", "--tun-remcsum"),
    }
}
