//! What makes a real server last across reboots: on a host with systemd, a oneshot unit that runs
//! the same command, and the files that keep others from undoing it.
//!
//! - udev's rules apply sysctl.d to each new device, and `sysctl --system` to all: so what
//!   rs-setup set is in sysctl.d, explicitly, under a name that sorts behind others.
//! - networkd drops addresses and routes that it did not set when it restarts: the tunnel devices
//!   are named as none of its business; where it manages a device that we need (lo, with NAT the
//!   card towards the director), a drop-in to that device's .network file makes it keep them.
//! - A manifest remembers the files with their content, to take away those and no others, and what
//!   the settings were before, which after a reboot nothing else knows.

use super::journal::{Entry, Record, Setup};
use super::settings::Method;
use crate::host::files;
use crate::host::resource::{Resource, ResourceState};
use crate::host::state_file::Record as _;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const MANIFEST: &str = "var/lib/ipvsadm/rs-setup.json";
const UNIT: &str = "etc/systemd/system/ipvsadm-rs-setup.service";
const WANTED: &str = "etc/systemd/system/multi-user.target.wants/ipvsadm-rs-setup.service";
/// Sorts behind 99-sysctl.conf, which is /etc/sysctl.conf.
const SYSCTL: &str = "etc/sysctl.d/99-zz-ipvsadm-rs-setup.conf";
const MODULES: &str = "etc/modules-load.d/ipvsadm-rs-setup.conf";
const NETWORK: &str = "etc/systemd/network/05-ipvsadm-rs-setup.network";
const HEAD: &str =
    "# Written by `ipvsadm rs-setup --persist`; `ipvsadm rs-setup --undo` takes it away.\n";

/// A file or a link, below the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Content {
    File(String),
    Link(PathBuf),
}

/// What was written, and what the settings were before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    setups: BTreeMap<IpAddr, Setup>,
    entries: Vec<Entry>,
    files: BTreeMap<PathBuf, Content>,
    /// Made for the files, to go with them if they are empty then.
    directories: BTreeSet<PathBuf>,
}

/// Files below a root folder.
#[derive(Debug)]
pub struct Persist<'a> {
    root: &'a Path,
}

#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .0.display(), crate::text::os_error(.1))]
pub struct Error(PathBuf, io::Error);

impl Error {
    pub fn not_permitted(&self) -> bool {
        self.1.kind() == io::ErrorKind::PermissionDenied
    }
}

/// What was done to the files.
#[derive(Debug, Default)]
pub struct Changes {
    pub written: Vec<PathBuf>,
    pub removed: Vec<PathBuf>,
    /// Files that somebody changed since, or that were there before.
    pub left: Vec<PathBuf>,
}

impl<'a> Persist<'a> {
    pub fn below(root: &'a Path) -> Persist<'a> {
        Persist { root }
    }

    /// Whether this is a network namespace that the files are about: the one the system starts in.
    pub fn applies(&self) -> bool {
        let inode = |path| fs::read_link(path).ok();
        self.root != Path::new("/") || inode("/proc/self/ns/net") == inode("/proc/1/ns/net")
    }

    /// Whether systemd runs here.
    pub fn systemd(&self) -> bool {
        self.root.join("run/systemd/system").is_dir()
    }

    /// After a reboot: the settings are as sysctl.d has them, and here is how they were before.
    pub fn recall(&self, record: &mut Record) -> Result<(), Error> {
        if record.is_empty() && self.applies() {
            let manifest = self.manifest()?;
            record.setups = manifest.setups;
            record.entries = manifest.entries;
        }
        Ok(())
    }

    /// Make the files say what the record does: all of them gone when nothing is to last.
    pub fn sync(&self, record: &Record, indexes: &BTreeMap<String, i32>) -> Result<Changes, Error> {
        let mut changes = Changes::default();
        if !self.applies() {
            return Ok(changes);
        }
        let old = self.manifest()?;
        let new = self.wanted(record, indexes);
        if (&old.setups, &old.entries, &old.files) == (&new.setups, &new.entries, &new.files) {
            return Ok(changes);
        }
        // Killed from here on, the manifest knows of all that may have been written.
        let mut now = Manifest { directories: old.directories.clone(), ..new.clone() };
        for (path, content) in &old.files {
            now.files.entry(path.clone()).or_insert_with(|| content.clone());
        }
        let mut parents: BTreeSet<PathBuf> = BTreeSet::new();
        for path in new.files.keys().map(PathBuf::as_path).chain([Path::new(MANIFEST)]) {
            parents.extend(
                path.ancestors()
                    .skip(1)
                    .filter(|p| !p.as_os_str().is_empty())
                    .map(Path::to_path_buf),
            );
        }
        if !new.files.is_empty() {
            now.directories.extend(parents.into_iter().filter(|p| !self.root.join(p).exists()));
            self.write_manifest(&now)?;
        }
        let there = |path: &Path| self.content(path);
        for (path, content) in &new.files {
            match there(path) {
                Some(found) if found == *content => {}
                Some(found) if old.files.get(path) != Some(&found) => {
                    changes.left.push(self.root.join(path));
                    continue;
                }
                _ => self.write(path, content)?,
            }
            changes.written.push(self.root.join(path));
        }
        for (path, content) in old.files.iter().filter(|(path, _)| !new.files.contains_key(*path)) {
            match there(path) {
                None => {}
                Some(found) if found == *content => {
                    let whole = self.root.join(path);
                    fs::remove_file(&whole).map_err(|e| Error(whole.clone(), e))?;
                    changes.removed.push(whole);
                }
                Some(_) => changes.left.push(self.root.join(path)),
            }
        }
        if new.files.is_empty() {
            let manifest = self.root.join(MANIFEST);
            match fs::remove_file(&manifest) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error(manifest, e)),
                _ => {}
            }
        } else {
            now.files = new.files;
            self.write_manifest(&now)?;
        }
        // The innermost first; what is not empty stays.
        for directory in now.directories.iter().rev() {
            let _ = fs::remove_dir(self.root.join(directory));
        }
        Ok(changes)
    }

    fn wanted(&self, record: &Record, indexes: &BTreeMap<String, i32>) -> Manifest {
        let mut manifest = Manifest::default();
        manifest.setups.extend(
            record.setups.iter().filter(|(_, s)| s.persist).map(|(owner, s)| (*owner, s.clone())),
        );
        if manifest.setups.is_empty() {
            return manifest;
        }
        let lasting = |entry: &&Entry| entry.owners.iter().any(|o| manifest.setups.contains_key(o));
        manifest.entries = record
            .entries
            .iter()
            .filter(|entry| matches!(entry.what, Resource::Sysctl { .. }))
            .filter(lasting)
            .cloned()
            .collect();
        let mut file = |path: &str, content: String| {
            manifest.files.insert(path.into(), Content::File(format!("{HEAD}{content}")));
        };
        let mut sysctls = String::new();
        for entry in &manifest.entries {
            if let (Resource::Sysctl { key }, Some(ResourceState::Value(value))) =
                (&entry.what, entry.after.last())
            {
                // The dash: of a device that is not there yet, no error.
                sysctls += &format!("-{key} = {value}\n");
            }
        }
        if !sysctls.is_empty() {
            file(SYSCTL, sysctls);
        }
        let (mut modules, mut devices, mut ours) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (owner, setup) in &manifest.setups {
            match &setup.settings.method {
                Method::Gatewaying => drop(devices.insert("lo".to_string())),
                Method::Ipip(tunnel) => {
                    let device = tunnel.device(*owner);
                    modules.insert(device.module);
                    modules.extend(tunnel.fou(*owner).map(|_| "fou"));
                    ours.insert(device.name);
                }
                Method::Masquerading { .. } => {}
            }
        }
        for entry in &record.entries {
            if let (Resource::DefaultRoute { .. }, Some(ResourceState::Route(route))) =
                (&entry.what, entry.after.last())
            {
                devices.extend(route.device.clone());
            }
        }
        if !modules.is_empty() {
            file(MODULES, modules.iter().map(|module| format!("{module}\n")).collect());
        }
        if !ours.is_empty() {
            let names = ours.into_iter().collect::<Vec<_>>().join(" ");
            file(NETWORK, format!("[Match]\nName={names}\n\n[Link]\nUnmanaged=yes\n"));
        }
        for device in devices {
            if let Some(name) = self.networkd_file(indexes.get(&device)) {
                let path = format!("etc/systemd/network/{name}.d/50-ipvsadm-rs-setup.conf");
                file(&path, "[Network]\nKeepConfiguration=static\n".to_string());
            }
        }
        file(UNIT, unit(&manifest.setups));
        manifest.files.insert(WANTED.into(), Content::Link("../ipvsadm-rs-setup.service".into()));
        manifest
    }

    /// The .network file that networkd manages a device by.
    fn networkd_file(&self, index: Option<&i32>) -> Option<String> {
        let path = self.root.join("run/systemd/netif/links").join(index?.to_string());
        let text = fs::read_to_string(path).ok()?;
        let file = text.lines().find_map(|line| line.strip_prefix("NETWORK_FILE="))?;
        Some(Path::new(file).file_name()?.to_str()?.to_string())
    }

    fn manifest(&self) -> Result<Manifest, Error> {
        let path = self.root.join(MANIFEST);
        match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|e| Error(path, io::Error::other(e)))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Manifest::default()),
            Err(e) => Err(Error(path, e)),
        }
    }

    fn write_manifest(&self, manifest: &Manifest) -> Result<(), Error> {
        let path = self.root.join(MANIFEST);
        let bytes = serde_json::to_vec(manifest).map_err(|e| Error(path.clone(), e.into()))?;
        self.directory(&path)?;
        files::replace(&path, &bytes, 0o600).map_err(|e| Error(path, e))
    }

    fn content(&self, path: &Path) -> Option<Content> {
        let path = self.root.join(path);
        match fs::read_link(&path) {
            Ok(target) => Some(Content::Link(target)),
            Err(_) => {
                let bytes = fs::read(&path).ok()?;
                Some(Content::File(String::from_utf8_lossy(&bytes).into_owned()))
            }
        }
    }

    fn write(&self, path: &Path, content: &Content) -> Result<(), Error> {
        let path = self.root.join(path);
        self.directory(&path)?;
        match content {
            Content::File(text) => files::replace(&path, text.as_bytes(), 0o644),
            Content::Link(target) => {
                let _ = fs::remove_file(&path);
                symlink(target, &path)
            }
        }
        .map_err(|e| Error(path, e))
    }

    fn directory(&self, path: &Path) -> Result<(), Error> {
        let Some(parent) = path.parent() else { return Ok(()) };
        fs::create_dir_all(parent).map_err(|e| Error(parent.to_path_buf(), e))
    }
}

/// The words after `ipvsadm` that set all of it up, a line for each sort of set-up.
pub fn lines(setups: &BTreeMap<IpAddr, Setup>) -> Vec<String> {
    let mut groups: Vec<(&Setup, Vec<String>)> = Vec::new();
    for (owner, setup) in setups {
        let vip = match &setup.settings.method {
            Method::Masquerading { gateways } if gateways.contains(owner) => None,
            _ => Some(owner.to_string()),
        };
        match groups.iter_mut().find(|(known, _)| known.settings == setup.settings) {
            Some((_, vips)) => vips.extend(vip),
            None => groups.push((setup, vip.into_iter().collect())),
        }
    }
    groups
        .into_iter()
        .map(|(setup, vips)| {
            ["rs-setup".to_string()]
                .into_iter()
                .chain(setup.settings.words())
                .chain(vips)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

fn unit(setups: &BTreeMap<IpAddr, Setup>) -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| "/usr/sbin/ipvsadm".into());
    let program = program.display().to_string();
    // systemd's own quoting, and its specifiers.
    let quote = |word: &str| {
        word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$")
    };
    let program = match program.contains([' ', '"', '\\', '\t']) {
        true => format!("\"{}\"", quote(&program)),
        false => quote(&program),
    };
    let starts: String =
        lines(setups).iter().map(|line| format!("ExecStart={program} {}\n", quote(line))).collect();
    format!(
        "[Unit]\n\
         Description=Real server of Linux Virtual Server (ipvsadm rs-setup)\n\
         Documentation=man:ipvsadm-rs-setup(8)\n\
         Wants=network-online.target\n\
         After=network-online.target systemd-sysctl.service systemd-modules-load.service systemd-networkd.service\n\
         # When networkd is restarted, once more: it may have dropped what it does not know.\n\
         PartOf=systemd-networkd.service\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         RemainAfterExit=yes\n\
         {starts}\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    )
}
