//! Loading of kernel modules, with the program that the kernel itself uses for it.

use std::process::{Command, Stdio};

/// Tries to load a module. Whether that succeeded shows when the module is used.
pub fn load(name: &str) {
    let Ok(path) = std::fs::read_to_string("/proc/sys/kernel/modprobe") else { return };
    let path = path.trim_end_matches('\n');
    if path.is_empty() {
        return;
    }
    let _ = Command::new(path)
        .args(["--", name])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
