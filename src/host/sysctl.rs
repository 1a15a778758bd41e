//! Sysctls: keys, and values below /proc/sys.

use super::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The key of a setting that IPv4 or IPv6 has for each device, and for `all` and `default`.
pub fn device_key(ipv6: bool, device: &str, name: &str) -> String {
    format!("net/ipv{}/conf/{device}/{name}", if ipv6 { 6 } else { 4 })
}

/// The device in the key of a device's setting.
pub fn device_of(key: &str) -> Option<&str> {
    key.split('/').nth(3)
}

/// The key of the same setting for `default`. A new device starts with the values of `default`.
pub fn default_key(key: &str) -> Option<String> {
    let mut parts: Vec<&str> = key.split('/').collect();
    *parts.get_mut(3)? = "default";
    Some(parts.join("/"))
}

/// A key as sysctl(8) prints it: with dots, unless the name of the device contains one.
pub fn display(key: &str) -> String {
    if key.contains('.') { key.to_string() } else { key.replace('/', ".") }
}

/// Reads a value. Returns `None` when this kernel has no such sysctl.
pub fn read(key: &str) -> Result<Option<String>, Error> {
    let path = path(key);
    match fs::read_to_string(&path) {
        Ok(value) => Ok(Some(value.trim_end().to_string())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::File(path, e)),
    }
}

/// Writes a value.
pub fn write(key: &str, value: &str) -> Result<(), Error> {
    let path = path(key);
    // Without O_CREAT: the kernel alone creates sysctls.
    let file = OpenOptions::new().write(true).open(&path);
    file.and_then(|mut file| file.write_all(value.as_bytes())).map_err(|e| Error::File(path, e))
}

/// Checks that a sysctl can be written, without writing it.
pub fn check_writable(key: &str) -> Result<(), Error> {
    let path = path(key);
    match OpenOptions::new().write(true).open(&path) {
        Ok(_) => Ok(()),
        // The sysctl of a device that does not exist yet.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::File(path, e)),
    }
}

fn path(key: &str) -> PathBuf {
    Path::new("/proc/sys").join(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_devices() {
        let key = device_key(false, "eth0", "rp_filter");
        assert_eq!(key, "net/ipv4/conf/eth0/rp_filter");
        assert_eq!(device_key(true, "lo", "disable_ipv6"), "net/ipv6/conf/lo/disable_ipv6");
        assert_eq!(device_of(&key), Some("eth0"));
        assert_eq!(default_key(&key).as_deref(), Some("net/ipv4/conf/default/rp_filter"));
        assert_eq!((device_of("kernel/osrelease"), default_key("kernel/osrelease")), (None, None));
    }

    #[test]
    fn a_key_has_dots_unless_the_device_has_one() {
        assert_eq!(display("net/ipv4/conf/eth0/rp_filter"), "net.ipv4.conf.eth0.rp_filter");
        assert_eq!(display("net/ipv4/conf/eth0.5/rp_filter"), "net/ipv4/conf/eth0.5/rp_filter");
    }

    #[test]
    fn a_value_is_read_without_its_newline() {
        let value = read("kernel/ostype").expect("readable");
        assert_eq!(value.as_deref(), Some("Linux"));
        assert_eq!(read("kernel/no_such_sysctl").expect("no error"), None);
        // A folder.
        let error = read("kernel").expect_err("not a sysctl").to_string();
        assert_eq!(error, "/proc/sys/kernel: Is a directory");
    }

    #[test]
    fn a_sysctl_that_does_not_exist_cannot_be_written() {
        assert!(check_writable("net/ipv4/conf/no-device/rp_filter").is_ok());
        let error = write("net/ipv4/conf/no-device/rp_filter", "1").expect_err("no device");
        let expected = "/proc/sys/net/ipv4/conf/no-device/rp_filter: No such file or directory";
        assert_eq!(error.to_string(), expected);
        assert!(check_writable("kernel").is_err());
    }
}
