//! What `-R` does line by line.

use crate::support::{Test, ipvsadm_with, oracle, oracle_with, same_text};

pub const TESTS: &[Test] = &[
    ("restore: nothing to read", nothing),
    ("restore: goes on after what the kernel refuses", goes_on),
    ("restore: goes on after an unknown option or a missing argument", goes_on_after_options),
    ("restore: its status is that of the last line", last_status),
    ("restore: lines without words do not count", blank_lines),
    ("restore: a bad value ends it, earlier lines are applied", bad_value_ends),
    ("restore: a first word that is no command ends it", no_command_ends),
    ("restore: a service that is not there ends it when listed", missing_list_ends),
    ("restore: lists and saves in the middle", lists_inside),
    ("restore: a leading word ipvsadm is dropped", leading_word),
    ("restore: blanks, tabs, carriage returns, no last newline", white_space),
    ("restore: there is no quoting", no_quoting),
    ("restore: long options, flushes, timeouts, very long words", other_lines),
    ("restore: what PyBal sends", pybal),
    // 1.31 knows no comments: only a wrapper strips them.
    ("restore: comments", comments),
];

/// Our `-R` with `lines` on an empty table: its status, its errors and the rules left. Behind the
/// text that scripts match, ours has lines that say more: which line it was, what to try.
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

/// Each error line starts with the text that scripts match; ours may add where it happened.
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
            // Here 1.31 does not say which value it was, and we may say it first.
            let (status, err, left) = restored(&lines);
            assert_eq!((status, left.as_str()), (2, A1), "{err:?}");
        } else {
            expect(&lines, 2, &[text], A1);
        }
    }
}

fn no_command_ends() {
    for (bad, text) in [
        ("foo", "`foo' is no command"),
        ("A -t 10.0.0.3:80", "`A' is no command"),
        ("-t 10.0.0.3:80", "`-t' is no command"),
        ("-nL", "`-nL' is no command"),
        ("-R", "-R cannot be in what -R reads"),
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
