//! Decisions of the command, without a kernel.

use super::*;
use crate::cli::rs_setup as cli;
use crate::exit;
use crate::host::fake::{FakeHost, address};
use crate::setup::journal::Entry;
use crate::setup::plan::PlanStep;

fn parse(line: &str) -> RsSetup {
    match cli::parse(&line.split_whitespace().collect::<Vec<_>>()) {
        Ok(Invocation::Run(command)) => command,
        other => panic!("{line}: {other:?}"),
    }
}

/// A record with a set-up for each VIP.
fn record(setups: &[(&str, &str)]) -> Record {
    let mut record = Record::default();
    for (owner, line) in setups {
        let settings = parse(&format!("{line} {owner}")).settings;
        record.setups.insert(address(owner), Setup { settings, persist: false });
    }
    record
}

fn plan_of(line: &str, record: &Record, host: &FakeHost) -> Result<Vec<PlanStep>, String> {
    let command = parse(line);
    let snapshot = host.observe(&real_server::query(&command.settings));
    match plan(&command, record, &snapshot) {
        Ok(plan) => Ok(plan.steps),
        Err(Failure::Command(error)) => {
            assert_eq!(exit::status(error.kind), 2);
            Err(error.message)
        }
        Err(Failure::Setup(error)) => panic!("{error}"),
    }
}

#[test]
fn a_plan_without_conflicts() {
    let host = FakeHost::default();
    let steps = plan_of("10.0.0.100", &Record::default(), &host).expect("a plan");
    assert!(steps.iter().any(|step| step.resource.to_string() == "10.0.0.100/32 on lo"));
    let again = record(&[("10.0.0.100", "-g"), ("10.0.0.101", "-i")]);
    assert!(plan_of("-g 10.0.0.100", &again, &host).is_ok());
    assert!(plan_of("-g --interface eth0 10.0.0.100", &Record::default(), &host).is_ok());
}

#[test]
fn other_settings_for_the_same_vip_are_refused() {
    let earlier = record(&[("10.0.0.100", "-i --tun-type gre")]);
    let error = plan_of("-g 10.0.0.99 10.0.0.100", &earlier, &FakeHost::default());
    let expected = "10.0.0.100 is set up with -i --tun-type gre; \
                    to change that, first run 'ipvsadm rs-setup --undo 10.0.0.100'";
    assert_eq!(error, Err(expected.to_string()));
    // With NAT and without VIPs the gateways have the set-up.
    let mut host = FakeHost::default();
    host.add_gateway("10.1.0.1", Some("eth1"));
    host.add_gateway("fd01::1", Some("eth1"));
    let earlier = record(&[("10.1.0.1", "-m --gateway 10.1.0.1 --gateway fd01::1")]);
    assert!(plan_of("-m --gateway 10.1.0.1", &earlier, &host).is_err());
}

#[test]
fn a_missing_interface_and_a_conflict_are_refused() {
    let mut host = FakeHost::default();
    let error = plan_of("--interface eth0 --interface eth7 10.0.0.100", &Record::default(), &host);
    assert_eq!(error, Err("there is no device eth7".to_string()));
    host.add_address("eth0", "10.0.0.100/24", None);
    let expected = "10.0.0.100 is on the network card eth0, which answers ARP requests for it. \
                    Run 'ip addr del 10.0.0.100/24 dev eth0'.";
    let error = plan_of("10.0.0.100", &Record::default(), &host);
    assert_eq!(error, Err(expected.to_string()));
}

#[test]
fn owners_to_revert_are_those_that_are_known() {
    let mut record = record(&[("10.0.0.100", "-g")]);
    // An interrupted set-up has entries for its owner.
    let other = FakeHost::default();
    let steps = plan_of("10.0.0.101", &Record::default(), &other).expect("a plan");
    record.entries.push(Entry {
        resource: steps[0].resource.clone(),
        before: steps[0].current.clone(),
        after: vec![steps[0].desired.clone()],
        owners: steps[0].owners.clone(),
    });
    let mut notes = Vec::new();
    let command = parse("--undo 10.0.0.102 10.0.0.101 10.0.0.100");
    let owners = owners_to_revert(&command, &record, &mut notes);
    assert_eq!(owners, Some([address("10.0.0.100"), address("10.0.0.101")].into()));
    assert_eq!(notes, ["10.0.0.102 is not set up by rs-setup"]);
    assert_eq!(owners_to_revert(&parse("--undo"), &record, &mut notes), None);
}

#[track_caller]
fn groups(line: &str, record: &Record) -> Vec<String> {
    let groups = groups_to_check(&parse(line), record).into_iter();
    groups.map(|(settings, vips)| real_server::command(&settings, &vips)[1..].join(" ")).collect()
}

#[test]
fn a_check_takes_the_settings_of_the_record() {
    let record = record(&[
        ("10.0.0.100", "-g"),
        ("10.0.0.101", "-i"),
        ("10.0.0.102", "-g"),
        ("10.1.0.1", "-m --gateway 10.1.0.1"),
    ]);
    let all = ["-g 10.0.0.100 10.0.0.102", "-i 10.0.0.101", "-m --gateway 10.1.0.1"];
    assert_eq!(groups("--check", &record), all);
    let expected = ["-i 10.0.0.101", "-g 10.0.0.100 10.0.0.9"];
    assert_eq!(groups("--check 10.0.0.101 10.0.0.100 10.0.0.9", &record), expected);
    // A method on the command line counts.
    assert_eq!(groups("--check -i 10.0.0.100 10.0.0.9", &record), ["-i 10.0.0.100 10.0.0.9"]);
    let nat = "--check -m --gateway 10.1.0.1";
    assert_eq!(groups(nat, &record), ["-m --gateway 10.1.0.1"]);
    let vip = format!("{nat} 10.0.0.9");
    assert_eq!(groups(&vip, &record), ["-m --gateway 10.1.0.1 10.0.0.9"]);
    assert!(groups("--check", &Record::default()).is_empty());
    assert!(groups("--check -g", &record).is_empty());
}

fn run(line: &str) -> (Result<(), CommandError>, String) {
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let words: Vec<&str> = line.split_whitespace().collect();
    let result = super::run(&words, &mut out, &mut notes);
    assert_eq!(notes, [""; 0]);
    (result, String::from_utf8(out).expect("text"))
}

#[test]
fn help_goes_to_stdout_and_bad_words_are_errors() {
    let (result, out) = run("--help");
    assert!(result.is_ok() && out.contains("--tun-port"), "{out}");
    let (result, out) = run("10.0.0.300");
    let error = result.expect_err("no address");
    assert_eq!(
        (error.message.as_str(), out.as_str()),
        ("rs-setup: '10.0.0.300' is not an IP address", "")
    );
}

#[test]
fn changes_to_files_are_printed() {
    let paths = |name: &str| vec![name.into()];
    let changes =
        Changes { written: paths("/etc/a"), removed: paths("/etc/b"), left_alone: paths("/etc/c") };
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    print_changes(&changes, &mut out, &mut notes).expect("printed");
    assert_eq!(out, b"written: /etc/a\nremoved: /etc/b\n");
    assert_eq!(notes, ["/etc/c: not written by rs-setup, left as it is"]);
}

#[test]
fn commands_are_printed_as_text_or_json() {
    let lines = ["modprobe ipip".to_string()];
    let print = |line: &str| {
        let mut out = Vec::new();
        print_commands(&parse(line), &lines, &mut out).expect("printed");
        String::from_utf8(out).expect("text")
    };
    assert_eq!(print("--dry-run -i 10.0.0.100"), "modprobe ipip\n");
    let json = print("--dry-run --json -i 10.0.0.100");
    assert!(json.contains("\"commands\": [\n") && json.contains("\"modprobe ipip\""), "{json}");
}
