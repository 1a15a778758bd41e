//! `ipvsadm apply`: the table becomes equal to the file, or stays as it is.

use crate::support::{Test, ipvsadm, ipvsadm_with, oracle, oracle_with, same_text, sh};

pub const TESTS: &[Test] = &[
    ("apply: the fewest changes, none the second time", fewest),
    ("apply: unchanged services keep their counters", untouched),
    ("apply: --keep leaves other services alone", keep),
    ("apply: --json prints the changes", as_json),
    ("apply: a bad file changes nothing, and every bad line is reported", bad_file),
    ("apply: commands other than rules are errors", no_rules),
    ("apply: a refusal by the kernel rolls back all changes", refused),
    ("apply: timeouts and daemons", timeouts_and_daemons),
    ("apply: values that the kernel changes are no difference", normal_forms),
];

const OLD: &str = "\
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -g -w 1
-A -t 10.0.0.2:80 -s wlc
-a -t 10.0.0.2:80 -r 10.1.0.1:80 -g -w 1
-A -t 10.0.0.3:80 -s rr
";

const NEW: &str = "\
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 5
-a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 1
-A -t 10.0.0.2:80 -s wrr -p 300
-a -t 10.0.0.2:80 -r 10.1.0.1:80 -g -w 1
-A -t 10.0.0.4:80 -s rr
-a -t 10.0.0.4:80 -r 10.1.0.1:80 -i -w 1 --tun-type ipip
";

const CHANGES: &str = "\
-a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 1
-A -t 10.0.0.4:80 -s rr
-a -t 10.0.0.4:80 -r 10.1.0.1:80 -i -w 1 --tun-type ipip
-e -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 5
-E -t 10.0.0.2:80 -s wrr -p 300
-d -t 10.0.0.1:80 -r 10.1.0.2:80
-D -t 10.0.0.3:80
";

fn fewest() {
    oracle_with("-R", OLD).ok();
    let ran = ipvsadm_with("apply --dry-run -", NEW);
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    same_text(&ran.out, CHANGES);
    same_text(&oracle("-Sn").ok(), OLD);
    assert_eq!(ipvsadm_with("apply -", NEW).ok(), "");
    same_text(&oracle("-Sn").ok(), NEW);
    assert_eq!(ipvsadm_with("apply --dry-run -", NEW).ok(), "");
    assert_eq!(ipvsadm_with("apply -", NEW).ok(), "");
    // The lines of --dry-run have the same effect.
    oracle("-C").ok();
    oracle_with("-R", OLD).ok();
    oracle_with("-R", CHANGES).ok();
    same_text(&oracle("-Sn").ok(), NEW);
    // A file without services empties the table.
    assert_eq!(ipvsadm_with("apply -", "-C\n").ok(), "");
    assert_eq!(oracle("-Sn").ok(), "");
}

/// The kernel moves an added service to the front of its list, so the order shows what was added.
fn untouched() {
    oracle_with("-R", OLD).ok();
    let before = oracle("-Ln --nosort").ok();
    ipvsadm_with("apply -", &format!("{OLD}-A -t 10.0.0.9:80\n")).ok();
    ipvsadm_with("apply -", OLD).ok();
    same_text(&oracle("-Ln --nosort").ok(), &before);
}

fn keep() {
    oracle_with("-R", OLD).ok();
    let file = "-A -t 10.0.0.1:80 -s rr\n-A -t 10.0.0.9:80 -s rr\n";
    let ran = ipvsadm_with("apply --dry-run --keep -", file);
    assert_eq!(ran.status, 1);
    same_text(
        &ran.out,
        "-A -t 10.0.0.9:80 -s rr\n-E -t 10.0.0.1:80 -s rr\n\
         -d -t 10.0.0.1:80 -r 10.1.0.2:80\n-d -t 10.0.0.1:80 -r 10.1.0.1:80\n",
    );
    ipvsadm_with("apply --keep -", file).ok();
    same_text(
        &oracle("-Sn").ok(),
        "-A -t 10.0.0.1:80 -s rr\n-A -t 10.0.0.2:80 -s wlc\n\
         -a -t 10.0.0.2:80 -r 10.1.0.1:80 -g -w 1\n-A -t 10.0.0.3:80 -s rr\n\
         -A -t 10.0.0.9:80 -s rr\n",
    );
}

fn as_json() {
    oracle_with("-R", OLD).ok();
    let ran = ipvsadm_with("apply --dry-run --json -", NEW);
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    let shown: serde_json::Value = serde_json::from_str(&ran.out).expect("a document");
    assert_eq!(shown["changes"].as_array().map(Vec::len), Some(7), "{}", ran.out);
    assert_eq!(shown["changes"][0]["server"]["port"], 80);
    assert_eq!(shown["changes"][6]["change"], "delete-service");
    let done = ipvsadm_with("apply --json -", NEW).ok();
    assert_eq!(done, ran.out);
    same_text(&oracle("-Sn").ok(), NEW);
    let none: serde_json::Value =
        serde_json::from_str(&ipvsadm_with("apply --json -", NEW).ok()).expect("a document");
    assert_eq!(none, serde_json::json!({"format": 1, "changes": []}));
}

fn bad_file() {
    oracle_with("-R", OLD).ok();
    let file = "-A -t 10.0.0.9:80\n-A -t 10.0.0.9:80\n-a -t 10.0.0.8:80 -r 10.1.0.1\n\
                -A -t 10.0.0.7:80 -w 5\n-A --foo\n-a -t 10.0.0.7:80 -r 10.1.0.1\n-A -t 10.0.0.9:80\n";
    let said = "Service already exists\nin line 2: -A -t 10.0.0.9:80\n\
                Illegal 'weight' option with the 'add-service' command\nin line 4: -A -t 10.0.0.7:80 -w 5\n\
                --foo: unknown option\nin line 5: -A --foo\n\
                Service already exists\nin line 7: -A -t 10.0.0.9:80\n";
    // The third line may lack its service because of the second: it is not reported.
    assert_eq!(ipvsadm_with("apply -", file).fails(2), said);
    assert_eq!(ipvsadm_with("apply --dry-run -", file).fails(2), said);
    let only = "-a -t 10.0.0.8:80 -r 10.1.0.1\n-A --foo\n";
    assert_eq!(
        ipvsadm_with("apply -", only).fails(255),
        "Service not defined\nin line 1: -a -t 10.0.0.8:80 -r 10.1.0.1\n\
         --foo: unknown option\nin line 2: -A --foo\n"
    );
    for name in ["/", "/dev/zero", "/nowhere"] {
        let err = ipvsadm(&format!("apply {name}")).fails(2);
        assert!(err.starts_with(&format!("cannot read `{name}': ")), "{err}");
    }
    ipvsadm("apply").fails(2);
    ipvsadm("apply --foo -").fails(2);
    same_text(&oracle("-Sn").ok(), OLD);
}

fn no_rules() {
    oracle_with("-R", OLD).ok();
    for line in ["-L -n", "-Ln", "-S", "-Z", "--stop-daemon master", "-h", "ipvsadm -v"] {
        let verb = line.trim_start_matches("ipvsadm ").split(' ').next().unwrap_or("");
        assert_eq!(
            ipvsadm_with("apply -", &format!("{OLD}{line}\n")).fails(2),
            format!("`{verb}' is not allowed in a file for apply\nin line 7: {line}\n")
        );
    }
    same_text(&oracle("-Sn").ok(), OLD);
}

fn refused() {
    oracle_with("-R", OLD).ok();
    let file = format!(
        "{NEW}# no such scheduler\n-A -t 10.0.0.5:80 -s nosuch\n-a -t 10.0.0.5:80 -r 10.1.0.1\n-A -t 10.0.0.6:80\n"
    );
    assert_eq!(
        ipvsadm_with("apply -", &file).fails(255),
        "Scheduler or persistence engine not found\nin line 9: -A -t 10.0.0.5:80 -s nosuch\n"
    );
    same_text(&oracle("-Sn").ok(), OLD);
    let file = format!(
        "{OLD}-A -t 10.0.0.9:80\n-a -t 10.0.0.9:80 -r 10.1.0.1\n\
         -E -t 10.0.0.1:80 -s nosuch\n-E -t 10.0.0.2:80 --pe none\n"
    );
    let err = ipvsadm_with("apply -", &file).fails(255);
    let places: Vec<&str> = err.lines().filter(|l| l.starts_with("in line")).collect();
    assert_eq!(
        places,
        ["in line 9: -E -t 10.0.0.1:80 -s nosuch", "in line 10: -E -t 10.0.0.2:80 --pe none"]
    );
    same_text(&oracle("-Sn").ok(), OLD);
    // What no kernel accepts is refused before the kernel is asked.
    let file = format!("{OLD}-E -t 10.0.0.1:80 -s nosuch\n-a -t 10.0.0.2:80 -r 224.0.0.1\n");
    assert_eq!(
        ipvsadm_with("apply -", &file).fails(255),
        "224.0.0.1 is not the address of a host\nin line 8: -a -t 10.0.0.2:80 -r 224.0.0.1\n"
    );
    same_text(&oracle("-Sn").ok(), OLD);
}

fn timeouts_and_daemons() {
    sh(
        "ip link add d0 type dummy; ip link set d0 up; ip link add d1 type dummy; ip link set d1 up",
    );
    oracle("--set 900 120 300").ok();
    oracle("--start-daemon master --mcast-interface d0 --syncid 1").ok();
    let running = oracle("-L --daemon").ok();
    // A file without daemons leaves them alone.
    ipvsadm_with("apply -", "--set 0 60 300\n").ok();
    same_text(&oracle("-L --daemon").ok(), &running);
    assert_eq!(oracle("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 900 60 300\n");
    for file in [
        "--start-daemon master --mcast-interface d0 --syncid 1\n",
        "--start-daemon master --mcast-interface d0 --syncid 2 --mcast-ttl 4 --mcast-group 224.0.0.99 --mcast-port 9999 --sync-maxlen 1300\n",
        "--start-daemon backup --mcast-interface d1\n--start-daemon master --mcast-interface d1 --mcast-group ff05::99\n",
        "--start-daemon backup --mcast-interface d1 --sync-maxlen 7 --syncid 3\n",
        "--start-daemon backup --mcast-interface d1 --sync-maxlen 65507 --syncid 3\n",
    ] {
        let ran = ipvsadm_with("apply -", file);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{file}");
        assert_eq!(ipvsadm_with("apply --dry-run -", file).ok(), "", "{file}");
        let daemons = oracle("-L --daemon").ok();
        assert_eq!(daemons.lines().count(), file.lines().count(), "{file}{daemons}");
    }
    // The new daemon cannot start: the old one runs again.
    let before = oracle("-L --daemon").ok();
    let file = "-A -t 10.0.0.1:80\n--set 1 2 3\n--start-daemon backup --mcast-interface nosuch\n";
    let err = ipvsadm_with("apply -", file).fails(255);
    assert!(err.contains("in line 3: --start-daemon backup"), "{err}");
    same_text(&oracle("-L --daemon").ok(), &before);
    assert_eq!(oracle("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 900 60 300\n");
    assert_eq!(oracle("-Sn").ok(), "");
    for role in ["master", "backup"] {
        oracle(&format!("--stop-daemon {role}"));
    }
}

/// The second run finds nothing to do, for everything that the grammar and the kernel accept.
fn normal_forms() {
    for rules in [
        "-A -t 10.0.0.1:80 -M 255.255.0.0",
        "-A -t 10.0.0.1:80 -p -M 0.0.0.0",
        "-A -t 10.0.0.1:0 -p",
        "-A -t [fd00::1]:80 -M 64",
        "-A -t [fd00::1]:80 -p 9 -M 64",
        "-A -u 10.0.0.1:80 --pe sip",
        "-A -u 10.0.0.1:80 -o -b flag-1,flag-3 -s mh",
        "-A -f 4294967295 -o",
        "-A -f 1 -6 -p 5 -M 1",
        "-A -t 10.0.0.1:80 -s none",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 127.0.0.1:99 -m",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 127.0.0.1 -g",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 127.0.0.1 -i",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1:99 -g",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1:99 -i",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1 -w 2147483647 -x 2147483647 -y 2147483647",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1 -i --tun-type gre --tun-csum",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1 -i --tun-type gue --tun-port 9 --tun-remcsum",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r [fd00::9]:99 -i",
        "-A -f 3\n-a -f 3 -r 10.1.0.1:99 -g\n-a -f 3 -r 10.1.0.1:98 -m\n-a -f 3 -r 10.1.0.1 -i",
        "--set 1 2 3",
        "--set 0 0 0",
        "--set 2678400 0 5",
    ] {
        let ran = ipvsadm_with("apply -", rules);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{rules}");
        assert_eq!(ipvsadm_with("apply --dry-run -", rules).ok(), "", "{rules}");
    }
    let ran = ipvsadm_with("apply -", "-A -f 1\n-a -f 1 -r 10.0.0.1 -y 5\n");
    assert_eq!(
        ran.fails(255),
        "Numerical result out of range\nin line 2: -a -f 1 -r 10.0.0.1 -y 5\n"
    );
}
