//! sysctl.d: the sysctls that were set.

use super::{Entry, Target};
use crate::host::resource::{Resource, ResourceState};

/// The file of sysctls, unless there are none. Its name sorts behind 99-sysctl.conf, which is
/// /etc/sysctl.conf.
pub(super) fn file(command: &str, entries: &[Entry]) -> Option<Target> {
    let mut text = String::new();
    for entry in entries {
        if let (Resource::Sysctl { key }, Some(ResourceState::Value(value))) =
            (&entry.resource, entry.after.last())
        {
            // The dash: a sysctl of a device that does not exist yet is not an error.
            text += &format!("-{key} = {value}\n");
        }
    }
    let path = format!("etc/sysctl.d/99-zz-ipvsadm-{command}.conf");
    (!text.is_empty()).then(|| super::file(command, path, &text))
}
