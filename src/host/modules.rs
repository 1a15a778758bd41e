//! Kernel modules, loaded by the program that the kernel itself runs to load them.

use std::process::{Command, Stdio};

/// Requests a module. The caller finds out whether it is loaded by using it.
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
