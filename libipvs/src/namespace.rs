//! Network namespaces, by name or by file.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The directory in which `ip netns add` creates names.
const NAMES: &str = "/run/netns";

/// Moves the calling thread into a network namespace: a name that `ip netns` knows, or the path of
/// a namespace file, which contains a slash.
///
/// Fails with `InvalidInput` if the file is not a network namespace. Fails with `PermissionDenied`
/// without CAP_SYS_ADMIN in the user namespace that owns it, and in that of the caller.
pub fn enter(name: &Path) -> io::Result<()> {
    // O_NONBLOCK: the open of a FIFO would wait for a writer.
    let flags = libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path(name))?;
    // SAFETY: the call accesses no memory of this process, and the descriptor is open.
    if unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    Err(match error.raw_os_error() {
        Some(libc::EINVAL) => {
            io::Error::new(io::ErrorKind::InvalidInput, "not a network namespace")
        }
        Some(libc::EPERM) => {
            let text = "Permission denied (you must be root)";
            io::Error::new(io::ErrorKind::PermissionDenied, text)
        }
        _ => error,
    })
}

/// Calls `work` in a network namespace. The calling thread stays in its own.
pub(crate) fn within<T: Send>(name: &Path, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|threads| {
        let thread = std::thread::Builder::new().spawn_scoped(threads, || {
            enter(name)?;
            Ok(work())
        })?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn path(name: &Path) -> PathBuf {
    match name.as_os_str().as_bytes().contains(&b'/') {
        true => name.to_path_buf(),
        false => Path::new(NAMES).join(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_slash_is_in_the_directory_of_names() {
        assert_eq!(path(Path::new("web")), Path::new("/run/netns/web"));
        assert_eq!(path(Path::new("/proc/1/ns/net")), Path::new("/proc/1/ns/net"));
        assert_eq!(path(Path::new("./web")), Path::new("./web"));
    }

    #[test]
    fn nothing_happens_outside_a_namespace_that_cannot_be_entered() {
        for (name, kind, text) in [
            ("/dev/null", io::ErrorKind::InvalidInput, "not a network namespace"),
            ("no such", io::ErrorKind::NotFound, "No such file or directory (os error 2)"),
        ] {
            let error = within::<()>(Path::new(name), || panic!("outside the namespace"));
            let error = error.expect_err("no namespace");
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, text));
        }
    }

    /// Entering a namespace requires privilege, even if the thread is already in it.
    #[test]
    fn work_is_done_inside_a_namespace() {
        let result = within(Path::new("/proc/self/ns/net"), || 7);
        match result {
            Ok(value) => assert_eq!(value, 7),
            Err(error) => assert_eq!(error.to_string(), "Permission denied (you must be root)"),
        }
    }
}
