//! Files below a temporary folder.

use super::*;
use crate::host::resource::Route;
use crate::setup::testing::{TestPolicy, setup, sysctl, value, vip_address};
use std::net::IpAddr;
use tempfile::TempDir;

const UNIT: &str = "etc/systemd/system/ipvsadm-test-setup.service";
const LINK: &str = "etc/systemd/system/multi-user.target.wants/ipvsadm-test-setup.service";
const SYSCTLS: &str = "etc/sysctl.d/99-zz-ipvsadm-test-setup.conf";
const MODULES: &str = "etc/modules-load.d/ipvsadm-test-setup.conf";
const NETWORK: &str = "etc/systemd/network/05-ipvsadm-test-setup.network";
const MANIFEST: &str = "var/lib/ipvsadm/test-setup.json";
const HEAD: &str =
    "# Written by 'ipvsadm test-setup --persist'; 'ipvsadm test-setup --undo' removes it.\n";

fn owner(n: u8) -> IpAddr {
    [10, 0, 0, n].into()
}

fn entry(resource: Resource, after: ResourceState, owners: &[u8]) -> Entry {
    let before = ResourceState::Value("0".into());
    let owners = owners.iter().map(|&n| owner(n)).collect();
    Entry { resource, before, after: vec![value(7), after], owners }
}

/// A tunnel for 10.0.0.1 that is to last, and another set-up for 10.0.0.2 that is not.
fn record() -> Record<TestPolicy> {
    let mut record = Record::default();
    record.setups.insert(owner(1), setup("tunnel", true));
    record.setups.insert(owner(2), setup("plain", false));
    record.entries = vec![
        entry(sysctl("all/arp_ignore"), value(1), &[1, 2]),
        entry(sysctl("lo/arp_ignore"), value(1), &[2]),
        entry(sysctl("tunl0/rp_filter"), value(0), &[1]),
        entry(vip_address("tunl0", owner(1)), ResourceState::Present, &[1]),
    ];
    record
}

/// A root folder with systemd.
fn root() -> TempDir {
    let root = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir_all(root.path().join("run/systemd/system")).expect("a directory");
    fs::create_dir_all(root.path().join("etc/sysctl.d")).expect("a directory");
    root
}

fn sync(root: &TempDir, record: &Record<TestPolicy>) -> Changes {
    let indexes = [("lo".to_string(), 1), ("eth1".to_string(), 3)].into();
    Persistence::below(root.path()).sync(record, &indexes).expect("written")
}

fn paths(root: &TempDir, paths: &[&str]) -> Vec<PathBuf> {
    paths.iter().map(|path| root.path().join(path)).collect()
}

fn text(root: &TempDir, path: &str) -> String {
    let text = fs::read_to_string(root.path().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    text.strip_prefix(HEAD).unwrap_or_else(|| panic!("{path}: {text}")).to_string()
}

/// Every file, link and directory.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a directory") {
        let path = entry.expect("an entry").path();
        all.push(path.clone());
        if path.is_dir() && !path.is_symlink() {
            all.extend(tree(&path));
        }
    }
    all.sort();
    all
}

#[test]
fn files_are_written_and_removed() {
    let root = root();
    let before = tree(root.path());
    let changes = sync(&root, &record());
    assert_eq!(changes.written, paths(&root, &[MODULES, SYSCTLS, NETWORK, UNIT, LINK]));
    assert!(changes.removed.is_empty() && changes.left_alone.is_empty());
    // The newest value of the sysctls of the set-up that is to last.
    let sysctls = "-net/ipv4/conf/all/arp_ignore = 1\n-net/ipv4/conf/tunl0/rp_filter = 0\n";
    assert_eq!(text(&root, SYSCTLS), sysctls);
    assert_eq!(text(&root, MODULES), "ipip\n");
    assert_eq!(text(&root, NETWORK), "[Match]\nName=tunl0\n\n[Link]\nUnmanaged=yes\n");
    let unit = text(&root, UNIT);
    let program = std::env::current_exe().expect("a program");
    let start = format!("\nExecStart={} test-setup tunnel 10.0.0.1\n", program.display());
    assert!(unit.contains(&start) && unit.contains("Description=A test\n"), "{unit}");
    assert_eq!(unit.matches("ExecStart=").count(), 1);
    assert_eq!(
        fs::canonicalize(root.path().join(LINK)).expect("a link"),
        fs::canonicalize(root.path().join(UNIT)).expect("a file")
    );
    // Nothing to do.
    assert_eq!(sync(&root, &record()), Changes::default());
    let changes = sync(&root, &Record::default());
    assert_eq!(changes.removed, paths(&root, &[MODULES, SYSCTLS, NETWORK, UNIT, LINK]));
    assert!(changes.written.is_empty() && changes.left_alone.is_empty());
    assert_eq!(tree(root.path()), before);
}

#[test]
fn files_follow_the_record() {
    let root = root();
    sync(&root, &record());
    let mut record = record();
    record.setups.insert(owner(1), setup("plain", true));
    record.entries.retain(|entry| entry.resource != sysctl("tunl0/rp_filter"));
    let changes = sync(&root, &record);
    assert_eq!(changes.written, paths(&root, &[SYSCTLS, UNIT, LINK]));
    assert_eq!(changes.removed, paths(&root, &[MODULES, NETWORK]));
    assert_eq!(text(&root, SYSCTLS), "-net/ipv4/conf/all/arp_ignore = 1\n");
    assert!(text(&root, UNIT).contains(" test-setup plain 10.0.0.1\n"));
    // Directories without files are removed, too.
    assert!(!root.path().join("etc/modules-load.d").exists());
    assert!(!root.path().join("etc/systemd/network").exists());
}

#[test]
fn nothing_is_written_for_a_record_that_is_not_to_last() {
    let root = root();
    let before = tree(root.path());
    let mut record = record();
    record.setups.insert(owner(1), setup("tunnel", false));
    assert_eq!(sync(&root, &record), Changes::default());
    assert_eq!(tree(root.path()), before);
}

#[test]
fn without_sysctls_there_is_no_file_for_them() {
    let root = root();
    let mut record = record();
    record.entries.retain(|entry| !matches!(entry.resource, Resource::Sysctl { .. }));
    sync(&root, &record);
    assert!(!root.path().join(SYSCTLS).exists() && root.path().join(UNIT).exists());
}

#[test]
fn files_of_others_are_left_alone() {
    let root = root();
    // One that was there before, and one that is changed since.
    fs::write(root.path().join(SYSCTLS), "mine\n").expect("written");
    let changes = sync(&root, &record());
    assert_eq!(changes.left_alone, paths(&root, &[SYSCTLS]));
    assert_eq!(changes.written, paths(&root, &[MODULES, NETWORK, UNIT, LINK]));
    let unit = root.path().join(UNIT);
    let changed = fs::read_to_string(&unit).expect("a file") + "# mine\n";
    fs::write(&unit, &changed).expect("written");
    fs::remove_file(root.path().join(MODULES)).expect("removed");
    let changes = sync(&root, &Record::default());
    assert_eq!(changes.left_alone, paths(&root, &[SYSCTLS, UNIT]));
    assert_eq!(changes.removed, paths(&root, &[NETWORK, LINK]));
    assert_eq!(fs::read_to_string(&unit).expect("a file"), changed);
    assert_eq!(fs::read_to_string(root.path().join(SYSCTLS)).expect("a file"), "mine\n");
    assert!(!root.path().join("var").exists());
}

#[test]
fn a_link_in_place_of_a_file_is_left_alone() {
    let root = root();
    sync(&root, &record());
    let unit = root.path().join(UNIT);
    fs::remove_file(&unit).expect("removed");
    symlink("/dev/null", &unit).expect("a link");
    assert_eq!(sync(&root, &Record::default()).left_alone, paths(&root, &[UNIT]));
}

#[test]
fn networkd_keeps_addresses_on_the_devices_that_it_manages() {
    let root = root();
    let links = root.path().join("run/systemd/netif/links");
    fs::create_dir_all(&links).expect("a directory");
    let manage = |index: i32, file: &str| {
        let text = format!("ADMIN_STATE=configured\nNETWORK_FILE={file}\n");
        fs::write(links.join(index.to_string()), text).expect("written");
    };
    manage(1, "/usr/lib/systemd/network/10-lo.network");
    manage(3, "/etc/systemd/network/eth1.network");
    manage(4, "/etc/systemd/network/eth2.network");
    let mut record = record();
    let route = |device: &str| {
        let gateway = Some(owner(9));
        ResourceState::Route(Route { gateway, device: Some(device.into()), raw: vec![] })
    };
    let resource = Resource::DefaultRoute { ipv6: false, metric: 0 };
    record.entries.push(entry(resource, route("eth1"), &[1]));
    let changes = sync(&root, &record);
    let lo = "etc/systemd/network/10-lo.network.d/50-ipvsadm-test-setup.conf";
    let eth1 = "etc/systemd/network/eth1.network.d/50-ipvsadm-test-setup.conf";
    let expected = [MODULES, SYSCTLS, NETWORK, lo, eth1, UNIT, LINK];
    assert_eq!(changes.written, paths(&root, &expected));
    assert_eq!(text(&root, eth1), "[Network]\nKeepConfiguration=static\n");
    assert_eq!(text(&root, lo), text(&root, eth1));
}

#[test]
fn a_record_is_recalled_after_a_reboot() {
    let root = root();
    let persistence = Persistence::below(root.path());
    sync(&root, &record());
    let mut recalled: Record<TestPolicy> = Record::default();
    persistence.recall(&mut recalled).expect("a manifest");
    assert_eq!(recalled.setups.keys().collect::<Vec<_>>(), [&owner(1)]);
    assert_eq!(recalled.entries, [record().entries[0].clone(), record().entries[2].clone()]);
    // A record that is there counts.
    let mut record: Record<TestPolicy> = Record::default();
    record.setups.insert(owner(3), setup("plain", false));
    let expected = record.clone();
    persistence.recall(&mut record).expect("a manifest");
    assert_eq!(record, expected);
}

#[test]
fn a_process_that_was_killed_leaves_a_manifest_of_its_files() {
    let root = root();
    sync(&root, &record());
    // As after the first write of the manifest: it names files that were not written.
    for file in [UNIT, LINK, NETWORK] {
        fs::remove_file(root.path().join(file)).expect("removed");
    }
    let changes = sync(&root, &Record::default());
    assert_eq!(changes.removed, paths(&root, &[MODULES, SYSCTLS]));
    assert!(changes.left_alone.is_empty() && !root.path().join(MANIFEST).exists());
}

#[test]
fn errors_name_the_file() {
    let root = root();
    fs::write(root.path().join("var"), "").expect("written");
    let persistence = Persistence::below(root.path());
    let error = persistence.sync(&record(), &BTreeMap::new()).expect_err("no directory");
    let path = root.path().join(MANIFEST);
    assert_eq!(error.to_string(), format!("{}: Not a directory", path.display()));
    assert!(!error.not_permitted());
    let denied = Error("/f".into(), io::Error::from_raw_os_error(libc::EACCES));
    assert!(denied.not_permitted());
}

#[test]
fn the_root_decides_whether_it_applies() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let persistence = Persistence::below(root.path());
    assert!(persistence.applies() && !persistence.has_systemd());
    assert!(Persistence::below(self::root().path()).applies());
    let with_systemd = self::root();
    assert!(Persistence::below(with_systemd.path()).has_systemd());
}
