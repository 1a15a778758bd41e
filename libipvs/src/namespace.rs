//! Network namespaces by their names or files.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where `ip netns add` puts names.
const NAMES: &str = "/run/netns";

/// Move the calling thread into a network namespace: a name of `ip netns`, or the path of a
/// namespace's file, which has a slash in it.
///
/// `InvalidInput` for a file that is none, `PermissionDenied` without CAP_SYS_ADMIN there and in the caller's own user namespace.
pub fn enter(name: &Path) -> io::Result<()> {
    // A FIFO is not waited for: it is none either.
    let flags = libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path(name))?;
    // SAFETY: it reads no memory of ours, and the descriptor is open.
    if unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    Err(match error.raw_os_error() {
        Some(libc::EINVAL) => io::Error::new(io::ErrorKind::InvalidInput, "it is none"),
        Some(libc::EPERM) => {
            let text = "Permission denied (you must be root)";
            io::Error::new(io::ErrorKind::PermissionDenied, text)
        }
        _ => error,
    })
}

/// What `work` makes in a network namespace; the calling thread stays where it is.
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
    fn a_name_or_a_path() {
        assert_eq!(path(Path::new("web")), Path::new("/run/netns/web"));
        assert_eq!(path(Path::new("/proc/1/ns/net")), Path::new("/proc/1/ns/net"));
        assert_eq!(path(Path::new("./web")), Path::new("./web"));
    }

    #[test]
    fn what_is_none_is_refused_and_nothing_done() {
        for (name, kind) in
            [("/dev/null", io::ErrorKind::InvalidInput), ("no such", io::ErrorKind::NotFound)]
        {
            let result = within(Path::new(name), || panic!("not in a namespace"));
            assert_eq!(result.map_err(|e| e.kind()), Err::<(), _>(kind));
        }
    }
}
