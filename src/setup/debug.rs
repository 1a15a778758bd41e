//! For the tests of debug builds: an end, or a failure, at a chosen moment. In a release build
//! there is nothing of it.
//!
//! `IPVSADM_RS_SETUP_STOP=N`: SIGKILL at the Nth moment; each step has two, when it is written
//! down and when it is done. `IPVSADM_RS_SETUP_FAIL=N`: the Nth step that would be done fails.
//! `IPVSADM_RS_SETUP_PAUSE=N`: N milliseconds at each moment, for who looks on.

#[cfg(debug_assertions)]
mod hooks {
    use std::sync::atomic::{AtomicU32, Ordering};

    static MOMENTS: AtomicU32 = AtomicU32::new(0);
    static STEPS: AtomicU32 = AtomicU32::new(0);

    fn reached(name: &str, counter: &AtomicU32) -> bool {
        let now = counter.fetch_add(1, Ordering::Relaxed) + 1;
        std::env::var(name).is_ok_and(|n| n.parse() == Ok(now))
    }

    pub fn moment() {
        let pause = std::env::var("IPVSADM_RS_SETUP_PAUSE").ok().and_then(|n| n.parse().ok());
        std::thread::sleep(std::time::Duration::from_millis(pause.unwrap_or(0)));
        if reached("IPVSADM_RS_SETUP_STOP", &MOMENTS) {
            let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
        }
    }

    pub fn fails() -> bool {
        reached("IPVSADM_RS_SETUP_FAIL", &STEPS)
    }
}

#[cfg(debug_assertions)]
pub use hooks::{fails, moment};

#[cfg(not(debug_assertions))]
pub fn moment() {}

#[cfg(not(debug_assertions))]
pub fn fails() -> bool {
    false
}
