//! Files that make a set-up last across reboots: one module for each program that reads them, and a
//! manifest of what was written.
//!
//! - systemd: a oneshot unit runs the same commands at boot.
//! - sysctl.d: udev applies it to each new device, and `sysctl --system` to all. So the sysctls are
//!   there too, in a file that sorts behind the others.
//! - modules-load.d: the modules of the devices.
//! - networkd drops addresses and routes that it did not set when it restarts. So its files make it
//!   ignore the devices, or keep what is on them.

mod manifest;
mod modules_load_d;
mod networkd;
mod sysctl_d;
mod systemd_unit;

use super::Policy;
use super::journal::{Entry, Record, Setup};
use crate::host::files;
use crate::host::resource::{Resource, ResourceState};
use manifest::Manifest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The requirements of a policy at boot, besides sysctls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootRequirements {
    /// The commands to run, as the words after `ipvsadm`.
    pub commands: Vec<Vec<String>>,
    pub modules: BTreeSet<&'static str>,
    /// Devices that networkd must leave alone.
    pub unmanaged_devices: BTreeSet<&'static str>,
    /// Devices on which networkd must keep what it did not set.
    pub kept_devices: BTreeSet<String>,
}

/// A file or a symbolic link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Content {
    File(String),
    Link(PathBuf),
}

/// A path below the root folder, and its content.
type Target = (PathBuf, Content);

/// A file that starts with a comment about its origin.
fn file(command: &str, path: impl Into<PathBuf>, text: &str) -> Target {
    let head = format!(
        "# Written by 'ipvsadm {command} --persist'; 'ipvsadm {command} --undo' removes it.\n"
    );
    (path.into(), Content::File(head + text))
}

/// The files below a root folder.
#[derive(Debug)]
pub struct Persistence<'a> {
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

/// The changes to the files.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub written: Vec<PathBuf>,
    pub removed: Vec<PathBuf>,
    /// Files with another content than was written: they were changed since, or there before.
    pub left_alone: Vec<PathBuf>,
}

impl<'a> Persistence<'a> {
    pub fn below(root: &'a Path) -> Persistence<'a> {
        Persistence { root }
    }

    /// Returns true in the network namespace that the files are about: the one the system starts in.
    pub fn applies(&self) -> bool {
        let inode = |path| fs::read_link(path).ok();
        self.root != Path::new("/") || inode("/proc/self/ns/net") == inode("/proc/1/ns/net")
    }

    /// Returns true when systemd runs.
    pub fn has_systemd(&self) -> bool {
        self.root.join("run/systemd/system").is_dir()
    }

    /// Restores an empty record from the manifest: after a reboot the manifest alone has the states
    /// before the first change.
    pub fn recall<P: Policy>(&self, record: &mut Record<P>) -> Result<(), Error> {
        if record.is_empty() && self.applies() {
            let manifest = Manifest::read(self)?;
            record.setups = manifest.setups;
            record.entries = manifest.entries;
        }
        Ok(())
    }

    /// Brings the files into line with the record. They are removed when no set-up is to last.
    pub fn sync<P: Policy>(
        &self,
        record: &Record<P>,
        indexes: &BTreeMap<String, i32>,
    ) -> Result<Changes, Error> {
        let mut changes = Changes::default();
        if !self.applies() {
            return Ok(changes);
        }
        let old = Manifest::<P>::read(self)?;
        let new = self.desired(record, indexes);
        if (&old.setups, &old.entries, &old.files) == (&new.setups, &new.entries, &new.files) {
            return Ok(changes);
        }
        // A process that is killed from here on leaves a manifest of all it may have written.
        let mut current = Manifest { directories: old.directories.clone(), ..new.clone() };
        for (path, content) in &old.files {
            current.files.entry(path.clone()).or_insert_with(|| content.clone());
        }
        if !new.files.is_empty() {
            let paths = new.files.keys().cloned().chain([Manifest::<P>::path()]);
            current.directories.extend(self.missing_directories(paths));
            current.write(self)?;
        }
        for (path, content) in &new.files {
            match self.content(path) {
                Some(found) if found == *content => {}
                Some(found) if old.files.get(path) != Some(&found) => {
                    changes.left_alone.push(self.root.join(path));
                    continue;
                }
                _ => self.write(path, content, 0o644)?,
            }
            changes.written.push(self.root.join(path));
        }
        for (path, content) in old.files.iter().filter(|(path, _)| !new.files.contains_key(*path)) {
            match self.content(path) {
                None => {}
                Some(found) if found == *content => {
                    self.remove(path)?;
                    changes.removed.push(self.root.join(path));
                }
                Some(_) => changes.left_alone.push(self.root.join(path)),
            }
        }
        if new.files.is_empty() {
            self.remove(&Manifest::<P>::path())?;
        } else {
            current.files = new.files;
            current.write(self)?;
        }
        // The innermost first; one that is not empty stays.
        for directory in current.directories.iter().rev() {
            let _ = fs::remove_dir(self.root.join(directory));
        }
        Ok(changes)
    }

    /// The manifest and the files for the set-ups that are to last.
    fn desired<P: Policy>(
        &self,
        record: &Record<P>,
        indexes: &BTreeMap<String, i32>,
    ) -> Manifest<P> {
        let mut manifest = Manifest::default();
        let setups = record.setups.iter().filter(|(_, setup)| setup.persist);
        manifest.setups.extend(setups.map(|(&owner, setup)| (owner, setup.clone())));
        if manifest.setups.is_empty() {
            return manifest;
        }
        let lasts = |owner| manifest.setups.contains_key(owner);
        let entries = record.entries.iter().filter(|entry| entry.owners.iter().any(lasts));
        manifest.entries = entries
            .filter(|entry| matches!(entry.resource, Resource::Sysctl { .. }))
            .cloned()
            .collect();
        let mut boot = P::boot_requirements(&manifest.setups);
        boot.kept_devices.extend(record.entries.iter().filter_map(route_device));
        manifest.files.extend(sysctl_d::file(P::COMMAND, &manifest.entries));
        manifest.files.extend(modules_load_d::file(P::COMMAND, &boot.modules));
        manifest.files.extend(networkd::files(self.root, P::COMMAND, &boot, indexes));
        manifest.files.extend(systemd_unit::files(P::COMMAND, P::DESCRIPTION, &boot.commands));
        manifest
    }

    /// The directories above the paths that do not exist.
    fn missing_directories(&self, paths: impl Iterator<Item = PathBuf>) -> BTreeSet<PathBuf> {
        let mut missing = BTreeSet::new();
        for path in paths {
            let above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
            missing.extend(
                above.filter(|above| !self.root.join(above).exists()).map(Path::to_path_buf),
            );
        }
        missing
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

    fn write(&self, path: &Path, content: &Content, mode: u32) -> Result<(), Error> {
        let path = self.root.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| Error(parent.to_path_buf(), e))?;
        }
        let written = match content {
            Content::File(text) => files::replace(&path, text.as_bytes(), mode),
            Content::Link(target) => {
                let _ = fs::remove_file(&path);
                symlink(target, &path)
            }
        };
        written.map_err(|e| Error(path, e))
    }

    fn remove(&self, path: &Path) -> Result<(), Error> {
        let path = self.root.join(path);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error(path, e)),
            _ => Ok(()),
        }
    }
}

/// The device of a default route that was set.
fn route_device(entry: &Entry) -> Option<String> {
    match (&entry.resource, entry.after.last()) {
        (Resource::DefaultRoute { .. }, Some(ResourceState::Route(route))) => route.device.clone(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
