//! Tests of `lab/run`: a command runs in a kernel of its own, and cannot change anything outside.

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use support::{Ran, program, project};

fn lab(args: &[&str], stdin: &[u8]) -> Ran {
    support::run(project().join("lab/run"), args, stdin)
}

/// Runs a shell script in the lab, which must exit with status 0, and returns its stdout.
fn lab_sh(script: &str) -> String {
    let ran = lab(&["--time", "120", "sh", "-c", script], b"");
    assert_eq!(ran.status, 0, "{script}\n{}{}", ran.out, ran.err);
    ran.out
}

/// Runs our `ipvsadm` in the lab, where the kernel has no ip_vs module to load.
fn without_ipvs(args: &str) -> Ran {
    let ours = env!("CARGO_BIN_EXE_ipvsadm");
    let script = format!("rm /lib/modules/$(uname -r) && exec {ours} {args}");
    lab(&["--time", "120", "sh", "-c", &script], b"")
}

#[test]
fn the_exit_status_is_that_of_the_command() {
    assert_eq!(lab(&["true"], b"").ok(), "");
    assert_eq!(lab(&["--", "sh", "-c", "exit 7"], b"").fails(7), "");
}

#[test]
fn a_missing_command_is_status_127() {
    assert!(lab(&["no-such-command"], b"").fails(127).contains("no-such-command"));
}

#[test]
fn wrong_arguments_are_status_125() {
    assert!(lab(&[], b"").fails(125).contains("no command"));
    assert!(lab(&["--nosuch", "true"], b"").fails(125).contains("--nosuch"));
    assert!(lab(&["--time", "soon", "true"], b"").fails(125).contains("soon"));
}

#[test]
fn stdout_and_stderr_stay_separate() {
    let ran = lab(&["sh", "-c", "echo one; echo two >&2; echo three; echo four >&2"], b"");
    assert_eq!(ran.status, 0);
    assert_eq!(ran.out, "one\nthree\n");
    assert_eq!(ran.err, "two\nfour\n");
}

#[test]
fn every_byte_passes_unchanged() {
    let all: Vec<u8> = (0..=255u8).cycle().take(70_000).collect();
    let mut child = Command::new(project().join("lab/run"))
        .args(["sh", "-c", "tee /dev/stderr"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("lab/run");
    let mut pipe = child.stdin.take().expect("a pipe");
    let input = all.clone();
    let feeder = std::thread::spawn(move || {
        std::io::Write::write_all(&mut pipe, &input).expect("the lab reads all of it");
    });
    let Output { status, stdout, stderr } = child.wait_with_output().expect("lab/run");
    feeder.join().expect("the feeder");
    assert!(status.success());
    assert!(stdout == all, "{} bytes of {}", stdout.len(), all.len());
    assert!(stderr == all, "{} bytes of {}", stderr.len(), all.len());
}

#[test]
fn standard_input_reaches_the_command() {
    assert_eq!(
        lab(&["sh", "-c", "read a; cat; echo $a"], b"first\nsecond\n").ok(),
        "second\nfirst\n"
    );
    assert_eq!(lab(&["wc", "-c"], b"").ok(), "0\n");
}

#[test]
fn arguments_and_environment_pass_unchanged() {
    let ran = Command::new(project().join("lab/run"))
        .args(["printf", "%s|", "a b", "", "c'd\"$e\\", "*"])
        .output()
        .expect("lab/run");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "a b||c'd\"$e\\|*|");
    let ran = Command::new(project().join("lab/run"))
        .args(["sh", "-c", "printf %s \"$LAB_TEST_WORDS\"; pwd"])
        .env("LAB_TEST_WORDS", "two 'words'\n")
        .current_dir("/usr/share")
        .output()
        .expect("lab/run");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "two 'words'\n/usr/share\n");
}

#[test]
fn a_time_limit_stops_the_lab() {
    let start = Instant::now();
    let ran = lab(&["--time", "3", "sleep", "100"], b"");
    let took = start.elapsed();
    assert_eq!(ran.status, 124);
    assert!(ran.err.contains("3 seconds"), "{}", ran.err);
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn three_labs_run_at_once() {
    let labs: Vec<_> = (0..3)
        .map(|i| {
            std::thread::spawn(move || {
                let script = format!(
                    "modprobe ip_vs && ipvsadm -A -f {0} && sleep 2 && ipvsadm -Sn; exit {0}",
                    i + 1
                );
                lab(&["--time", "120", "sh", "-c", &script], b"")
            })
        })
        .collect();
    for (i, lab) in labs.into_iter().enumerate() {
        let ran = lab.join().expect("a lab");
        assert_eq!(ran.status, i as i32 + 1, "{}", ran.err);
        assert_eq!(ran.out, format!("-A -f {} -s wlc\n", i + 1));
    }
}

#[test]
fn nothing_outside_can_be_changed() {
    let name = format!("lab-test-{}", std::process::id());
    // For root in the guest, the overlay accepts every change. A second mount of the host's disk
    // accepts none, not even when it is remounted writable.
    let out = lab_sh(&format!(
        "echo x >/etc/{name} && echo overlay-etc
         echo x >/tmp/{name} && echo overlay-tmp
         rm -rf /usr/share/doc && echo overlay-rm
         mkdir /run/host && mount -t hostfs none /run/host -o / && echo mounted
         mount -o remount,rw /run/host
         for d in etc tmp var/tmp usr root home dev/shm; do
             echo x 2>/dev/null >/run/host/$d/{name} && echo \"wrote $d\"
             mkdir /run/host/$d/{name}.d 2>/dev/null && echo \"made in $d\"
         done
         rm /run/host/etc/passwd 2>/dev/null && echo 'removed passwd'
         chmod 777 /run/host/etc/passwd 2>/dev/null && echo 'changed passwd'
         echo x 2>/dev/null >>/run/host/etc/passwd && echo 'appended to passwd'
         true"
    ));
    // /dev/shm belongs to the lab and disappears with it.
    let tried: Vec<&str> = out.lines().filter(|l| !l.ends_with("dev/shm")).collect();
    assert_eq!(tried, ["overlay-etc", "overlay-tmp", "overlay-rm", "mounted"]);
    for dir in ["/etc", "/tmp", "/var/tmp", "/usr", "/root", "/home", "/dev/shm"] {
        for suffix in ["", ".d"] {
            let path = Path::new(dir).join(format!("{name}{suffix}"));
            assert!(!path.exists(), "{path:?}");
        }
    }
    assert!(Path::new("/usr/share/doc").exists());
    assert!(Path::new("/etc/passwd").exists());
}

#[test]
fn results_appear_in_the_results_folder() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("made/by/lab");
    let script = "echo result >/results/file && mkdir /results/sub && echo deep >/results/sub/file";
    let args = ["--results", path.to_str().expect("UTF-8"), "sh", "-c", script];
    assert_eq!(lab(&args, b"").ok(), "");
    assert_eq!(fs::read_to_string(path.join("file")).expect("file"), "result\n");
    assert_eq!(fs::read_to_string(path.join("sub/file")).expect("sub/file"), "deep\n");
}

#[test]
fn the_module_is_loaded_on_demand() {
    let out = lab_sh(&format!(
        "grep -c '^ip_vs ' /proc/modules
         {} -Ln
         grep -c '^ip_vs ' /proc/modules",
        program("ipvsadm").display()
    ));
    // Newer kernels have no table yet, and its size is 0.
    let size = out.split_once("(size=").and_then(|(_, rest)| rest.split_once(')'));
    let size = size.unwrap_or_else(|| panic!("no size: {out}")).0;
    assert!(size == "0" || size == "4096", "{out}");
    assert_eq!(
        out,
        format!(
            "0\n\
             IP Virtual Server version 1.2.1 (size={size})\n\
             Prot LocalAddress:Port Scheduler Flags\n  \
             -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n\
             1\n"
        )
    );
}

#[test]
fn a_restore_loads_the_module_too() {
    let ours = program("ipvsadm");
    let out = lab_sh(&format!("echo '-A -f 1 -s rr' | {0} -R && {0} -Sn", ours.display()));
    assert_eq!(out, "-A -f 1 -s rr\n");
}

#[test]
fn a_check_of_a_real_server_loads_no_module() {
    let ours = program("ipvsadm");
    let out = lab_sh(&format!(
        "{} rs-setup --check 10.0.0.100 | grep -c balances
         grep -c '^ip_vs ' /proc/modules || true",
        ours.display()
    ));
    assert_eq!(out, "0\n0\n");
}

/// Runs the commands of the README's `make try` as a reader would, and then fixes the fault.
#[test]
fn the_commands_of_the_readme_work() {
    let readme = fs::read_to_string(project().join("README.md")).expect("the README");
    let (_, from) = readme.split_once("\nmake try <<'END'\n").expect("commands");
    let (commands, _) = from.split_once("\nEND\n").expect("their end");
    let commands = format!(
        "{commands}\non rs2 ipvsadm rs-setup 10.0.0.100\non rs2 ipvsadm rs-setup --check\n"
    );
    let ours = format!("IPVSADM={}", env!("CARGO_BIN_EXE_ipvsadm"));
    let lab = project().join("lab/try").display().to_string();
    let ran = support::run("env", &[ours, lab], commands.as_bytes());
    let count = |name: &str| ran.out.lines().filter(|line| *line == name).count();
    assert_eq!((count("rs1"), count("rs2")), (5, 5), "{}{}", ran.out, ran.err);
    // The check reports the broken setting, and succeeds after the fix.
    let (_, broken) = ran.out.split_once("arp_ignore = 0\n").expect("the broken setting");
    let (broken, fixed) = broken.split_once("rs2# ipvsadm rs-setup 10.0.0.100").expect("the fix");
    assert!(broken.contains("arp_ignore"), "{broken}");
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{fixed}");
}

/// 1.31 prints three lines, one of them modprobe's.
#[test]
fn without_ipvs_the_error_is_one_line() {
    for args in ["-Ln", "-A -f 1", "-C"] {
        let err = without_ipvs(args).fails(2);
        assert!(err.starts_with("Can't initialize ipvs: "), "{args}: {err}");
        assert_eq!(err.lines().count(), 1, "{args}: {err}");
    }
}

/// 1.31 requires ip_vs even for these.
#[test]
fn without_ipvs_help_and_version_work() {
    assert!(without_ipvs("-h").ok().contains("ipvsadm -A"));
    assert!(without_ipvs("--help").ok().contains("--add-service"));
    let out = without_ipvs("-v").ok();
    assert!(out.starts_with("ipvsadm v"), "{out}");
}
