//! For the tests of debug builds: an end or a failure at a chosen point. A release build has none of
//! it.
//!
//! `IPVSADM_RS_SETUP_STOP=N`: SIGKILL at the Nth checkpoint. Each step has two: after it is recorded
//! and after it is made. `IPVSADM_RS_SETUP_FAIL=N`: the Nth step fails.
//! `IPVSADM_RS_SETUP_PAUSE=N`: a pause of N milliseconds at each checkpoint.

#[cfg(debug_assertions)]
mod hooks {
    use nix::sys::signal::{Signal, raise};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    static CHECKPOINTS: AtomicU32 = AtomicU32::new(0);
    static STEPS: AtomicU32 = AtomicU32::new(0);

    fn is_chosen(variable: &str, counter: &AtomicU32) -> bool {
        let count = counter.fetch_add(1, Ordering::Relaxed) + 1;
        std::env::var(variable).is_ok_and(|n| n.parse() == Ok(count))
    }

    pub fn checkpoint() {
        let pause = std::env::var("IPVSADM_RS_SETUP_PAUSE").ok().and_then(|n| n.parse().ok());
        std::thread::sleep(Duration::from_millis(pause.unwrap_or(0)));
        if is_chosen("IPVSADM_RS_SETUP_STOP", &CHECKPOINTS) {
            let _ = raise(Signal::SIGKILL);
        }
    }

    pub fn fails() -> bool {
        is_chosen("IPVSADM_RS_SETUP_FAIL", &STEPS)
    }
}

#[cfg(debug_assertions)]
pub use hooks::{checkpoint, fails};

#[cfg(not(debug_assertions))]
pub fn checkpoint() {}

#[cfg(not(debug_assertions))]
pub fn fails() -> bool {
    false
}
