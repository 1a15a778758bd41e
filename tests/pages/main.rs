//! What is made from the option table: the manual pages and the completions, from man/*.in and completions/*.in.
//!
//! `make pages` (UPDATE_PAGES=1) writes them; without, a test fails when what is committed is stale.

#[path = "../oracle/meant.rs"]
mod meant;

mod completions;
mod grammar;
mod man;
mod packages;
mod roff;

use std::path::Path;

/// A file that is made: it is written when asked for, and must be what is committed.
#[track_caller]
fn is_of_today(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::create_dir_all(path.parent().expect("a file is in a folder")).unwrap();
        std::fs::write(&path, made).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "{name} is stale: run `make pages`");
}
