//! `-R`, line by line.

use crate::random_tables;
use crate::support::{
    Ran, Test, ipvsadm, ipvsadm_with, oracle, oracle_program, oracle_with, program, run, same_text,
    sh,
};
use fastrand::Rng;
use ipvsadm::view::labels::Labels;
use ipvsadm::view::rules;
use libipvs::model::ServiceKey;
use libipvs::{Client, Table};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::HashSet;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

pub const TESTS: &[Test] = &[
    ("restore: nothing to read", nothing),
    ("restore: continues after a line that the kernel refuses", goes_on),
    ("restore: a refusal is reported with its line number", refused_among_many),
    ("restore: continues after an unknown option or a missing argument", goes_on_after_options),
    ("restore: its status is that of the last line", last_status),
    ("restore: blank lines do not change the status", blank_lines),
    ("restore: a bad value ends it; earlier lines are applied", bad_value_ends),
    ("restore: an unknown command ends it", no_command_ends),
    ("restore: listing a missing service ends it", missing_list_ends),
    ("restore: lists and saves between changes", lists_inside),
    ("restore: a leading word ipvsadm is ignored", leading_word),
    ("restore: blanks, tabs, carriage returns, no last newline", white_space),
    ("restore: quotes have no meaning", no_quoting),
    ("restore: long options, flushes, timeouts, very long words", other_lines),
    ("restore: PyBal's input", pybal),
    // 1.31 has no comments: only a wrapper strips them.
    ("restore: comments", comments),
    ("restore: a typed line is applied at once", at_once),
    ("restore: a bad file changes nothing, and every bad line is reported", checked_first),
    ("restore: a line that can never be applied is bad too", simulated_first),
    ("restore: a refusal by the kernel leaves the table as it was", kernel_refuses),
    ("restore: options, help, and input without rules", options),
    ("restore: random pairs of tables: the same result as 1.31's", pairs),
    ("restore: a named file", file_name),
    ("restore: -R with a file applies line by line", minus_r_file),
    ("restore: a name that is no regular file is refused at once", not_regular),
    ("restore: endless input, in bounded memory", endless),
    ("restore: killed in the middle, completed by the next apply", killed),
];

/// Runs our `-R` with `lines` on an empty table. Returns its status, its errors and the rules left.
/// Ours adds lines after the text that scripts match: the number of the line, a hint.
#[track_caller]
fn restored(lines: &str) -> (i32, Vec<String>, String) {
    oracle("-C").ok();
    let ran = ipvsadm_with("-R", lines);
    assert_eq!(ran.out, "", "{lines}");
    let more = |line: &&str| line.starts_with("in line ") || line.starts_with("Try `");
    let errors: Vec<_> = ran.err.lines().filter(|line| !more(line)).map(String::from).collect();
    let places = ran.err.lines().filter(|line| line.starts_with("in line ")).count();
    assert_eq!(places, errors.len(), "{lines}{}", ran.err);
    (ran.status, errors, oracle("-Sn").ok())
}

/// Each error line starts with the text that scripts match; ours may add the line's number.
#[track_caller]
fn expect(lines: &str, status: i32, errors: &[&str], rules: &str) {
    let (was, err, left) = restored(lines);
    assert_eq!(was, status, "{lines}{err:?}");
    assert_eq!(err.len(), errors.len(), "{lines}{err:?}");
    for (line, text) in err.iter().zip(errors) {
        assert!(line.starts_with(text), "{lines}{err:?}");
    }
    assert_eq!(left, rules, "{lines}");
}

const A1: &str = "-A -t 10.0.0.1:80 -s wlc\n";
const BOTH: &str = "-A -t 10.0.0.1:80 -s wlc\n-A -t 10.0.0.2:80 -s wlc\n";

fn nothing() {
    expect("", 0, &[], "");
    expect("\n \n\n", 0, &[], "");
}

fn goes_on() {
    for (bad, text) in [
        ("-A -t 10.0.0.1:80", "Service already exists"),
        ("-E -t 10.0.0.9:80", "No such service"),
        ("-D -t 10.0.0.9:80", "No such service"),
        ("-Z -t 10.0.0.9:80", "No such service"),
        ("-a -t 10.0.0.9:80 -r 10.0.0.3", "Service not defined"),
        ("-d -t 10.0.0.1:80 -r 10.0.0.3", "No such destination"),
        ("-A -t 10.0.0.3:80 -s nosuch", "Scheduler or persistence engine not found"),
        ("-a -t 10.0.0.1:80 -r 224.0.0.1", "Invalid operation."),
    ] {
        let lines = format!("-A -t 10.0.0.1:80\n{bad}\n-A -t 10.0.0.2:80\n");
        expect(&lines, 0, &[text], BOTH);
    }
}

fn goes_on_after_options() {
    for (bad, text) in [
        ("-A --foo -t 10.0.0.3:80", "--foo: unknown option"),
        ("-a -t 10.0.0.1:80 -r 10.0.0.3 -w", "-w: missing argument"),
        ("-A -t 10.0.0.3:80 -p -5", "-5: unknown option"),
    ] {
        let lines = format!("-A -t 10.0.0.1:80\n{bad}\n-A -t 10.0.0.2:80\n");
        expect(&lines, 0, &[text], BOTH);
        expect(&format!("-A -t 10.0.0.1:80\n{bad}\n"), 255, &[text], A1);
    }
}

fn last_status() {
    let exists = "Service already exists";
    expect("-A -t 10.0.0.1:80\n-A -t 10.0.0.1:80\n", 255, &[exists], A1);
    expect("-A -t 10.0.0.1:80\n-A -t 10.0.0.1:80\n-A -t 10.0.0.1:80\n", 255, &[exists, exists], A1);
    expect("-D -t 10.0.0.1:80\n-A -t 10.0.0.1:80", 0, &["No such service"], A1);
}

fn blank_lines() {
    let (exists, twice) = (["Service already exists"], "-A -t 10.0.0.1:80\n-A -t 10.0.0.1:80\n");
    for tail in ["\n", "\n\n\n", "   \n", "\t\n \n", "ipvsadm\n"] {
        expect(&format!("{twice}{tail}"), 255, &exists, A1);
    }
    expect("\n\n-A -t 10.0.0.1:80\n\n  \n-A -t 10.0.0.2:80\n\n", 0, &[], BOTH);
}

fn bad_value_ends() {
    for (bad, text) in [
        ("-A -t 10.0.0.3:x", "illegal virtual server address[:port] specified"),
        ("-A -f 0", "invalid fwmark value `0' specified"),
        ("-A -t 10.0.0.3:0", "Zero port specified for non-persistent service"),
        ("-A -t 10.0.0.3:80 -w 5", "Illegal 'weight' option with the 'add-service' command"),
        ("-A -t 10.0.0.3:80 extra", "unexpected argument extra"),
        ("foo -A -t 10.0.0.3:80", "unexpected argument foo"),
        ("-A -t 10.0.0.3:80 -A", "invalid option `-A'"),
        ("/sbin/ipvsadm -A -t 10.0.0.3:80", "unexpected argument /sbin/ipvsadm"),
    ] {
        let lines = format!("-A -t 10.0.0.1:80\n{bad}\n-A -t 10.0.0.2:80\n");
        if bad.ends_with(":x") {
            // 1.31 does not say which value it was; ours may quote it first.
            let (status, err, left) = restored(&lines);
            assert_eq!((status, left.as_str()), (2, A1), "{err:?}");
        } else {
            expect(&lines, 2, &[text], A1);
        }
    }
}

fn no_command_ends() {
    for (bad, text) in [
        ("foo", "unknown command `foo'"),
        ("A -t 10.0.0.3:80", "unknown command `A'"),
        ("-t 10.0.0.3:80", "unknown command `-t'"),
        ("-nL", "unknown command `-nL'"),
        ("-R", "-R is not allowed in the input of -R"),
    ] {
        let lines = format!("-A -t 10.0.0.1:80\n{bad}\n-A -t 10.0.0.2:80\n");
        expect(&lines, 255, &[text], A1);
    }
}

fn missing_list_ends() {
    let lines = "-A -t 10.0.0.1:80\n-L -n -t 10.0.0.9:80\n-A -t 10.0.0.2:80\n";
    expect(lines, 1, &["No such service"], A1);
}

fn lists_inside() {
    let lines = "-A -t 10.0.0.2:80
-L -n
-S -n
-a -t 10.0.0.2:80 -r 10.0.0.3
-Ln -t 10.0.0.2:80
-L --timeout
-A -t 10.0.0.4:80
";
    let ours = ipvsadm_with("-R", lines);
    let left = oracle("-Sn").ok();
    oracle("-C").ok();
    let theirs = oracle_with("-R", lines);
    same_text(&ours.ok(), &theirs.ok());
    assert_eq!(
        left,
        "-A -t 10.0.0.2:80 -s wlc\n-a -t 10.0.0.2:80 -r 10.0.0.3:80 -g -w 1\n-A -t 10.0.0.4:80 -s wlc\n"
    );
}

fn leading_word() {
    expect("ipvsadm -A -t 10.0.0.1:80\n  ipvsadm -A -t 10.0.0.2:80\n", 0, &[], BOTH);
    expect("ipvsadm ipvsadm -A -t 10.0.0.1:80\n", 0, &[], A1);
}

fn white_space() {
    expect("   -A  \t -t 10.0.0.1:80   \n\t-A\t-t\t10.0.0.2:80", 0, &[], BOTH);
    expect("-A -t 10.0.0.1:80\r\n-A -t 10.0.0.2:80\r\n", 0, &[], BOTH);
}

fn no_quoting() {
    let text = "Scheduler or persistence engine not found";
    expect("-A -t 10.0.0.1:80\n-A -t 10.0.0.2:80 -s 'rr'\n", 255, &[text], A1);
    let (status, _, left) = restored("-A -t 10.0.0.1:80\n-A -t \"10.0.0.2:80\"\n");
    assert_eq!((status, left.as_str()), (2, A1));
}

fn other_lines() {
    expect("--add-service --tcp-service=10.0.0.1:80\n", 0, &[], A1);
    expect("-A -t 10.0.0.9:80\n-C\n-A -t 10.0.0.1:80\n-Z\n", 0, &[], A1);
    expect("-A -t 10.0.0.1:80\n--set 15 16 17\n", 0, &[], A1);
    assert_eq!(oracle("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 15 16 17\n");
    let long = "x".repeat(600);
    let lines = format!("-A -t 10.0.0.1:80\n-A -t 10.0.0.3:80 -s {long}\n-A -t 10.0.0.2:80\n");
    expect(&lines, 0, &["Scheduler or persistence engine not found"], BOTH);
}

fn pybal() {
    oracle("-A -t 10.9.9.9:80").ok();
    let lines = "-C
-D -t 10.0.0.1:80
-A -t 10.0.0.1:80 -s wrr
-D -u 10.0.0.1:53
-A -u 10.0.0.1:53 -s wrr -o
-a -t 10.0.0.1:80 -r 10.0.0.2 -w 10
-a -t 10.0.0.1:80 -r 10.0.0.3 -w 20
-d -t 10.0.0.1:80 -r 10.0.0.2
-e -t 10.0.0.1:80 -r 10.0.0.3 -w 0
";
    expect(
        lines,
        0,
        &["No such service", "No such service"],
        "-A -t 10.0.0.1:80 -s wrr\n-a -t 10.0.0.1:80 -r 10.0.0.3:80 -g -w 0\n-A -u 10.0.0.1:53 -s wrr -o\n",
    );
}

fn comments() {
    expect(
        "# two\n-A -t 10.0.0.1:80\n#-A -t 10.0.0.3:80\n  # x\n-A -t 10.0.0.2:80\n#\n",
        0,
        &[],
        BOTH,
    );
    let lines = "-A -t 10.0.0.1:80\n-A -t 10.0.0.1:80\n# a comment keeps the status\n";
    expect(lines, 255, &["Service already exists"], A1);
}

/// Our ipvsadm-restore.
#[track_caller]
fn restore(args: &[&str], input: &str) -> Ran {
    run(program("ipvsadm-restore"), args, input.as_bytes())
}

fn checked_first() {
    oracle("-A -t 10.9.9.9:9 -s rr").ok();
    let bad = "-A -t 10.0.0.1:80\n-A -t 10.0.0.2:x\nfoo\n-A -t 10.0.0.3:80 --foo\n\n# no\n-Z\n-a -t 10.0.0.1:80\n";
    let said = "illegal virtual server address[:port] specified: `10.0.0.2:x'\nin line 2: -A -t 10.0.0.2:x\n\
                unknown command `foo'\nTry `ipvsadm -h' or 'ipvsadm --help' for more information.\nin line 3: foo\n\
                --foo: unknown option\nin line 4: -A -t 10.0.0.3:80 --foo\n\
                You need to supply the 'real-server' option for the 'add-server' command\nin line 8: -a -t 10.0.0.1:80\n";
    assert_eq!(restore(&[], bad).fails(2), said);
    // The status is that of the first bad line.
    restore(&[], "-A -t 10.0.0.3:80 --foo\n-A -t 10.0.0.2:x\n").fails(255);
    restore(&[], "-R\n").fails(255);
    assert_eq!(oracle("-Sn").ok(), "-A -t 10.9.9.9:9 -s rr\n");
}

fn simulated_first() {
    oracle("-A -t 10.9.9.9:9 -s rr").ok();
    for (lines, status, text) in [
        ("-A -t 10.0.0.1:80\n-A -t 10.0.0.1:80\n", 255, "Service already exists"),
        ("-Z\n-a -t 10.0.0.1:80 -r 10.0.0.2\n", 255, "Service not defined"),
        // The previous table does not count: it is emptied first.
        ("-Z\n-E -t 10.9.9.9:9 -s wlc\n", 255, "No such service"),
        ("-A -f 1\n-d -f 1 -r 10.0.0.2\n", 255, "No such destination"),
        ("-A -f 1\n-L -n -f 2\n", 1, "No such service"),
    ] {
        let second = lines.lines().nth(1).unwrap_or_default();
        let err = restore(&[], lines).fails(status);
        assert_eq!(err, format!("{text}\nin line 2: {second}\n"));
        assert_eq!(oracle("-Sn").ok(), "-A -t 10.9.9.9:9 -s rr\n", "{lines}");
    }
    // Lists and other tables in between are allowed.
    let ran = restore(&[], "-A -f 1\n-C\n-A -f 1\n-Ln -f 1\n-D -f 1\n-A -f 1\n");
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("FWM  1 wlc"), "{}", ran.out);
    assert_eq!(oracle("-Sn").ok(), "-A -f 1 -s wlc\n");
}

/// Each case on an empty table and on one with other rules.
fn kernel_refuses() {
    for before in ["", "-A -t 10.9.9.9:9 -s rr\n"] {
        for lines in [
            "-A -t 10.0.0.1:80 -s nosuch\n-A -t 10.0.0.2:80\n",
            "-A -t 10.0.0.2:80\n-A -t 10.0.0.1:80 -s nosuch\n",
        ] {
            oracle("-C").ok();
            oracle_with("-R", before).ok();
            let number = if lines.starts_with("-A -t 10.0.0.1") { 1 } else { 2 };
            let said = format!(
                "Scheduler or persistence engine not found\n\
                 in line {number}: -A -t 10.0.0.1:80 -s nosuch\n"
            );
            assert_eq!(restore(&[], lines).fails(255), said);
            assert_eq!(oracle("-Sn").ok(), before);
        }
    }
}

fn file_name() {
    std::fs::write("/tmp/rules", A1).expect("written");
    assert_eq!(restore(&["/tmp/rules"], "-A -f 9\n").ok(), "");
    assert_eq!(oracle("-Sn").ok(), A1);
    for args in [&["-"][..], &[], &["/dev/stdin"], &["-n"]] {
        oracle("-C").ok();
        assert_eq!(restore(args, A1).ok(), "");
        assert_eq!(oracle("-Sn").ok(), A1, "{args:?}");
    }
    // The shell replaces <(...) by the name of an open descriptor.
    let ours = program("ipvsadm-restore");
    sh(&format!("bash -c '{} <(echo -A -f 5; sleep 0.2; echo -A -f 6)'", ours.display()));
    assert_eq!(oracle("-Sn").ok(), "-A -f 5 -s wlc\n-A -f 6 -s wlc\n");
    let more = "ipvsadm-restore: unexpected argument 'more' found\n";
    assert_eq!(restore(&["/tmp/rules", "more"], "").fails(2), more);
    assert_eq!(oracle("-Sn").ok(), "-A -f 5 -s wlc\n-A -f 6 -s wlc\n");
}

fn minus_r_file() {
    std::fs::write(
        "/tmp/rules",
        "-A -t 10.0.0.1:80\n-A -t 10.0.0.1:80\n-A -t 10.0.0.2:80\n-A -x\n",
    )
    .expect("written");
    let ran = ipvsadm("-R /tmp/rules");
    let said = "Service already exists\nin line 2: -A -t 10.0.0.1:80\n-x: missing argument\nin line 4: -A -x\n";
    assert_eq!((ran.status, ran.err.as_str()), (255, said));
    assert_eq!(oracle("-Sn").ok(), BOTH);
    ipvsadm("-C").ok();
    assert_eq!(ipvsadm_with("--restore -", A1).ok(), "");
    assert_eq!(oracle("-Sn").ok(), A1);
    assert_eq!(ipvsadm("-R /tmp/rules more").fails(2), "unexpected argument more\n");
    assert_eq!(
        ipvsadm("-R /no/such").fails(2),
        "cannot read `/no/such': No such file or directory\n"
    );
}

fn not_regular() {
    sh("mkfifo /tmp/fifo");
    oracle_with("-R", A1).ok();
    for (name, why) in [
        ("/tmp/fifo", "it is a FIFO"),
        ("/dev/zero", "it is a device"),
        ("/tmp", "it is a directory"),
        ("/proc/self/fd/", "it is a directory"),
        ("/no/such", "No such file or directory"),
        ("/etc/passwd/x", "Not a directory"),
    ] {
        let said = format!("cannot read `{name}': {why}\n");
        assert_eq!(restore(&[name], "").fails(2), said);
        assert_eq!(ipvsadm(&format!("-R {name}")).fails(2), said);
    }
    assert_eq!(oracle("-Sn").ok(), A1);
}

/// Runs programs with at most 64 MiB of memory.
fn endless() {
    oracle_with("-R", A1).ok();
    let (ours, restore) = (program("ipvsadm"), program("ipvsadm-restore"));
    let bounded = |script: &str| {
        let script = format!("ulimit -v 65536; {script}");
        run("/bin/bash", &["-c", &script], b"")
    };
    let long = "the line is longer than 65536 bytes\nin line 1: ";
    let too_long = "it is longer than 268435456 bytes\n";
    // 300 MiB in one line, and an endless file.
    sh("truncate -s 300M /tmp/long");
    for from in ["/tmp/long", "< /tmp/long", "< /dev/zero"] {
        let err = bounded(&format!("{} {from}", restore.display())).fails(2);
        assert!(err.starts_with(long) && err.ends_with(too_long), "{err}");
        assert!(err.len() < 5000, "{} bytes", err.len());
        let err = bounded(&format!("{} -R {from}", ours.display())).fails(2);
        assert!(err.starts_with(long), "{err}");
    }
    let comment = "yes \"# $(head -c 60000 /dev/zero | tr '\\0' x)\"";
    let err = bounded(&format!("{comment} | {}", restore.display())).fails(2);
    assert_eq!(err, format!("cannot read standard input: {too_long}"));
    assert_eq!(oracle("-Sn").ok(), A1);
}

/// A signal waits until the table is the new one. SIGKILL leaves a beginning of the file.
fn killed() {
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        killed_by(signal);
    }
}

fn killed_by(signal: Signal) {
    let (mut lines, many) = (String::new(), 8000);
    for n in 0..many {
        let v = format!("-t 10.0.{}.{}:80", n / 200, n % 200);
        lines += &format!("-A {v} -s rr\n-a {v} -r 10.1.0.1:80 -g -w 1\n");
    }
    std::fs::write("/tmp/many", &lines).expect("written");
    let mut client = Client::connect().expect("IPVS");
    client.flush().expect("flushed");
    let mut child = Command::new(program("ipvsadm-restore"))
        .arg("/tmp/many")
        .stdin(Stdio::null())
        .spawn()
        .expect("it starts");
    let first: ServiceKey = "tcp 10.0.0.0:80".parse().expect("a key");
    while client.service(&first).is_err() {
        assert!(
            child.try_wait().expect("a child of ours").is_none(),
            "restore ended before it changed anything"
        );
    }
    kill(Pid::from_raw(child.id() as i32), signal).expect("it runs");
    let ended = child.wait().expect("a child of ours");
    assert_eq!(ended.signal(), Some(signal as i32));
    let there = ipvsadm("-Sn").ok();
    let count = there.lines().count();
    println!("{signal}: {count} of {} lines", 2 * many);
    match signal {
        Signal::SIGKILL => assert!((1..2 * many).contains(&count), "{count}: this shows nothing"),
        _ => assert_eq!(count, 2 * many),
    }
    let beginning: HashSet<&str> = lines.lines().take(count).collect();
    assert!(there.lines().all(|line| beginning.contains(line)), "{count} other lines");
    assert_eq!(restore(&["/tmp/many"], "").ok(), "");
    assert_eq!(ipvsadm("-Sn").ok().lines().count(), 2 * many);
}

fn options() {
    oracle_with("-R", BOTH).ok();
    for (args, said) in [
        (&["--dry-rnu"][..], "ipvsadm-restore: unexpected argument '--dry-rnu' found\n"),
        (&["-x"], "ipvsadm-restore: unexpected argument '-x' found\n"),
    ] {
        assert_eq!(restore(args, A1).fails(2), said);
    }
    for (args, text) in [
        (&["--help"][..], "--allow-empty"),
        (&["-h"], "--dry-run"),
        (&["--version"], "ipvsadm v1.31"),
        (&["-v"], "ipvsadm v1.31"),
    ] {
        let out = restore(args, A1).ok();
        assert!(out.contains(text), "{out}");
    }
    let ran = restore(&["--dry-run"], A1);
    assert_eq!((ran.status, ran.out.as_str()), (1, "-D -t 10.0.0.2:80\n"));
    assert_eq!(restore(&["--keep"], A1).ok(), "");
    for empty in ["", "\n", "# all of it is gone\n"] {
        let said = "standard input has no rules, and would delete all services\n";
        assert_eq!(restore(&[], empty).fails(2), said);
        assert_eq!(ipvsadm_with("apply -", empty).fails(2), said);
        assert_eq!(ipvsadm_with("apply --dry-run -", empty).fails(2), said);
    }
    assert_eq!(oracle("-Sn").ok(), BOTH);
    assert_eq!(restore(&["--allow-empty"], "").ok(), "");
    assert_eq!(oracle("-Sn").ok(), "");
    assert_eq!(restore(&[], "").ok(), "");
    oracle_with("-R", BOTH).ok();
    assert_eq!(ipvsadm_with("apply --allow-empty -", "").ok(), "");
    assert_eq!(oracle("-Sn").ok(), "");
}

/// Restores B over A with both programs and compares the tables that are left.
fn pairs() {
    let mut rng = Rng::with_seed(300);
    let rules = |table: &Table| {
        let mut lines = Vec::new();
        let mut labels = Labels::numeric();
        for entry in table {
            let servers: Vec<_> = entry.destinations().cloned().collect();
            rules::service(&mut lines, &mut labels, entry.service(), &servers).expect("written");
        }
        String::from_utf8(lines).expect("text")
    };
    let left = || (oracle("-S -n").ok(), oracle("-L -n --thresholds").ok());
    for pair in 0..100 {
        let mut table = || rules(&random_tables::table(&mut rng, 6, 4));
        let (a, b) = (table(), table());
        oracle("-C").ok();
        oracle_with("-R", &a).ok();
        run(oracle_program("ipvsadm-restore"), &[""; 0], b.as_bytes()).ok();
        let theirs = left();
        oracle("-C").ok();
        oracle_with("-R", &a).ok();
        let args: &[&str] = if b.is_empty() { &["--allow-empty"] } else { &[] };
        assert_eq!(restore(args, &b).ok(), "", "{pair}");
        let ours = left();
        same_text(&ours.0, &theirs.0);
        same_text(&ours.1, &theirs.1);
    }
}

/// A user who types lines sees the effect of each before typing the next.
fn at_once() {
    let mut child = Command::new(program("ipvsadm"))
        .arg("-R")
        .stdin(Stdio::piped())
        .spawn()
        .expect("ipvsadm starts");
    let mut typed = child.stdin.take().expect("a pipe");
    for (n, behind) in ["", "\n", "# a comment\n\n", "  \t\n# one more"].iter().enumerate() {
        let service = format!("10.0.1.{n}:80");
        write!(typed, "-A -t {service} -s rr\n{behind}").expect("it reads");
        let there = (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            oracle("-Sn").ok().contains(&format!("-A -t {service} "))
        });
        assert!(there, "not done when followed by {behind:?}");
        // The beginning of a line has no effect until the line ends.
        writeln!(typed).expect("it reads");
    }
    drop(typed);
    assert!(child.wait().expect("it ends").success());
}

/// More lines than one send holds; every third one is refused, the last one too.
fn refused_among_many() {
    for count in [399, 401, 1203] {
        let line = |n: usize| match n {
            n if n % 3 == 0 || n == count => format!("-A -f {} -s rr\n", n - 1),
            n => format!("-A -f {n} -s rr\n"),
        };
        let lines: String = (1..=count).map(line).collect();
        let (status, errors, left) = restored(&lines);
        let refused = (1..=count).filter(|&n| n % 3 == 0 || n == count);
        assert_eq!(status, 255, "{count}");
        assert_eq!(errors, vec!["Service already exists"; refused.clone().count()], "{count}");
        let ran = ipvsadm_with("-R", &format!("-C\n{lines}"));
        let places: Vec<_> = ran.err.lines().filter(|l| l.starts_with("in line ")).collect();
        let expected: Vec<_> =
            refused.map(|n| format!("in line {}: {}", n + 1, line(n).trim())).collect();
        assert_eq!(places, expected, "{count}");
        let good = (1..=count).filter(|&n| n % 3 != 0 && n != count);
        same_text(&left, &good.map(line).collect::<String>());
    }
}
