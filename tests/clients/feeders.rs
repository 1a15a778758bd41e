//! PyBal, which maintains a table by writing lines to `ipvsadm -R`.

use crate::lab::with_ours_at_sbin;
use crate::support::{Ran, Test, ipvsadm, run};

pub const TESTS: &[Test] = &[
    ("pybal_starts", || with_ours_at_sbin(|_| starts())),
    ("pybal_pools_and_depools", || with_ours_at_sbin(|_| pools())),
    ("pybal_writes_bad_lines", || with_ours_at_sbin(|_| bad_lines())),
];

fn feed(lines: &str) -> Ran {
    run("/sbin/ipvsadm", &["-R"], lines.as_bytes())
}

fn starts() {
    ipvsadm("-A -t 10.0.0.200:80").ok();
    // PyBal clears the table, and then removes each service before it adds it. The removals fail.
    let ran = feed(
        "-C\n\
         -D -t 10.0.0.100:80\n\
         -A -t 10.0.0.100:80 -s wrr\n\
         -D -u 10.0.0.100:53\n\
         -A -u 10.0.0.100:53 -s sh -o\n\
         -D -t [fd00::100]:80\n\
         -A -t [fd00::100]:80 -s wrr\n",
    );
    assert_eq!((ran.status, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert_eq!(ran.err.matches("No such service").count(), 3, "{}", ran.err);
    assert_eq!(
        ipvsadm("-S -n").ok(),
        "-A -t 10.0.0.100:80 -s wrr\n\
         -A -u 10.0.0.100:53 -s sh -o\n\
         -A -t [fd00::100]:80 -s wrr\n"
    );
}

fn pools() {
    feed("-A -t 10.0.0.100:80 -s wrr\n").ok();
    feed("-a -t 10.0.0.100:80 -r 10.0.0.11 -w 10\n-a -t 10.0.0.100:80 -r 10.0.0.12 -w 1\n").ok();
    let one = "-A -t 10.0.0.100:80 -s wrr\n-a -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 10\n";
    assert_eq!(
        ipvsadm("-S -n").ok(),
        format!("{one}-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 1\n")
    );
    feed("-d -t 10.0.0.100:80 -r 10.0.0.12\n").ok();
    assert_eq!(ipvsadm("-S -n").ok(), one);
    feed("-e -t 10.0.0.100:80 -r 10.0.0.11 -w 20\n").ok();
    assert_eq!(ipvsadm("-S -n").ok(), one.replace("-w 10", "-w 20"));
    // Depool a server twice: the last line determines the status.
    let ran = feed("-d -t 10.0.0.100:80 -r 10.0.0.12\n");
    assert_eq!(ran.status, 255);
    assert!(ran.err.contains("No such destination"), "{}", ran.err);
    let ran = feed("-d -t 10.0.0.100:80 -r 10.0.0.12\n-d -t 10.0.0.100:80 -r 10.0.0.11\n\n");
    assert_eq!(ran.status, 0);
    assert_eq!(ipvsadm("-S -n").ok(), "-A -t 10.0.0.100:80 -s wrr\n");
}

fn bad_lines() {
    // A bad value stops the restore; the earlier lines stay applied.
    let ran = feed("-A -t 10.0.0.100:80 -s wrr\n-A -t 10.0.0.300:80\n-A -t 10.0.0.101:80\n");
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert_eq!(ipvsadm("-S -n").ok(), "-A -t 10.0.0.100:80 -s wrr\n");
    // A bad option in a line does not.
    let ran = feed("-A -t 10.0.0.102:80 --nonsense\n-A -t 10.0.0.103:80 -s rr\n");
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
    assert!(!ran.err.is_empty());
    // Neither does an unknown scheduler, which only sets the exit status.
    let ran = feed("-A -t 10.0.0.104:80 -s wrr\n-A -t 10.0.0.105:80 -s nosuch\n");
    assert_eq!((ran.status, ran.out.as_str()), (255, ""));
    assert_eq!(
        ipvsadm("-S -n").ok(),
        "-A -t 10.0.0.100:80 -s wrr\n-A -t 10.0.0.103:80 -s rr\n-A -t 10.0.0.104:80 -s wrr\n"
    );
}
