//! What the linker is told: the programs carry their stack unwinder with them.
//!
//! Rust's standard library asks for libgcc_s.so.1, and uses of it only what writes the backtrace of a panic. As a
//! shared library it is a file that every start opens, maps and searches for each symbol of the C library: nine system
//! calls and eleven page faults. So where gcc has the same code as an archive, the name `gcc_s` leads to that one.
//! Where it has none, or for another machine than this one, the shared library is what the programs ask for.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|v| v == value);
    let (Ok(host), Some(out)) = (std::env::var("HOST"), std::env::var_os("OUT_DIR")) else {
        return;
    };
    let programs = std::env::var_os("CARGO_FEATURE_CLI").is_some();
    if !programs || !is("TARGET", &host) || !is("CARGO_CFG_TARGET_ENV", "gnu") || !has_archive() {
        return;
    }
    // Not an archive but a text that names one: linkers read it where they look for the shared library.
    let out = Path::new(&out);
    if std::fs::write(out.join("libgcc_s.so"), "INPUT(-lgcc_eh)\n").is_ok() {
        println!("cargo:rustc-link-arg-bins=-L{}", out.display());
    }
}

/// Whether the C compiler, which is what Rust links with, has the unwinder as an archive: it prints its path then,
/// and otherwise the bare name.
fn has_archive() -> bool {
    let linker = std::env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let said = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output();
    said.is_ok_and(|said| {
        Path::new(&*String::from_utf8_lossy(said.stdout.trim_ascii())).is_absolute()
    })
}
