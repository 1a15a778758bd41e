//! Files that a command line names for reading. Opening one never blocks and never yields an endless
//! device; `-` is standard input.

use crate::error::{CommandError, ErrorKind};
use crate::host::files::is_open_descriptor;
use crate::text::{os_error, printable};
use crate::ui::Ui;
use nix::libc::{O_CLOEXEC, O_NONBLOCK};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

/// An open file, and the name that errors use for it.
pub struct Source<R> {
    pub name: String,
    pub input: R,
}

impl<R> Source<R> {
    /// The error of a failed read.
    pub fn error(&self, reason: &str) -> CommandError {
        cannot_read(&self.name, reason)
    }
}

fn cannot_read(name: &str, reason: &str) -> CommandError {
    CommandError::new(ErrorKind::Input, format!("cannot read {name}: {reason}"))
}

/// Opens the file of this name, or takes standard input.
pub fn open(name: &[u8], ui: &mut Ui) -> Result<Source<Box<dyn Read>>, CommandError> {
    if matches!(name, b"-" | b"/dev/stdin") {
        return Ok(Source { name: "standard input".to_string(), input: ui.take_stdin() });
    }
    let quoted = format!("`{}'", printable(name));
    match open_file(OsStr::from_bytes(name)) {
        Ok(file) => Ok(Source { name: quoted, input: Box::new(file) }),
        Err(reason) => Err(cannot_read(&quoted, &reason)),
    }
}

/// Opens a regular file or an open descriptor.
fn open_file(name: &OsStr) -> Result<File, String> {
    let is_descriptor = is_open_descriptor(name);
    // O_NONBLOCK: a FIFO without a writer, or a device, must not block before its type is known.
    let flags = if is_descriptor { O_CLOEXEC } else { O_CLOEXEC | O_NONBLOCK };
    let file = OpenOptions::new().read(true).custom_flags(flags).open(name);
    let file = file.map_err(|e| os_error(&e))?;
    let kind = file.metadata().map_err(|e| os_error(&e))?.file_type();
    let unsuitable = match kind {
        _ if kind.is_dir() => "it is a directory",
        _ if is_descriptor || kind.is_file() => return Ok(file),
        _ if kind.is_fifo() => "it is a FIFO",
        _ if kind.is_char_device() || kind.is_block_device() => "it is a device",
        _ => "it is not a file",
    };
    Err(unsuitable.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::Streams;
    use std::fs;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    fn read(name: &[u8]) -> Result<String, CommandError> {
        let mut ui = Streams::default().ui("stdin", false);
        let mut text = String::new();
        open(name, &mut ui)?.input.read_to_string(&mut text).expect("text");
        Ok(text)
    }

    fn bytes(path: &Path) -> &[u8] {
        path.as_os_str().as_bytes()
    }

    #[test]
    fn unsuitable_files_are_refused_at_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        let link = folder.path().join("descriptor");
        std::os::unix::fs::symlink("/dev/null", &link).expect("a link");
        for (name, reason) in [
            (bytes(&fifo), "it is a FIFO"),
            (bytes(folder.path()), "it is a directory"),
            (b"/proc/self/fd/", "it is a directory"),
            (bytes(&link), "it is a device"),
            (b"/dev/zero", "it is a device"),
            (b"/no\x1bwhere", "No such file or directory"),
        ] {
            let expected = format!("cannot read `{}': {reason}", printable(name));
            assert_eq!(read(name), Err(CommandError::new(ErrorKind::Input, expected)));
        }
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).expect("a socket");
        // The kernel opens no socket by its name.
        let error = read(bytes(&socket)).expect_err("a socket");
        assert!(error.message.ends_with("No such device or address"), "{}", error.message);
    }

    #[test]
    fn files_descriptors_and_standard_input_are_read() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(file.path(), "-C\n").expect("written");
        assert_eq!(read(bytes(file.path())).as_deref(), Ok("-C\n"));
        assert_eq!(read(b"-").as_deref(), Ok("stdin"));
        assert_eq!(read(b"/dev/stdin").as_deref(), Ok("stdin"));
        // A pipe, as a shell's <(...) names it.
        let (reader, writer) = nix::unistd::pipe().expect("a pipe");
        drop(writer);
        let name = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
        assert_eq!(read(name.as_bytes()).as_deref(), Ok(""));
    }
}
