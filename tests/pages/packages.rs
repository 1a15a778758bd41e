//! The packages: a version in common, and few dependencies of the library.

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

#[test]
fn the_library_is_at_most_twenty_crates() {
    let tree = |package: &str| -> BTreeSet<String> {
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none"])
            .args(["--format", "{p}", "--package", package])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        let all = String::from_utf8(tree.stdout).expect("text");
        // The name and the version, without the mark of a repeated crate.
        let crates = all.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "));
        crates.filter(|name| !name.is_empty()).collect()
    };
    let library = tree("libipvs");
    assert!((2..=20).contains(&library.len()), "{}: {library:?}", library.len());
    let has = |tree: &BTreeSet<String>, name| tree.iter().any(|krate| krate.starts_with(name));
    let program = tree("ipvsadm");
    for name in ["clap ", "comfy-table ", "ratatui ", "nix "] {
        assert!(has(&program, name) && !has(&library, name), "{name}");
    }
}
