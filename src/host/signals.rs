//! What a terminal or a manager sends to end a program, held back while it would do harm.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Holds signals back for as long as it lives. One that came ends the program then, unless it was
/// taken.
pub struct Held {
    before: SigSet,
    signals: SigSet,
}

/// Hold them from now on.
pub fn hold() -> Option<Held> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        signals.add(signal);
    }
    let before = SigSet::thread_get_mask().ok()?;
    signals.thread_block().ok()?;
    Some(Held { before, signals })
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.before.thread_set_mask();
    }
}

impl Held {
    /// Sleep; true if a signal came, which then is taken.
    pub fn came_within(&self, time: Duration) -> nix::Result<bool> {
        let signals = SignalFd::with_flags(&self.signals, SfdFlags::SFD_CLOEXEC)?;
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(signals.read_signal()?.is_some()),
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e),
            }
        }
    }
}
