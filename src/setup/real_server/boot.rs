//! The commands and other requirements at boot for a real server.

use super::{Method, Settings};
use crate::setup::Policy;
use crate::setup::journal::Setup;
use crate::setup::persistence::BootRequirements;
use std::collections::BTreeMap;
use std::net::IpAddr;

impl Policy for Settings {
    const COMMAND: &'static str = "rs-setup";
    const DESCRIPTION: &'static str = "Real server of Linux Virtual Server (ipvsadm rs-setup)";

    fn boot_requirements(setups: &BTreeMap<IpAddr, Setup<Settings>>) -> BootRequirements {
        let mut boot = BootRequirements { commands: commands(setups), ..Default::default() };
        for (owner, setup) in setups {
            match &setup.settings.method {
                Method::Gatewaying => drop(boot.kept_devices.insert("lo".to_string())),
                Method::Ipip(tunnel) => {
                    let device = tunnel.device(*owner);
                    boot.modules.insert(device.module);
                    boot.modules.extend(tunnel.gue_port(*owner).map(|_| "fou"));
                    boot.unmanaged_devices.insert(device.name);
                }
                Method::Masquerading { .. } => {}
            }
        }
        boot
    }
}

/// The commands that set up all of it, as the words after `ipvsadm`: one for all VIPs that have the
/// same settings.
pub fn commands(setups: &BTreeMap<IpAddr, Setup<Settings>>) -> Vec<Vec<String>> {
    let groups = by_settings(setups.iter().map(|(&owner, setup)| (&setup.settings, owner)));
    groups.into_iter().map(|(settings, vips)| command(&settings, &vips)).collect()
}

/// The command that sets up these VIPs, as the words after `ipvsadm`.
pub fn command(settings: &Settings, vips: &[IpAddr]) -> Vec<String> {
    let command = [Settings::COMMAND.to_string()].into_iter().chain(settings.options());
    command.chain(vips.iter().map(IpAddr::to_string)).collect()
}

/// The VIPs for each settings, in the order of their first owner. A gateway that owns its own set-up
/// is not a VIP.
pub fn by_settings<'a>(
    setups: impl IntoIterator<Item = (&'a Settings, IpAddr)>,
) -> Vec<(Settings, Vec<IpAddr>)> {
    let mut groups: Vec<(Settings, Vec<IpAddr>)> = Vec::new();
    for (settings, owner) in setups {
        let vip = Some(owner).filter(|owner| !settings.gateways().contains(owner));
        match groups.iter_mut().find(|(known, _)| known == settings) {
            Some((_, vips)) => vips.extend(vip),
            None => groups.push((settings.clone(), vip.into_iter().collect())),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{direct, gue, nat, tunnel, tunnel_of};
    use super::super::{RpFilter, TunnelKind};
    use super::*;
    use crate::host::fake::address;
    use std::collections::BTreeSet;

    fn setups(setups: &[(&str, Settings)]) -> BTreeMap<IpAddr, Setup<Settings>> {
        let setups = setups.iter().cloned();
        setups
            .map(|(owner, settings)| (address(owner), Setup { settings, persist: true }))
            .collect()
    }

    #[test]
    fn commands_set_up_all_vips_with_the_same_settings() {
        let gateway = "10.1.0.1";
        let setups = setups(&[
            ("10.0.0.100", direct()),
            ("10.0.0.101", tunnel(RpFilter::Off)),
            ("10.0.0.102", direct()),
            (gateway, nat(&[gateway])),
            ("10.2.0.1", nat(&["10.2.0.2"])),
        ]);
        let lines: Vec<String> = commands(&setups).iter().map(|words| words.join(" ")).collect();
        let expected = [
            "rs-setup -g 10.0.0.100 10.0.0.102",
            "rs-setup -i 10.0.0.101",
            "rs-setup -m --gateway 10.1.0.1",
            "rs-setup -m --gateway 10.2.0.2 10.2.0.1",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn requirements_at_boot() {
        let boot = Settings::boot_requirements(&setups(&[
            ("10.0.0.100", gue(None)),
            ("10.0.0.101", tunnel_of(TunnelKind::Gre, None, RpFilter::Off)),
        ]));
        assert_eq!(boot.modules, BTreeSet::from(["fou", "ipip", "ip_gre"]));
        assert_eq!(boot.unmanaged_devices, BTreeSet::from(["gre0", "tunl0"]));
        assert!(boot.kept_devices.is_empty());
        assert_eq!(boot.commands.len(), 2);
        let boot = Settings::boot_requirements(&setups(&[
            ("10.0.0.100", direct()),
            ("10.1.0.1", nat(&["10.1.0.1"])),
        ]));
        assert_eq!(boot.kept_devices, BTreeSet::from(["lo".to_string()]));
        assert!(boot.modules.is_empty() && boot.unmanaged_devices.is_empty());
    }
}
