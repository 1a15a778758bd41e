//! Files by the names that were given: opened so that nothing waits, nothing endless is read.
//!
//! In: a name as it stands on a command line; `-` is standard input. Out: something to read, or one
//! error that quotes the name. What is in a file is not looked at here.

use super::text;
use crate::text::printable;
use nix::libc::{O_CLOEXEC, O_NONBLOCK};
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

/// The longest file that is read before anything is done.
pub(super) const LONGEST: u64 = 256 * 1024 * 1024;

/// Something to be read, under the name that errors call it.
pub(super) struct Source<I> {
    pub(super) name: String,
    pub(super) input: I,
}

impl<I> Source<I> {
    /// The error when that fails.
    pub(super) fn cannot_read(&self, error: &io::Error) -> String {
        format!("cannot read {}: {}", self.name, text(error))
    }
}

/// Open the file of this name, or take `stdin` where the name says so.
pub(super) fn open<'a>(
    name: &[u8],
    stdin: Option<impl Read + 'a>,
) -> Result<Source<Box<dyn Read + 'a>>, String> {
    if matches!(name, b"-" | b"/dev/stdin") {
        let input: Box<dyn Read> = match stdin {
            Some(stdin) => Box::new(stdin),
            None => Box::new(io::empty()),
        };
        return Ok(Source { name: "standard input".to_string(), input });
    }
    let shown = format!("`{}'", printable(name));
    let cannot = |why: &str| format!("cannot read {shown}: {why}");
    let stream = is_stream(name);
    // A FIFO that nobody writes to, or a device: opened at once, and looked at before it is read.
    let flags = if stream { O_CLOEXEC } else { O_CLOEXEC | O_NONBLOCK };
    let file = OpenOptions::new().read(true).custom_flags(flags).open(OsStr::from_bytes(name));
    let file = file.map_err(|e| cannot(&text(&e)))?;
    let kind = file.metadata().map_err(|e| cannot(&text(&e)))?.file_type();
    let unfit = match kind {
        _ if kind.is_dir() => Some("it is a directory"),
        _ if stream || kind.is_file() => None,
        _ if kind.is_fifo() => Some("it is a FIFO"),
        _ if kind.is_char_device() || kind.is_block_device() => Some("it is a device"),
        _ => Some("it is no file"),
    };
    match unfit {
        Some(why) => Err(cannot(why)),
        None => Ok(Source { name: shown, input: Box::new(file) }),
    }
}

/// What a shell hands over as a file: a descriptor that is open already.
pub(super) fn is_stream(name: &[u8]) -> bool {
    let behind = |start: &[u8]| {
        name.strip_prefix(start).is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit))
    };
    behind(b"/dev/fd/")
        || behind(b"/proc/self/fd/")
        || matches!(name, b"/dev/stdin" | b"/dev/stdout" | b"/dev/stderr")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;

    fn error(name: &[u8]) -> String {
        open(name, None::<io::Empty>).map(|source| source.name).unwrap_err()
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        let fifo = fifo.as_os_str().as_bytes();
        assert!(error(fifo).ends_with("/fifo': it is a FIFO"));
        assert!(error(dir.path().as_os_str().as_bytes()).ends_with("': it is a directory"));
        assert_eq!(error(b"/dev/zero"), "cannot read `/dev/zero': it is a device");
        assert_eq!(
            error(b"/no\x1bwhere"),
            "cannot read `/no\\u{1b}where': No such file or directory"
        );
    }

    #[test]
    fn files_and_streams_are_read() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("rules");
        fs::write(&path, "-C\n").expect("written");
        let read = |name: &[u8]| {
            let mut text = String::new();
            open(name, Some(&b"stdin"[..]))
                .expect("opened")
                .input
                .read_to_string(&mut text)
                .expect("text");
            text
        };
        assert_eq!(read(path.as_os_str().as_bytes()), "-C\n");
        assert_eq!((read(b"-").as_str(), read(b"/dev/stdin").as_str()), ("stdin", "stdin"));
        assert!(is_stream(b"/dev/fd/63") && is_stream(b"/proc/self/fd/3"));
        assert!(!is_stream(b"/dev/fd/") && !is_stream(b"/dev/fd/../zero"));
    }
}
