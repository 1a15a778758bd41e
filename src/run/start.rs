//! The start of a program, without what Rust's own does there.
//!
//! Rust's start reads the bounds of the stack from /proc/self/maps and prepares a message for its overflow: a
//! quarter of the instructions of a short command, and of its system calls. C's start is enough; what counts of
//! Rust's is done here. An overflow still ends the program, only without the message.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, Signal, signal};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, IntoRawFd};

/// The `main` of a program: from a closure of a run and its words to an exit status. The program says
/// `#![cfg_attr(all(target_env = "gnu", not(test)), no_main)]` at its head.
#[doc(hidden)]
#[macro_export]
macro_rules! program {
    ($main:expr) => {
        // With glibc the standard library knows the arguments without its own start; others keep it.
        #[cfg(all(target_env = "gnu", not(test)))]
        // SAFETY: C's start calls `main`, and a program has one; C may ignore the arguments it passes.
        #[unsafe(no_mangle)]
        extern "C" fn main() -> core::ffi::c_int {
            $crate::run::start::prepare();
            let status = $crate::run::program($main);
            $crate::run::start::flush();
            status.into()
        }

        #[cfg(not(all(target_env = "gnu", not(test))))]
        fn main() -> std::process::ExitCode {
            $crate::run::program($main).into()
        }
    };
}

/// What every program relies on: standard streams that are there, and a closed pipe that is an error like others.
pub fn prepare() {
    open_streams();
    // SAFETY: a signal that is ignored runs no code.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) };
}

/// What Rust's own end writes out.
pub fn flush() {
    // Whoever wrote through a buffer of their own has seen the error.
    let _ = io::stdout().flush();
}

/// Open on /dev/null what of the three is closed: the next file to be opened, or a socket, would take its place.
fn open_streams() {
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let all = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()];
    let mut streams = all.map(|stream| PollFd::new(stream, PollFlags::empty()));
    let asked = poll(&mut streams, PollTimeout::ZERO);
    // Where poll itself fails nothing is known; then all three are taken to be there, as nearly always.
    if !matches!(asked, Ok(1..)) {
        return;
    }
    for stream in streams {
        if stream.revents().is_some_and(|events| events.contains(PollFlags::POLLNVAL)) {
            // The lowest number that is free is that of the stream, since those before it are open.
            match File::options().read(true).write(true).open("/dev/null") {
                Ok(null) => _ = null.into_raw_fd(),
                // Without it the program would write its list into whatever it opens next.
                Err(_) => std::process::abort(),
            }
        }
    }
}
