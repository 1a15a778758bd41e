//! What rs-setup did to this network namespace, kept until it is undone: one file for each
//! namespace below /run, for root alone, written whole before each step.
//!
//! A namespace is known by the inode of /proc/self/ns/net, which is also the name of its file; but
//! inodes are used again, and /run may outlive a boot. So the file says which boot and which
//! namespace of it (the kernel's cookie) it is about, and any other's is passed over.

use super::settings::Settings;
use super::step::{State, What};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the files are.
pub const DIRECTORY: &str = "/run/ipvsadm/rs-setup";
/// How long another rs-setup is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was done, in the order it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    boot: String,
    namespace: u64,
    pub setups: BTreeMap<IpAddr, Setup>,
    pub entries: Vec<Entry>,
}

/// What was asked for, for one virtual address (with NAT: or gateway).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    #[serde(flatten)]
    pub settings: Settings,
    #[serde(default)]
    pub persist: bool,
}

/// One thing that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub what: What,
    /// How it was found.
    pub before: State,
    /// What rs-setup made of it, the newest last. It is written down before it is done, so any of
    /// them may be what is there.
    pub after: Vec<State>,
    pub owners: BTreeSet<IpAddr>,
}

/// Why the record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {}", .0.display(), crate::netlink::error::without_number(.1))]
    File(PathBuf, io::Error),
    #[error("{} cannot be understood ({}); take it away if nothing else helps", .0.display(), .1)]
    Nonsense(PathBuf, serde_json::Error),
    #[error("another rs-setup has been running for a while; try again when it has ended")]
    Busy,
}

impl Error {
    pub fn not_permitted(&self) -> bool {
        matches!(self, Error::File(_, e) if e.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// The record of this namespace, and the right to change it: no other rs-setup has it meanwhile.
#[derive(Debug)]
pub struct Journal {
    pub record: Record,
    path: PathBuf,
    /// The lock is on the directory: there is no file to be left behind.
    _lock: Flock<File>,
}

impl Journal {
    /// Take the lock and read the record.
    pub fn open() -> Result<Journal, Error> {
        let directory = Path::new(DIRECTORY);
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
                Err((_, Errno::EWOULDBLOCK)) => return Err(Error::Busy),
                Err((_, e)) => return Err(file(e.into())),
            }
        };
        let (record, path) = Record::read_from()?;
        Ok(Journal { record, path, _lock: lock })
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
        write_whole(&self.path, &serde_json::to_vec(&self.record).unwrap_or_default(), 0o600)
            .map_err(|e| Error::File(self.path.clone(), e))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Empty directories go; where others have files in there, they stay.
        let directory = Path::new(DIRECTORY);
        let _ = fs::remove_dir(directory);
        let _ = directory.parent().map(fs::remove_dir);
    }
}

impl Record {
    /// The record as it is at this moment, for looking at.
    pub fn read() -> Result<Record, Error> {
        Ok(Record::read_from()?.0)
    }

    fn read_from() -> Result<(Record, PathBuf), Error> {
        let here = Here::get();
        let path = Path::new(DIRECTORY).join(format!("{}.json", here.inode));
        let mut record: Record = match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|e| Error::Nonsense(path.clone(), e))?
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Record::default(),
            Err(e) => return Err(Error::File(path, e)),
        };
        if (&record.boot, record.namespace) != (&here.boot, here.cookie) {
            record = Record { boot: here.boot, namespace: here.cookie, ..Record::default() };
        }
        Ok((record, path))
    }

    pub fn is_empty(&self) -> bool {
        self.setups.is_empty() && self.entries.is_empty()
    }

    pub fn entry(&mut self, what: &What) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.what.same(what))
    }

    /// About to make `wanted` of `what`, which is as `found`.
    pub fn begin(&mut self, what: &What, found: State, wanted: State, owners: &BTreeSet<IpAddr>) {
        let Some(entry) = self.entry(what) else {
            self.entries.push(Entry {
                what: what.clone(),
                before: found,
                after: vec![wanted],
                owners: owners.clone(),
            });
            return;
        };
        // What somebody else made of it since is what it goes back to.
        if !entry.after.contains(&found) {
            entry.before = found;
            entry.after.clear();
        }
        if !entry.after.contains(&wanted) {
            entry.after.push(wanted);
        }
        entry.owners.extend(owners);
    }
}

/// This network namespace.
struct Here {
    inode: u64,
    boot: String,
    /// 0 on kernels before 5.14, which have none.
    cookie: u64,
}

impl Here {
    fn get() -> Here {
        let inode = fs::metadata("/proc/self/ns/net").map_or(0, |meta| meta.ino());
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let cookie = netlink_sys::Socket::new(netlink_sys::protocols::NETLINK_ROUTE)
            .ok()
            .and_then(|socket| nix::sys::socket::getsockopt(&socket, NamespaceCookie).ok())
            .unwrap_or(0);
        Here { inode, boot: boot.trim().to_string(), cookie }
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
