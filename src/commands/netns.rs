//! `--netns NAME|PATH`, which every program accepts anywhere on its command line.
//!
//! The whole process enters the network namespace. Files, users and processes stay those of the
//! caller. Sockets that are opened afterwards, /proc/net and /proc/sys/net belong to the namespace.

use crate::error::CommandError;
use crate::text::{os_error, printable};
use libipvs::namespace;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Removes `--netns` from the words and enters the namespace. No thread may have been started yet.
pub fn enter(words: &mut Vec<Vec<u8>>) -> Result<(), CommandError> {
    match extract(words)? {
        Some(name) => namespace::enter(Path::new(OsStr::from_bytes(&name))).map_err(|e| {
            let (name, reason) = (printable(&name), os_error(&e));
            CommandError::usage(format!("cannot enter network namespace `{name}': {reason}"))
        }),
        None => Ok(()),
    }
}

/// Removes `--netns` and its value from the words, and returns the value.
fn extract(words: &mut Vec<Vec<u8>>) -> Result<Option<Vec<u8>>, CommandError> {
    let mut name = None;
    let mut n = 0;
    while n < words.len() && words[n] != b"--" {
        let value = match words[n].strip_prefix(b"--netns") {
            Some([b'=', value @ ..]) => Some((value.to_vec(), 1)),
            // Without a value it stays, and the parser reports it.
            Some([]) => words.get(n + 1).map(|value| (value.clone(), 2)),
            _ => None,
        };
        match value {
            None => n += 1,
            Some(_) if name.is_some() => {
                return Err(CommandError::usage("multiple 'netns' options specified"));
            }
            Some((value, length)) => {
                words.drain(n..n + length);
                name = Some(value);
            }
        }
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// The value of `--netns` in a line, and the rest of the line.
    fn extracted(line: &str) -> (Option<String>, String) {
        let mut words = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        let name = extract(&mut words).expect("no error");
        let name = name.map(|name| String::from_utf8(name).expect("text"));
        (name, String::from_utf8(words.join(&b' ')).expect("text"))
    }

    #[test]
    fn the_option_is_accepted_anywhere() {
        let web = Some("web".to_string());
        for line in ["--netns web -L -n", "-L --netns=web -n", "-L -n --netns web"] {
            assert_eq!(extracted(line), (web.clone(), "-L -n".to_string()), "{line}");
        }
        for line in ["-L", "-L --netns", "-L --netnsx web", "-R -- --netns web"] {
            assert_eq!(extracted(line), (None, line.to_string()));
        }
    }

    #[test]
    fn the_option_is_accepted_once() {
        let mut words = vec![b"--netns=a".to_vec(), b"--netns".to_vec(), b"b".to_vec()];
        let error = extract(&mut words).expect_err("two");
        assert_eq!(error, CommandError::usage("multiple 'netns' options specified"));
    }

    #[test]
    fn a_file_that_is_no_namespace_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        for (name, reason) in [
            (fifo.as_os_str().as_bytes(), ""),
            (b"/dev/null", ""),
            (b"no such", "No such file or directory"),
        ] {
            let mut words = vec![b"--netns".to_vec(), name.to_vec()];
            let error = enter(&mut words).expect_err("no namespace");
            let text = format!("cannot enter network namespace `{}': {reason}", printable(name));
            assert_eq!(error.kind, ErrorKind::Usage);
            assert!(error.message.starts_with(&text), "{}", error.message);
        }
        assert_eq!(enter(&mut vec![b"-L".to_vec()]), Ok(()));
    }
}
