//! `-S` and `ipvsadm-save`: the table as rules, to standard output or whole into a file.
//!
//! A file is written beside its name and renamed when all of it is on the disk: whoever reads it finds
//! the old rules or the new ones, never half of them.

use super::held::Held;
use super::list::{addresses, in_groups};
use super::{Failure, Next, OUT, Run, file, status, text};
use crate::command::{Command, Save};
use crate::text::printable;
use crate::view::{order, rules};
use libipvs::model::Service;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

impl<'n, R: Read, O: Write, E: Write> Run<'n, R, O, E> {
    /// `ipvsadm-save [-n] [--full] [FILE]`: its exit status.
    pub fn save_program(&mut self, words: &[impl AsRef<[u8]>]) -> u8 {
        let mut save = Save::default();
        let mut name = None;
        for word in words {
            match word.as_ref() {
                b"-n" => save.numeric = true,
                b"--full" => save.full = true,
                b"" => {}
                word @ (b"-" | [b'-', ..]) if word != b"-" => {
                    let word = printable(word);
                    self.complain(&format!(
                        "unknown option `{word}'\n\
                         Usage: ipvsadm-save [-n] [--full] [FILE]\n\
                         Writes the IPVS table to standard output or a file, with -n in numbers,\n\
                         with --full the timeouts and synchronisation daemons too."
                    ));
                    return status::LIST;
                }
                word if name.is_some() => {
                    self.complain(&format!("unexpected argument {}", printable(word)));
                    return status::LIST;
                }
                word => name = Some(word),
            }
        }
        let status = match name {
            None | Some(b"-" | b"/dev/stdout") => match self.carry_out(Command::Save(save)) {
                Next::Go(status) | Next::Stop(status) => status,
            },
            Some(name) => self.save_file(save, name),
        };
        self.finish(status)
    }

    /// The status of a save into the file of this name.
    fn save_file(&mut self, save: Save, name: &[u8]) -> u8 {
        match self.saved(save) {
            Ok(rules) => match replace(name, &rules) {
                Ok(()) => status::DONE,
                Err(error) => {
                    let name = printable(name);
                    self.complain(&format!("cannot write `{name}': {}", text(&error)));
                    status::LIST
                }
            },
            Err(Failure::Ipvs(error)) => self.failed(&error, status::LIST),
            Err(failure) => {
                self.complain(&failure.to_string());
                status::LIST
            }
        }
    }

    /// -S: rules to standard output.
    pub(super) fn save(&mut self, save: Save) -> Result<(), Failure> {
        Ok(self.saved(save)?.pour(&mut self.out)?)
    }

    /// The table as rules: whole before the first byte of it is written.
    fn saved(&mut self, save: Save) -> Result<Held, Failure> {
        let mut rules = Held::default();
        let mut labels = self.labels(save.numeric).restorable();
        let client = self.client()?;
        let mut services = client.configured_services()?;
        order::services(&mut services, |service| &service.key);
        let servers = |service: &Service| {
            let mut servers = client.configured_destinations(&service.key)?;
            order::destinations(&mut servers, |server| &server.key);
            Ok(servers)
        };
        in_groups(services.into_iter(), save.numeric, servers, |table| {
            labels.prepare(table.iter().flat_map(|(service, servers)| {
                addresses(&service.key, servers.iter().map(|server| &server.key))
            }));
            Ok(table.iter().try_for_each(|(service, servers)| {
                rules::service(&mut rules, &mut labels, service, servers)
            })?)
        })?;
        if save.full {
            rules::timeouts(&mut rules, &client.timeouts()?)?;
            client.daemons()?.iter().try_for_each(|daemon| rules::daemon(&mut rules, daemon))?;
        }
        Ok(rules)
    }
}

/// Have a file hold these rules, all or none of them. Into a device, a FIFO, a descriptor they are
/// written as they are: there is nothing to rename.
fn replace(name: &[u8], rules: &Held) -> io::Result<()> {
    let path = Path::new(OsStr::from_bytes(name));
    let old = match fs::metadata(path) {
        Ok(old) if file::is_stream(name) || !old.is_file() => {
            return pour(rules, OpenOptions::new().write(true).open(path)?);
        }
        Ok(old) => Some(old),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    let path = target(path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // A new file gets what the umask leaves; nobody reads in between what the old one kept secret.
    let mode = old.as_ref().map_or(0o666, |old| old.mode() & 0o600);
    let file = tempfile::Builder::new()
        .prefix(".ipvsadm-save.")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    pour(rules, &file)?;
    if let Some(old) = old {
        // Without privilege it stays with whoever saves.
        let _ = std::os::unix::fs::fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
        file.as_file().set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
    }
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|e| e.error)?;
    // The new name is on the disk when the folder is; some file systems cannot say.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// What a symbolic link leads to is replaced, not the link.
fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            Ok(there) => Ok(path.parent().unwrap_or(Path::new("")).join(there)),
            Err(_) => Ok(path.to_path_buf()),
        },
        path => path,
    }
}

fn pour(rules: &Held, file: impl Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(OUT, file);
    rules.pour(&mut out)?;
    out.flush()
}
