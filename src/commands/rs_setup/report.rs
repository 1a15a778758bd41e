//! The report of `--check`: the steps of the plan beside the host, the effective values on each
//! device, and the findings.

use crate::diagnose::Finding;
use crate::diagnose::real_server::{self as diagnose, Facts, OwnTable};
use crate::host::snapshot::{Snapshot, SnapshotError};
use crate::setup::plan::PlanStep;
use crate::setup::real_server::{self, Effect, Settings};
use crate::setup::render::shell_line;
use comfy_table::{Table, presets};
use serde::Serialize;
use std::io::{self, Write};
use std::net::IpAddr;

/// The state of one set-up.
#[derive(Debug, Serialize)]
pub struct Report {
    method: &'static str,
    options: Vec<String>,
    vips: Vec<IpAddr>,
    /// True when everything is in place and nothing is wrong.
    pub ok: bool,
    settings: Vec<SettingRow>,
    in_effect: Vec<EffectRow>,
    findings: Vec<Finding>,
    #[serde(skip)]
    command: String,
}

/// A step of the plan beside the host.
#[derive(Debug, Serialize)]
struct SettingRow {
    /// The id of the finding that the step fixes.
    id: &'static str,
    #[serde(rename = "what")]
    resource: String,
    #[serde(rename = "wanted")]
    desired: String,
    #[serde(rename = "found")]
    current: String,
    ok: bool,
}

/// The effective value of a sysctl on a device.
#[derive(Debug, Serialize)]
struct EffectRow {
    /// The id of the finding that a bad value causes.
    id: &'static str,
    interface: String,
    #[serde(rename = "setting")]
    sysctl: &'static str,
    all: i64,
    own: i64,
    in_effect: i64,
    ok: bool,
}

impl From<&PlanStep> for SettingRow {
    fn from(step: &PlanStep) -> SettingRow {
        SettingRow {
            id: step.finding,
            resource: step.resource.to_string(),
            desired: step.desired.text(&step.resource),
            current: step.current.text(&step.resource),
            ok: step.in_place(),
        }
    }
}

impl From<Effect> for EffectRow {
    fn from(effect: Effect) -> EffectRow {
        EffectRow {
            id: effect.finding,
            in_effect: effect.value(),
            interface: effect.device,
            sysctl: effect.sysctl,
            all: effect.all,
            own: effect.own,
            ok: effect.accepted,
        }
    }
}

impl Report {
    pub fn new(
        settings: &Settings,
        vips: &[IpAddr],
        snapshot: &Snapshot,
        own_table: &OwnTable,
    ) -> Result<Report, SnapshotError> {
        let plan = &real_server::plan(settings, vips, snapshot)?;
        let findings = diagnose::findings(&Facts { settings, vips, snapshot, plan, own_table })?;
        let effects = real_server::effects(settings, vips, snapshot)?;
        let in_effect: Vec<EffectRow> = effects.into_iter().map(EffectRow::from).collect();
        let steps = plan.steps.iter().filter(|step| !(step.incidental && step.in_place()));
        let rows: Vec<SettingRow> = steps.map(SettingRow::from).collect();
        let ok = rows.iter().all(|row| row.ok)
            && in_effect.iter().all(|row| row.ok)
            && !findings.iter().any(|finding| finding.wrong);
        Ok(Report {
            method: settings.method_name(),
            options: settings.options(),
            vips: vips.to_vec(),
            ok,
            settings: rows,
            in_effect,
            findings,
            command: shell_line(&real_server::command(settings, vips)),
        })
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let options = shell_line(&self.options);
        let vips: Vec<String> = self.vips.iter().map(IpAddr::to_string).collect();
        let head = format!("{} ({options}) {}", self.method, vips.join(" "));
        writeln!(out, "{}", head.trim_end())?;
        let mut table = table(&["setting", "desired", "current", ""]);
        for row in &self.settings {
            table.add_row([&row.resource, &row.desired, &row.current, verdict(row.ok, "MISSING")]);
        }
        print_table(out, &table)?;
        if !self.in_effect.is_empty() {
            writeln!(out, "\nIn effect (the larger value of all and the device):")?;
            let mut table = self::table(&["device", "sysctl", "all", "own", "in effect", ""]);
            for row in &self.in_effect {
                table.add_row([
                    &row.interface,
                    row.sysctl,
                    &row.all.to_string(),
                    &row.own.to_string(),
                    &row.in_effect.to_string(),
                    verdict(row.ok, "WRONG"),
                ]);
            }
            print_table(out, &table)?;
        }
        if !self.findings.is_empty() {
            writeln!(out)?;
        }
        for finding in &self.findings {
            let severity = if finding.wrong { "WRONG" } else { "note" };
            let Finding { id, text, advice, .. } = finding;
            writeln!(out, "{severity}: {text} [{id}]\n       {advice}")?;
        }
        writeln!(out, "\n{}", self.result())
    }

    /// The last line.
    fn result(&self) -> String {
        if self.ok {
            return "All in place. It is not checked whether a service is listening, nor the firewall."
                .to_string();
        }
        let mut todo = Vec::new();
        let is_missing = self.settings.iter().any(|row| !row.ok);
        if !is_missing || self.findings.iter().any(|finding| finding.wrong) {
            todo.push("fix the items marked WRONG".to_string());
        }
        if is_missing {
            todo.push(format!("run 'ipvsadm {}' to set what is MISSING", self.command));
        }
        format!("Not ready: {}.", todo.join(", then "))
    }
}

/// Prints the reports as text.
pub fn print(reports: &[Report], out: &mut impl Write) -> io::Result<()> {
    for (n, report) in reports.iter().enumerate() {
        if n > 0 {
            writeln!(out)?;
        }
        report.print(out)?;
    }
    Ok(())
}

fn verdict(ok: bool, bad: &str) -> &str {
    if ok { "ok" } else { bad }
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(head);
    table
}

fn print_table(out: &mut impl Write, table: &Table) -> io::Result<()> {
    for line in table.lines() {
        writeln!(out, " {}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Invocation;
    use crate::cli::rs_setup::parse;
    use crate::host::fake::FakeHost;

    fn report(line: &str, host: &FakeHost) -> Report {
        let Ok(Invocation::Run(command)) = parse(&line.split(' ').collect::<Vec<_>>()) else {
            panic!("{line}");
        };
        let snapshot = host.observe(&real_server::query(&command.settings));
        let own_table = OwnTable::default();
        Report::new(&command.settings, &command.vips, &snapshot, &own_table).expect("observed")
    }

    fn text(line: &str, host: &FakeHost) -> String {
        let mut out = Vec::new();
        print(&[report(line, host)], &mut out).expect("printed");
        String::from_utf8(out).expect("text")
    }

    /// A host that is set up for direct routing.
    fn set_up() -> FakeHost {
        let mut host = FakeHost::default();
        for device in ["all", "lo"] {
            host.set(&format!("{device}/arp_ignore"), 1);
            host.set(&format!("{device}/arp_announce"), 2);
        }
        host.add_address("lo", "10.0.0.100/32", Some("lo:0"));
        host
    }

    #[test]
    fn a_host_that_is_set_up_is_ready() {
        let expected = "\
direct routing (-g) 10.0.0.100
 setting                         desired   current
 link lo                         up        up        ok
 net.ipv4.conf.all.arp_ignore    1         1         ok
 net.ipv4.conf.all.arp_announce  2         2         ok
 net.ipv4.conf.lo.arp_ignore     1         1         ok
 net.ipv4.conf.lo.arp_announce   2         2         ok
 10.0.0.100/32 on lo             present   present   ok

In effect (the larger value of all and the device):
 device  sysctl        all  own  in effect
 eth0    arp_ignore    1    0    1          ok
 eth0    arp_announce  2    0    2          ok
 eth1    arp_ignore    1    0    1          ok
 eth1    arp_announce  2    0    2          ok

All in place. It is not checked whether a service is listening, nor the firewall.
";
        let squeezed = |text: &str| {
            let lines = text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "));
            lines.collect::<Vec<_>>().join("\n")
        };
        let host = set_up();
        assert_eq!(squeezed(&text("--check 10.0.0.100", &host)), squeezed(expected));
        assert!(report("--check 10.0.0.100", &host).ok);
    }

    #[test]
    fn what_is_missing_is_set_by_a_command() {
        let text = text("--check --interface e;x 10.0.0.100 fd00::100", &FakeHost::default());
        assert!(text.starts_with("direct routing (-g --interface 'e;x') 10.0.0.100 fd00::100\n"));
        let line = " 10.0.0.100/32 on lo             present  absent   MISSING\n";
        assert!(text.contains(line), "{text}");
        let last = "\nNot ready: run 'ipvsadm rs-setup -g --interface 'e;x' 10.0.0.100 fd00::100' \
                    to set what is MISSING.\n";
        assert!(text.ends_with(last), "{text}");
    }

    #[test]
    fn what_is_wrong_comes_first() {
        let mut host = set_up();
        host.set("all/arp_ignore", 0);
        let text = text("--check 10.0.0.100", &host);
        assert!(text.contains(
            "WRONG: eth0 answers ARP for 10.0.0.100: clients bypass the director [arp-leak]\n       Run '"
        ));
        assert!(text.contains(" eth0    arp_ignore    0    0    0          WRONG\n"), "{text}");
        let last = "\n\nNot ready: fix the items marked WRONG, \
                    then run 'ipvsadm rs-setup -g 10.0.0.100' to set what is MISSING.\n";
        assert!(text.ends_with(last), "{text}");
        // Wrong, and nothing missing: by a finding, or by a value in effect.
        let mut host = set_up();
        host.add_address("eth0", "10.0.0.100/24", None);
        let last = "\n\nNot ready: fix the items marked WRONG.\n";
        assert!(self::text("--check 10.0.0.100", &host).ends_with(last));
        assert!(!report("--check 10.0.0.100", &host).ok);
    }

    #[test]
    fn a_note_does_not_make_a_host_unready() {
        let mut host = FakeHost::default();
        host.add_gateway("10.1.0.1", Some("eth1"));
        host.add_default_route(0, "10.1.0.1", "eth1");
        let text = text("--check -m --gateway 10.1.0.1 10.0.0.100", &host);
        assert!(text.starts_with("NAT (-m --gateway 10.1.0.1) 10.0.0.100\n"), "{text}");
        assert!(text.contains("\nnote: 10.0.0.100 is in 10.0.0.0/24, "), "{text}");
        assert!(text.contains("\n\nAll in place. "), "{text}");
        assert!(!text.contains("In effect"), "{text}");
        let without_vips = self::text("--check -m --gateway 10.1.0.1", &host);
        assert!(without_vips.starts_with("NAT (-m --gateway 10.1.0.1)\n"), "{without_vips}");
    }

    #[test]
    fn steps_that_only_preserve_are_shown_when_they_are_missing() {
        let mut host = set_up();
        host.set("eth1/arp_ignore", 5);
        let text = text("--check 10.0.0.100", &host);
        assert!(text.contains(" net.ipv4.conf.eth1.arp_ignore "), "{text}");
        assert!(!text.contains(" net.ipv4.conf.eth0.arp_ignore "), "{text}");
    }

    #[test]
    fn reports_are_separated_by_an_empty_line() {
        let host = set_up();
        let mut out = Vec::new();
        let reports = [(); 2].map(|()| report("--check 10.0.0.100", &host));
        print(&reports, &mut out).expect("printed");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text.matches("\n\ndirect routing (-g)").count(), 1);
    }

    #[test]
    fn the_json_form_has_ids() {
        let mut host = set_up();
        host.set("all/arp_ignore", 0);
        let json = serde_json::to_value(report("--check 10.0.0.100", &host)).expect("JSON");
        let setting = serde_json::json!({
            "id": "arp-leak",
            "what": "net.ipv4.conf.all.arp_ignore",
            "wanted": "1",
            "found": "0",
            "ok": false
        });
        assert_eq!(json["settings"][1], setting);
        let effect = serde_json::json!({
            "id": "arp-leak",
            "interface": "eth0",
            "setting": "arp_ignore",
            "all": 0,
            "own": 0,
            "in_effect": 0,
            "ok": false
        });
        assert_eq!(json["in_effect"][0], effect);
        let finding = &json["findings"][0];
        assert_eq!((&finding["id"], &finding["severity"]), (&"arp-leak".into(), &"wrong".into()));
        assert_eq!((&finding["wrong"], &finding["subject"]), (&true.into(), &"eth0".into()));
        assert!(finding["text"].is_string() && finding["advice"].is_string());
        assert_eq!((&json["ok"], &json["method"]), (&false.into(), &"direct routing".into()));
        assert_eq!(json["options"], serde_json::json!(["-g"]));
        assert_eq!(json["vips"], serde_json::json!(["10.0.0.100"]));
        assert_eq!(json.as_object().expect("an object").len(), 7);
    }
}
