//! modules-load.d: the kernel modules of the devices.

use super::Target;
use std::collections::BTreeSet;

/// The file of modules, unless there are none.
pub(super) fn file(command: &str, modules: &BTreeSet<&str>) -> Option<Target> {
    let text: String = modules.iter().map(|module| format!("{module}\n")).collect();
    let path = format!("etc/modules-load.d/ipvsadm-{command}.conf");
    (!text.is_empty()).then(|| super::file(command, path, &text))
}
