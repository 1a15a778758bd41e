//! The files generated from the option table: man pages and completions, from man/*.in and completions/*.in.
//!
//! `make pages` (UPDATE_PAGES=1) writes them. Without it a test fails if a committed file is stale.

#[path = "../oracle/meant.rs"]
mod meant;

mod completions;
mod man;
mod packages;
mod roff;

use std::path::Path;

/// Checks that a committed file equals the generated text. Writes it first with UPDATE_PAGES=1.
#[track_caller]
fn assert_current(name: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::create_dir_all(path.parent().expect("a file is in a folder")).unwrap();
        std::fs::write(&path, generated).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "{name} is stale: run `make pages`");
}
