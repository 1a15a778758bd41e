//! systemd-networkd: a .network file for the devices that it leaves alone, and a drop-in to the .network
//! file of each device whose addresses and routes it keeps.

use super::{BootRequirements, Target};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

pub(super) fn files(
    root: &Path,
    command: &str,
    boot: &BootRequirements,
    indexes: &BTreeMap<String, i32>,
) -> Vec<Target> {
    let mut files = Vec::new();
    if !boot.unmanaged_devices.is_empty() {
        let names: Vec<&str> = boot.unmanaged_devices.iter().copied().collect();
        let text = format!("[Match]\nName={}\n\n[Link]\nUnmanaged=yes\n", names.join(" "));
        let path = format!("etc/systemd/network/05-ipvsadm-{command}.network");
        files.push(super::file(command, path, &text));
    }
    for device in &boot.kept_devices {
        let index = indexes.get(device);
        if let Some(name) = index.and_then(|index| network_file(root, *index)) {
            let path = format!("etc/systemd/network/{name}.d/50-ipvsadm-{command}.conf");
            files.push(super::file(command, path, "[Network]\nKeepConfiguration=static\n"));
        }
    }
    files
}

/// The name of the .network file by which networkd manages a device; `None` when it does not.
fn network_file(root: &Path, index: i32) -> Option<String> {
    let path = root.join("run/systemd/netif/links").join(index.to_string());
    let text = fs::read_to_string(path).ok()?;
    let file = text.lines().find_map(|line| line.strip_prefix("NETWORK_FILE="))?;
    Some(Path::new(file).file_name()?.to_str()?.to_string())
}
