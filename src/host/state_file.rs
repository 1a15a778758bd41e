//! What a command did to this network namespace, kept until it is taken back: one file for each
//! namespace and command below /run, for root alone, written whole.
//!
//! A namespace is known by the inode of /proc/self/ns/net, which is also the name of its file; but
//! inodes are used again, and /run may outlive a boot. So the file says which boot and which
//! namespace of it (the kernel's cookie) it is about, and any other's is passed over.

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the commands have their directories.
const DIRECTORY: &str = "/run/ipvsadm";
/// How long another is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is kept.
pub trait Record: Default + Serialize + DeserializeOwned {
    /// The command whose record it is, and the name of its directory.
    const COMMAND: &'static str;

    fn is_empty(&self) -> bool;
}

/// Why the record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {}", .0.display(), crate::text::os_error(.1))]
    File(PathBuf, io::Error),
    #[error("{} cannot be understood ({}); take it away if nothing else helps", .0.display(), .1)]
    Nonsense(PathBuf, serde_json::Error),
    #[error("another {0} has been running for a while; try again when it has ended")]
    Busy(&'static str),
}

impl Error {
    pub fn not_permitted(&self) -> bool {
        matches!(self, Error::File(_, e) if e.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// The record of this namespace, and the right to change it: nobody else has it meanwhile.
#[derive(Debug)]
pub struct Kept<T> {
    pub record: T,
    here: Here,
    path: PathBuf,
    /// The lock is on the directory: there is no file to be left behind.
    _lock: Flock<File>,
}

impl<T: Record> Kept<T> {
    /// Take the lock and read the record.
    pub fn open() -> Result<Kept<T>, Error> {
        let directory = &directory(T::COMMAND);
        let mut waited = Duration::ZERO;
        let step = Duration::from_millis(20);
        let lock = loop {
            let file = |e| Error::File(directory.to_path_buf(), e);
            make(directory).map_err(file)?;
            let opened = match File::open(directory) {
                Ok(opened) => opened,
                // Taken away by one that undid the last of it.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(file(e)),
            };
            match Flock::lock(opened, FlockArg::LockExclusiveNonblock) {
                Ok(lock) if still(directory, &lock).map_err(file)? => break lock,
                Ok(_) => continue,
                Err((_, Errno::EWOULDBLOCK)) if waited < PATIENCE => {
                    std::thread::sleep(step);
                    waited += step;
                }
                Err((_, Errno::EWOULDBLOCK)) => return Err(Error::Busy(T::COMMAND)),
                Err((_, e)) => return Err(file(e.into())),
            }
        };
        let (record, here, path) = read()?;
        Ok(Kept { record, here, path, _lock: lock })
    }

    /// Write the record: whole, or not at all.
    pub fn save(&self) -> Result<(), Error> {
        if self.record.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    Err(Error::File(self.path.clone(), e))
                }
                _ => Ok(()),
            };
        }
        let file = Written { here: &self.here, record: &self.record };
        write_whole(&self.path, &serde_json::to_vec(&file).unwrap_or_default(), 0o600)
            .map_err(|e| Error::File(self.path.clone(), e))
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        // Empty directories go; where others have files in there, they stay.
        for directory in self.path.ancestors().skip(1).take(2) {
            let _ = fs::remove_dir(directory);
        }
    }
}

/// The record as it is at this moment, for looking at.
pub fn look<T: Record>() -> Result<T, Error> {
    Ok(read()?.0)
}

fn read<T: Record>() -> Result<(T, Here, PathBuf), Error> {
    let (here, inode) = Here::get();
    let path = directory(T::COMMAND).join(format!("{inode}.json"));
    let record = match fs::read(&path) {
        Ok(bytes) => {
            let file: Found<T> =
                serde_json::from_slice(&bytes).map_err(|e| Error::Nonsense(path.clone(), e))?;
            if file.here == here { file.record } else { T::default() }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => T::default(),
        Err(e) => return Err(Error::File(path, e)),
    };
    Ok((record, here, path))
}

/// What a file says.
#[derive(Deserialize)]
struct Found<T> {
    #[serde(flatten)]
    here: Here,
    #[serde(flatten)]
    record: T,
}

#[derive(Serialize)]
struct Written<'a, T> {
    #[serde(flatten)]
    here: &'a Here,
    #[serde(flatten)]
    record: &'a T,
}

/// This network namespace.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Here {
    boot: String,
    /// Its cookie; 0 on kernels before 5.14, which have none.
    namespace: u64,
}

impl Here {
    /// It, and its inode.
    fn get() -> (Here, u64) {
        let inode = fs::metadata("/proc/self/ns/net").map_or(0, |meta| meta.ino());
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let cookie = UnixDatagram::unbound()
            .ok()
            .and_then(|socket| nix::sys::socket::getsockopt(&socket, NamespaceCookie).ok())
            .unwrap_or(0);
        (Here { boot: boot.trim().to_string(), namespace: cookie }, inode)
    }
}

/// SO_NETNS_COOKIE, which libc does not name.
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

fn directory(command: &str) -> PathBuf {
    Path::new(DIRECTORY).join(command)
}

/// The directory and the one above it, for root alone.
fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Whether the directory is still the one that was locked.
fn still(directory: &Path, locked: &File) -> io::Result<bool> {
    let locked = locked.metadata()?;
    match fs::metadata(directory) {
        Ok(now) => Ok((now.dev(), now.ino()) == (locked.dev(), locked.ino())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// A file with this content in place of what was there, or an error and what was there.
pub fn write_whole(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let _ = fs::remove_file(&temporary);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}
