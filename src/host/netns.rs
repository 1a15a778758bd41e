//! Network namespaces: `--netns NAME|PATH`, which any of the programs takes anywhere on its command line.
//!
//! In: the words of a command line. Out: those that are left, with the whole program moved into the
//! namespace. Files, users and processes stay those of the caller; what is below /proc/net and
//! /proc/sys/net goes by the namespace, and so does every socket that is opened from now on.

use crate::error::CommandError;
use crate::text::{os_error, printable};
use libipvs::namespace;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Take `--netns` out of the words and go there. No thread may have been started yet.
pub fn enter(words: &mut Vec<Vec<u8>>) -> Result<(), CommandError> {
    match take(words)? {
        Some(name) => namespace::enter(Path::new(OsStr::from_bytes(&name))).map_err(|e| {
            let (name, why) = (printable(&name), os_error(&e));
            CommandError::usage(format!("cannot enter network namespace `{name}': {why}"))
        }),
        None => Ok(()),
    }
}

/// The namespace that the words name, which is taken out of them.
fn take(words: &mut Vec<Vec<u8>>) -> Result<Option<Vec<u8>>, CommandError> {
    let mut name = None;
    let mut n = 0;
    while n < words.len() && words[n] != b"--" {
        let value = match words[n].strip_prefix(b"--netns") {
            Some([b'=', value @ ..]) => Some((value.to_vec(), 1)),
            // Without a value it is left for the grammar to refuse.
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

    fn taken(line: &str) -> (Option<String>, String) {
        let mut words = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        let name = take(&mut words).expect("no mistake");
        let name = name.map(|name| String::from_utf8(name).expect("text"));
        (name, String::from_utf8(words.join(&b' ')).expect("text"))
    }

    #[test]
    fn it_stands_anywhere() {
        let web = Some("web".to_string());
        for line in ["--netns web -L -n", "-L --netns=web -n", "-L -n --netns web"] {
            assert_eq!(taken(line), (web.clone(), "-L -n".to_string()), "{line}");
        }
        for line in ["-L", "-L --netns", "-L --netnsx web", "-R -- --netns web"] {
            assert_eq!(taken(line), (None, line.to_string()));
        }
    }

    #[test]
    fn one_is_enough() {
        let mut words = vec![b"--netns=a".to_vec(), b"--netns".to_vec(), b"b".to_vec()];
        let error = take(&mut words).expect_err("two");
        assert_eq!(
            (crate::exit::status(error.kind), error.message.as_str()),
            (2, "multiple 'netns' options specified")
        );
    }

    #[test]
    fn what_is_none_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        for (name, why) in [
            (fifo.as_os_str().as_bytes(), "not a network namespace"),
            (b"/dev/null", "not a network namespace"),
            (b"no such", "No such file or directory"),
        ] {
            let mut words = vec![b"--netns".to_vec(), name.to_vec()];
            let error = enter(&mut words).expect_err("no namespace");
            let text = format!("cannot enter network namespace `{}': {why}", printable(name));
            assert_eq!((crate::exit::status(error.kind), error.message), (2, text));
        }
    }
}
