//! What packaging/ has to have in common with the rest.

use std::path::Path;

#[test]
fn the_spec_has_the_version() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/ipvsadm.spec");
    let spec = std::fs::read_to_string(path).expect("packaging/ipvsadm.spec");
    let version = spec.lines().find_map(|line| line.strip_prefix("Version:")).expect("a version");
    assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));
}
