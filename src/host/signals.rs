//! Signals that end a program, blocked while the end would do harm.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// The signals by which a terminal or a service manager ends a program.
const SIGNALS: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// A block of these signals. When it is dropped, a pending signal ends the program.
pub struct BlockedSignals {
    previous_mask: SigSet,
    signals: SigSet,
}

/// Blocks the signals from now on.
pub fn block() -> Option<BlockedSignals> {
    let signals: SigSet = SIGNALS.into_iter().collect();
    let previous_mask = SigSet::thread_get_mask().ok()?;
    signals.thread_block().ok()?;
    Some(BlockedSignals { previous_mask, signals })
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        let _ = self.previous_mask.thread_set_mask();
    }
}

impl BlockedSignals {
    /// Waits for a signal. Returns true when one came in this time; that one is consumed.
    pub fn wait(&self, time: Duration) -> nix::Result<bool> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::raise;

    #[test]
    fn a_blocked_signal_is_waited_for_and_consumed() {
        for signal in SIGNALS {
            let blocked = block().expect("blocked");
            assert_eq!(blocked.wait(Duration::ZERO), Ok(false));
            // It goes to this thread alone.
            raise(signal).expect("a signal");
            let started = Instant::now();
            assert_eq!(blocked.wait(Duration::from_secs(60)), Ok(true));
            assert!(started.elapsed() < Duration::from_secs(60));
            assert_eq!(blocked.wait(Duration::ZERO), Ok(false), "{signal} is consumed");
        }
    }

    #[test]
    fn a_wait_without_a_signal_takes_its_time() {
        let blocked = block().expect("blocked");
        let started = Instant::now();
        assert_eq!(blocked.wait(Duration::from_millis(30)), Ok(false));
        // poll() counts in whole milliseconds.
        assert!(started.elapsed() >= Duration::from_millis(29));
    }

    #[test]
    fn the_previous_mask_returns() {
        let before = SigSet::thread_get_mask().expect("a mask");
        let blocked = block().expect("blocked");
        let during = SigSet::thread_get_mask().expect("a mask");
        assert!(SIGNALS.iter().all(|signal| during.contains(*signal)));
        drop(blocked);
        assert_eq!(SigSet::thread_get_mask().expect("a mask"), before);
    }
}
