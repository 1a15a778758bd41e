//! SIGKILL at every moment, and a failure at every step.

use crate::host::*;
use crate::support::{Ran, Test};

pub const TESTS: &[Test] = &[
    ("interrupted::killed_at_each_moment_a_rerun_completes_it", killed_then_rerun),
    ("interrupted::killed_at_each_moment_undo_leaves_no_trace", killed_then_undone),
    ("interrupted::undo_killed_at_each_moment_is_completed_by_another", undo_killed),
    ("interrupted::a_step_that_fails_rolls_back_those_before_it", failed),
];

const KILLED: i32 = 128 + 9;

/// Set-ups that have every kind of step.
const SETUPS: [&str; 3] = [
    "-g 10.0.0.100 fd00::100",
    "-i --tun-type gue --tun-port 6080 --outer 6 10.0.0.100",
    "-m --gateway 10.1.0.1 --gateway fd01::1",
];

/// Runs with a kill at the 1st, 2nd, ... checkpoint until the program ends by itself; `then` after each.
fn each_moment(line: &str, mut then: impl FnMut(usize)) -> usize {
    for moment in 1.. {
        let ran: Ran = rs_setup_with("IPVSADM_RS_SETUP_STOP", moment, line);
        if ran.status == 0 {
            return moment - 1;
        }
        assert_eq!(ran.status, KILLED, "{line} at {moment}: {}", ran.err);
        then(moment);
    }
    unreachable!()
}

fn killed_then_rerun() {
    make();
    set_sysctl("net/ipv4/conf/all/rp_filter", 1);
    let before = Snapshot::take();
    for setup in SETUPS {
        rs_setup(setup).ok();
        let wanted = Snapshot::take();
        rs_setup("--undo").ok();
        let moments = each_moment(setup, |moment| {
            rs_setup(setup).ok();
            wanted.same(&Snapshot::take(), &format!("{setup} killed at {moment}, run again"));
            rs_setup("--undo").ok();
            before.same(&Snapshot::take(), &format!("{setup} killed at {moment}, undone"));
        });
        println!("{setup}: killed at {moments} moments");
        assert!(moments >= 10, "{setup}: {moments}");
        rs_setup("--undo").ok();
    }
}

fn killed_then_undone() {
    make();
    set_sysctl("net/ipv4/conf/all/rp_filter", 1);
    let before = Snapshot::take();
    for setup in SETUPS {
        each_moment(setup, |moment| {
            rs_setup("--undo").ok();
            before.same(&Snapshot::take(), &format!("{setup} killed at {moment}"));
        });
        rs_setup("--undo").ok();
        before.same(&Snapshot::take(), setup);
    }
}

fn undo_killed() {
    make();
    set_sysctl("net/ipv4/conf/all/rp_filter", 1);
    let before = Snapshot::take();
    for setup in SETUPS {
        rs_setup(setup).ok();
        each_moment("--undo", |moment| {
            rs_setup("--undo").ok();
            before.same(&Snapshot::take(), &format!("undo of {setup} killed at {moment}"));
            rs_setup(setup).ok();
        });
        before.same(&Snapshot::take(), setup);
    }
}

fn failed() {
    make();
    set_sysctl("net/ipv4/conf/all/rp_filter", 1);
    let before = Snapshot::take();
    // The second time with another set-up, which stays as it is.
    for with in ["", "10.0.0.7"] {
        if !with.is_empty() {
            rs_setup(with).ok();
        }
        let before = if with.is_empty() { before.clone() } else { Snapshot::take() };
        for setup in SETUPS {
            let mut steps = 0;
            for step in 1.. {
                let ran = rs_setup_with("IPVSADM_RS_SETUP_FAIL", step, setup);
                if ran.status == 0 {
                    break;
                }
                steps = step;
                assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{}", ran.err);
                assert!(ran.err.starts_with("cannot "), "{}", ran.err);
                assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
                before.same(&Snapshot::take(), &format!("{setup}: failed at step {step}"));
            }
            println!("{setup}: made to fail at {steps} steps");
            assert!(steps >= 2, "{setup}");
            let vips = "--undo 10.0.0.100 fd00::100 10.1.0.1 fd01::1";
            assert_eq!(rs_setup(vips).status, 0);
            before.same(&Snapshot::take(), setup);
        }
    }
}
