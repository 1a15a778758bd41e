//! What --check says: the steps of the plan beside the host, the values in effect on each network
//! card, and what works against the set-up. Pure, but for the writing.

use super::plan::{self, ARP_IGNORE, conf};
use super::settings::{Method, RpFilter, Settings};
use crate::diagnose::real_server::{self as findings, Finding};
use crate::host::observed::Observed;
use crate::setup::step::PlanStep;
use comfy_table::{Table, presets};
use serde::Serialize;
use std::io::{self, Write};
use std::net::IpAddr;

/// The state of one set-up.
#[derive(Debug, Serialize)]
pub struct Report {
    pub method: &'static str,
    pub options: Vec<String>,
    pub vips: Vec<IpAddr>,
    pub ok: bool,
    pub settings: Vec<Row>,
    pub in_effect: Vec<Effect>,
    pub findings: Vec<Finding>,
}

/// One step of the plan beside the host.
#[derive(Debug, Serialize)]
pub struct Row {
    pub what: String,
    pub wanted: String,
    pub found: String,
    pub ok: bool,
}

/// A setting on a network card, where the larger of `all` and the card's own counts.
#[derive(Debug, Serialize)]
pub struct Effect {
    pub interface: String,
    pub setting: &'static str,
    pub all: i64,
    pub own: i64,
    pub in_effect: i64,
    pub ok: bool,
}

impl Report {
    pub fn new(settings: &Settings, vips: &[IpAddr], seen: &Observed) -> Report {
        let plan = plan::plan(settings, vips, seen);
        let mut report = Report {
            method: settings.title(),
            options: settings.words(),
            vips: vips.to_vec(),
            ok: false,
            settings: plan
                .steps
                .iter()
                .filter(|step| !(step.incidental && step.in_place()))
                .map(row)
                .collect(),
            in_effect: effects(settings, vips, seen),
            findings: findings::findings(settings, vips, seen),
        };
        report.ok = report.settings.iter().all(|row| row.ok)
            && report.in_effect.iter().all(|effect| effect.ok)
            && !report.findings.iter().any(|finding| finding.wrong);
        report
    }

    pub fn good(&self) -> bool {
        self.ok
    }
}

fn row(step: &PlanStep) -> Row {
    Row {
        what: step.what.to_string(),
        wanted: step.wanted.text(&step.what),
        found: step.found.text(&step.what),
        ok: step.in_place(),
    }
}

fn effects(settings: &Settings, vips: &[IpAddr], seen: &Observed) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut add = |interface: &str, setting, good: &dyn Fn(i64) -> bool| {
        let all = seen.number(&conf(false, "all", setting));
        let own = seen.number(&conf(false, interface, setting));
        let in_effect = all.max(own);
        let interface = interface.to_string();
        effects.push(Effect { interface, setting, all, own, in_effect, ok: good(in_effect) });
    };
    let any4 = vips.iter().any(|vip| vip.is_ipv4());
    if let Method::Masquerading { .. } = settings.method {
        return effects;
    }
    if !any4 {
        return effects;
    }
    for link in seen.links.iter().filter(|link| link.arp && link.up) {
        if !settings.interfaces.is_empty() && !settings.interfaces.contains(&link.name) {
            continue;
        }
        add(&link.name, "arp_ignore", &|value| ARP_IGNORE.contains(&value));
        add(&link.name, "arp_announce", &|value| value >= 2);
    }
    if let Method::Ipip(tunnel) = &settings.method {
        for device in vips.iter().filter(|vip| vip.is_ipv4()).map(|&vip| tunnel.device(vip)).take(1)
        {
            add(device.name, "rp_filter", &|value| match tunnel.rp_filter {
                RpFilter::Off => value == 0,
                RpFilter::Loose => value == 2,
            });
        }
    }
    effects
}

/// All reports for people.
pub fn tables(reports: &[Report], out: &mut impl Write) -> io::Result<()> {
    for (n, report) in reports.iter().enumerate() {
        if n > 0 {
            writeln!(out)?;
        }
        let vips: Vec<String> = report.vips.iter().map(IpAddr::to_string).collect();
        let words = report.options.iter().chain(&vips).cloned().collect::<Vec<_>>().join(" ");
        let head = format!("{} ({}) {}", report.method, report.options.join(" "), vips.join(" "));
        writeln!(out, "{}", head.trim_end())?;
        let mut table = table(&["setting", "wanted", "found", ""]);
        for row in &report.settings {
            table.add_row([&row.what, &row.wanted, &row.found, &verdict(row.ok, "MISSING")]);
        }
        write_table(out, &table)?;
        if !report.in_effect.is_empty() {
            writeln!(out, "\nIn effect (the larger of all and the card's own):")?;
            let mut table = self::table(&["card", "setting", "all", "own", "in effect", ""]);
            for e in &report.in_effect {
                table.add_row([
                    e.interface.clone(),
                    e.setting.to_string(),
                    e.all.to_string(),
                    e.own.to_string(),
                    e.in_effect.to_string(),
                    verdict(e.ok, "WRONG"),
                ]);
            }
            write_table(out, &table)?;
        }
        if !report.findings.is_empty() {
            writeln!(out)?;
        }
        for finding in &report.findings {
            let mark = if finding.wrong { "WRONG" } else { "note" };
            writeln!(out, "{mark}: {}\n       {}", finding.text, finding.advice)?;
        }
        let missing = !report.settings.iter().all(|row| row.ok);
        let wrong = report.findings.iter().any(|finding| finding.wrong);
        let makes = format!("`ipvsadm rs-setup {words}' makes what is MISSING.");
        let result = match (report.ok, missing, wrong) {
            (true, ..) => {
                "All in place. Resource listens there, and the firewall, are not looked at.".into()
            }
            (_, true, false) => format!("Not ready: {makes}"),
            (_, true, true) => format!("Not ready: mend what is WRONG; {makes}"),
            (_, false, _) => "Not ready: mend what is WRONG.".into(),
        };
        writeln!(out, "\n{result}")?;
    }
    Ok(())
}

fn verdict(ok: bool, bad: &str) -> String {
    if ok { "ok".to_string() } else { bad.to_string() }
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(head);
    table
}

fn write_table(out: &mut impl Write, table: &Table) -> io::Result<()> {
    for line in table.lines() {
        writeln!(out, " {}", line.trim_end())?;
    }
    Ok(())
}
