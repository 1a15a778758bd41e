//! Files replaced as a whole: a reader finds the old content or the new content, never part of it.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// The mode of a new file, before the umask.
const NEW_FILE: u32 = 0o666;

/// Replaces a file by a new one with this content. The umask applies to `mode`.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    replace_like(path, content, mode, None)
}

/// Writes content to the file of a name that a user gave.
///
/// A regular file is replaced and keeps its owner and mode. A symbolic link is followed. Devices,
/// FIFOs and open descriptors are written to directly, since they cannot be renamed.
pub fn save(path: &Path, content: &[u8]) -> io::Result<()> {
    let old = match fs::metadata(path) {
        Ok(old) if is_open_descriptor(path.as_os_str()) || !old.is_file() => {
            return OpenOptions::new().write(true).open(path)?.write_all(content);
        }
        Ok(old) => Some(old),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    // The content of a private file stays private while the new file is written.
    let mode = old.as_ref().map_or(NEW_FILE, |old| old.mode() & 0o600);
    replace_like(&follow_link(path)?, content, mode, old.as_ref())
}

/// Replaces a file by a new one, created with `mode`, that gets the owner and mode of `old`.
fn replace_like(path: &Path, content: &[u8], mode: u32, old: Option<&Metadata>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".ipvsadm.")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    file.write_all(content)?;
    if let Some(old) = old {
        // Without privilege the file belongs to the caller.
        let _ = fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
        file.as_file().set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    // The new name is on the disk once the folder is. Some file systems do not support this.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Returns true for the name of a descriptor that is already open: a shell's `<(...)`, `/dev/stdin`.
pub fn is_open_descriptor(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let number_after = |start: &[u8]| {
        name.strip_prefix(start).is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit))
    };
    number_after(b"/dev/fd/")
        || number_after(b"/proc/self/fd/")
        || matches!(name, b"/dev/stdin" | b"/dev/stdout" | b"/dev/stderr")
}

/// The file that a symbolic link leads to, which may not exist yet.
fn follow_link(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            Ok(target) => Ok(path.parent().unwrap_or(Path::new("")).join(target)),
            Err(_) => Ok(path.to_path_buf()),
        },
        path => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("a file").mode() & 0o7777
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> = entries.map(name).map(|n| n.into_string().expect("text")).collect();
        names.sort();
        names
    }

    #[test]
    fn a_replaced_file_has_the_given_mode() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("state");
        fs::write(&path, "old").expect("written");
        replace(&path, b"new", 0o600).expect("replaced");
        assert_eq!((fs::read(&path).expect("read"), mode(&path)), (b"new".to_vec(), 0o600));
        assert_eq!(names(folder.path()), ["state"]);
        assert!(replace(&folder.path().join("none/state"), b"", 0o600).is_err());
    }

    #[test]
    fn a_saved_file_keeps_its_mode() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("rules");
        for kept in [0o640, 0o4711, 0o600] {
            fs::write(&path, "old").expect("written");
            fs::set_permissions(&path, Permissions::from_mode(kept)).expect("a mode");
            let inode = fs::metadata(&path).expect("a file").ino();
            save(&path, b"new").expect("saved");
            assert_eq!((fs::read(&path).expect("read"), mode(&path)), (b"new".to_vec(), kept));
            assert_ne!(fs::metadata(&path).expect("a file").ino(), inode, "a new file");
        }
        assert_eq!(names(folder.path()), ["rules"]);
    }

    #[test]
    fn a_save_creates_a_file_as_the_umask_says() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, plain) = (folder.path().join("rules"), folder.path().join("plain"));
        fs::write(&plain, "").expect("written");
        save(&path, b"new").expect("saved");
        assert_eq!(mode(&path), mode(&plain));
    }

    #[test]
    fn a_save_follows_links() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("old"), "old").expect("written");
        symlink("old", path("link")).expect("a link");
        symlink("new", path("dangling")).expect("a link");
        for (link, target) in [("link", "old"), ("dangling", "new")] {
            save(&path(link), b"new").expect("saved");
            assert_eq!(fs::read(path(target)).expect("read"), b"new");
            assert_eq!(fs::read_link(path(link)).expect("still a link"), Path::new(target));
        }
        assert_eq!(names(folder.path()), ["dangling", "link", "new", "old"]);
    }

    #[test]
    fn a_save_into_a_device_or_a_descriptor_writes_to_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        let mut reader = File::options().read(true).write(true).open(&fifo).expect("a FIFO");
        save(&fifo, b"text").expect("saved");
        assert!(!fs::metadata(&fifo).expect("it exists").is_file());
        let mut bytes = [0; 4];
        io::Read::read_exact(&mut reader, &mut bytes).expect("read");
        assert_eq!(&bytes, b"text");
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        let inode = file.as_file().metadata().expect("a file").ino();
        let name = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file.as_file()));
        save(Path::new(&name), b"text").expect("saved");
        assert_eq!(fs::metadata(file.path()).expect("a file").ino(), inode);
        let mut text = String::new();
        io::Read::read_to_string(file.as_file_mut(), &mut text).expect("read");
        assert_eq!(text, "text");
        assert!(save(folder.path(), b"text").is_err());
    }

    #[test]
    fn names_of_open_descriptors() {
        for name in ["/dev/fd/63", "/proc/self/fd/3", "/dev/stdin", "/dev/stdout", "/dev/stderr"] {
            assert!(is_open_descriptor(OsStr::new(name)), "{name}");
        }
        for name in ["/dev/fd/", "/dev/fd/../zero", "/dev/fd/3x", "/dev/null", "rules"] {
            assert!(!is_open_descriptor(OsStr::new(name)), "{name}");
        }
    }
}
