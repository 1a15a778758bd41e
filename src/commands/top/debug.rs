//! Hooks for the tests of debug builds: a panic at a chosen place. A release build has none.
//!
//! `IPVSADM_TOP_PANIC=PLACE`: `draw` or `read`, the second time that it is reached.

#[cfg(debug_assertions)]
pub fn panic_point(place: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static TIMES: AtomicU32 = AtomicU32::new(0);
    if std::env::var("IPVSADM_TOP_PANIC").is_ok_and(|wanted| wanted == place)
        && TIMES.fetch_add(1, Ordering::Relaxed) == 1
    {
        panic!("this is what was asked for");
    }
}

#[cfg(not(debug_assertions))]
pub fn panic_point(_: &str) {}
