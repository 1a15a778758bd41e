//! State files: the state that a command remembers until it is undone. One file per network namespace
//! and command below /run, readable by root only, replaced as a whole.
//!
//! The file is named after the inode of /proc/self/ns/net. Inodes are reused, and /run may survive a
//! reboot. So the file also names the boot and the namespace (the kernel's cookie) that it belongs
//! to, and the record of any other is ignored.

use super::files;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folder that holds a folder for each command.
pub const FOLDER: &str = "/run/ipvsadm";
/// The maximum time to wait for the lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// The content of a state file.
pub trait Record: Default + Serialize + DeserializeOwned {
    /// The command that the record belongs to, and the name of its folder.
    const COMMAND: &'static str;

    fn is_empty(&self) -> bool;
}

/// A state file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {}", .0.display(), crate::text::os_error(.1))]
    File(PathBuf, io::Error),
    #[error("cannot parse {}: {}; remove the file to discard the recorded state", .0.display(), .1)]
    Parse(PathBuf, serde_json::Error),
    #[error("another {0} is running; try again when it has ended")]
    Locked(&'static str),
}

impl Error {
    pub fn not_permitted(&self) -> bool {
        matches!(self, Error::File(_, e) if e.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// The state file of this namespace, locked against other processes.
#[derive(Debug)]
pub struct StateFile<T> {
    pub record: T,
    namespace: NamespaceId,
    path: PathBuf,
    /// The lock of the folder: no lock file is left behind.
    _lock: Flock<File>,
}

impl<T: Record> StateFile<T> {
    /// Locks the state file below [`FOLDER`] and reads it.
    pub fn open() -> Result<StateFile<T>, Error> {
        StateFile::open_in(Path::new(FOLDER))
    }

    /// Locks the state file below `folder` and reads it.
    pub fn open_in(folder: &Path) -> Result<StateFile<T>, Error> {
        let lock = lock(&folder.join(T::COMMAND), T::COMMAND)?;
        let (record, namespace, path) = load(folder)?;
        Ok(StateFile { record, namespace, path, _lock: lock })
    }

    /// Writes the record. The file of an empty record is removed.
    pub fn save(&self) -> Result<(), Error> {
        let file_error = |e| Error::File(self.path.clone(), e);
        if self.record.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(file_error(e)),
                _ => Ok(()),
            };
        }
        let content = ContentRef { namespace: &self.namespace, record: &self.record };
        let content = serde_json::to_vec(&content).map_err(|e| file_error(e.into()))?;
        files::replace(&self.path, &content, 0o600).map_err(file_error)
    }
}

impl<T> Drop for StateFile<T> {
    fn drop(&mut self) {
        // Removes the folders when they are empty.
        for folder in self.path.ancestors().skip(1).take(2) {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Reads the record of this namespace without locking it.
pub fn read<T: Record>() -> Result<T, Error> {
    Ok(load(Path::new(FOLDER))?.0)
}

fn load<T: Record>(folder: &Path) -> Result<(T, NamespaceId, PathBuf), Error> {
    let (namespace, inode) = NamespaceId::current();
    let path = folder.join(T::COMMAND).join(format!("{inode}.json"));
    let record = match fs::read(&path) {
        Ok(bytes) => {
            let content: Content<T> =
                serde_json::from_slice(&bytes).map_err(|e| Error::Parse(path.clone(), e))?;
            if content.namespace == namespace { content.record } else { T::default() }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => T::default(),
        Err(e) => return Err(Error::File(path, e)),
    };
    Ok((record, namespace, path))
}

/// The content of a state file, as it is read.
#[derive(Deserialize)]
struct Content<T> {
    #[serde(flatten)]
    namespace: NamespaceId,
    #[serde(flatten)]
    record: T,
}

/// The content of a state file, as it is written.
#[derive(Serialize)]
struct ContentRef<'a, T> {
    #[serde(flatten)]
    namespace: &'a NamespaceId,
    #[serde(flatten)]
    record: &'a T,
}

/// The identity of a network namespace. Its inode alone may be reused.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct NamespaceId {
    boot: String,
    /// The cookie; 0 on kernels before 5.14, which have none.
    namespace: u64,
}

impl NamespaceId {
    /// Returns the identity and the inode of the current namespace.
    fn current() -> (NamespaceId, u64) {
        let inode = fs::metadata("/proc/self/ns/net").map_or(0, |meta| meta.ino());
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let cookie = UnixDatagram::unbound()
            .ok()
            .and_then(|socket| nix::sys::socket::getsockopt(&socket, NamespaceCookie).ok())
            .unwrap_or(0);
        (NamespaceId { boot: boot.trim().to_string(), namespace: cookie }, inode)
    }
}

/// SO_NETNS_COOKIE, which libc does not define.
const SO_NETNS_COOKIE: i32 = 71;
#[derive(Debug, Clone, Copy)]
struct NamespaceCookie;
nix::getsockopt_impl!(
    NamespaceCookie,
    libc::SOL_SOCKET,
    SO_NETNS_COOKIE,
    u64,
    nix::sys::socket::sockopt::GetStruct<u64>
);

/// Creates the folder, for root only, and locks it.
fn lock(folder: &Path, command: &'static str) -> Result<Flock<File>, Error> {
    let file_error = |e| Error::File(folder.to_path_buf(), e);
    let mut waited = Duration::ZERO;
    loop {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(file_error)?;
        let opened = match File::open(folder) {
            Ok(opened) => opened,
            // The process that held the lock removed the folder.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(file_error(e)),
        };
        match Flock::lock(opened, FlockArg::LockExclusiveNonblock) {
            Ok(lock) if is_same(folder, &lock).map_err(file_error)? => return Ok(lock),
            Ok(_) => continue,
            Err((_, Errno::EWOULDBLOCK)) if waited < LOCK_TIMEOUT => {
                std::thread::sleep(LOCK_RETRY);
                waited += LOCK_RETRY;
            }
            Err((_, Errno::EWOULDBLOCK)) => return Err(Error::Locked(command)),
            Err((_, e)) => return Err(file_error(e.into())),
        }
    }
}

/// Returns true when the path still leads to the folder that was locked.
fn is_same(folder: &Path, locked: &File) -> io::Result<bool> {
    let locked = locked.metadata()?;
    match fs::metadata(folder) {
        Ok(now) => Ok((now.dev(), now.ino()) == (locked.dev(), locked.ino())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Numbers {
        numbers: Vec<u32>,
    }

    impl Record for Numbers {
        const COMMAND: &'static str = "test";

        fn is_empty(&self) -> bool {
            self.numbers.is_empty()
        }
    }

    fn open(folder: &Path) -> Result<StateFile<Numbers>, Error> {
        StateFile::open_in(folder)
    }

    /// A state file with one number, and its path.
    fn saved(folder: &Path) -> PathBuf {
        let mut file = open(folder).expect("opened");
        file.record.numbers.push(7);
        file.save().expect("saved");
        file.path.clone()
    }

    #[test]
    fn a_record_is_read_again_until_it_is_empty() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = &root.path().join("state");
        let path = saved(folder);
        let mode = |path: &Path| fs::metadata(path).expect("it exists").permissions().mode();
        assert_eq!(mode(&path) & 0o777, 0o600);
        assert_eq!(mode(folder) & 0o777, 0o700);
        let (record, ..) = load::<Numbers>(folder).expect("read");
        assert_eq!(record.numbers, [7]);

        let mut file = open(folder).expect("opened");
        assert_eq!(file.record.numbers, [7]);
        file.record.numbers.clear();
        file.save().expect("removed");
        file.save().expect("removed before");
        drop(file);
        assert!(!folder.exists(), "empty folders are removed");
        assert!(root.path().exists());
    }

    #[test]
    fn the_record_of_another_boot_or_namespace_is_ignored() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = &root.path().join("state");
        let path = saved(folder);
        let text = fs::read_to_string(&path).expect("read");
        let mut json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(json["numbers"], serde_json::json!([7]));
        assert!(json["boot"].as_str().is_some_and(|boot| boot.len() == 36), "{text}");
        for (member, other) in
            [("boot", serde_json::json!("another")), ("namespace", serde_json::json!(1))]
        {
            let own = std::mem::replace(&mut json[member], other);
            fs::write(&path, json.to_string()).expect("written");
            assert_eq!(open(folder).expect("opened").record, Numbers::default(), "{member}");
            json[member] = own;
        }
    }

    #[test]
    fn a_file_that_cannot_be_parsed_is_an_error() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = &root.path().join("state");
        let path = saved(folder);
        fs::write(&path, "{").expect("written");
        let error = open(folder).expect_err("a file of nonsense");
        assert!(!error.not_permitted());
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot parse {}: ", path.display())), "{text}");
        assert!(text.ends_with("; remove the file to discard the recorded state"), "{text}");
    }

    #[test]
    fn one_process_at_a_time_holds_the_file() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = root.path().join("state");
        let first = open(&folder).expect("opened");
        let second = std::thread::spawn({
            let folder = folder.clone();
            move || open(&folder).expect("opened").record.numbers.clone()
        });
        std::thread::sleep(2 * LOCK_RETRY);
        assert!(!second.is_finished(), "the lock is held");
        let mut first = first;
        first.record.numbers.push(7);
        first.save().expect("saved");
        drop(first);
        assert_eq!(second.join().expect("it ends"), [7]);
    }

    #[test]
    fn a_folder_that_was_replaced_is_another() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = root.path().join("state");
        fs::create_dir(&folder).expect("created");
        let opened = File::open(&folder).expect("opened");
        assert!(is_same(&folder, &opened).expect("compared"));
        fs::rename(&folder, root.path().join("old")).expect("renamed");
        assert!(!is_same(&folder, &opened).expect("compared"));
        fs::create_dir(&folder).expect("created");
        assert!(!is_same(&folder, &opened).expect("compared"));
    }

    #[test]
    fn missing_privilege_is_told_apart() {
        let error = |errno| Error::File("/run".into(), io::Error::from_raw_os_error(errno));
        assert!(error(libc::EACCES).not_permitted());
        assert!(!error(libc::ENOSPC).not_permitted());
        assert_eq!(error(libc::EACCES).to_string(), "/run: Permission denied");
        assert!(!Error::Locked("drain").not_permitted());
    }
}
