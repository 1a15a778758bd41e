//! What packaging/ has to have in common with the rest.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

#[test]
fn the_spec_has_the_version() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/ipvsadm.spec");
    let spec = std::fs::read_to_string(path).expect("packaging/ipvsadm.spec");
    let version = spec.lines().find_map(|line| line.strip_prefix("Version:")).expect("a version");
    assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));
}

/// Whoever builds on the library alone compiles little more than it.
#[test]
fn the_library_alone_is_at_most_twenty_crates() {
    let tree = |options: &[&str]| -> BTreeSet<String> {
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none"])
            .args(["--format", "{p}"])
            .args(options)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        let all = String::from_utf8(tree.stdout).expect("text");
        // Name and version; what is there twice is marked behind them.
        let crates = all.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "));
        crates.filter(|name| !name.is_empty()).collect()
    };
    let alone = tree(&["--no-default-features"]);
    assert!((2..=20).contains(&alone.len()), "{}: {alone:?}", alone.len());
    let of = |name: &str, tree: &BTreeSet<String>| tree.iter().any(|c| c.starts_with(name));
    let programs = tree(&[]);
    for name in ["clap ", "comfy-table ", "ratatui ", "nix "] {
        assert!(of(name, &programs) && !of(name, &alone), "{name}");
    }
}
