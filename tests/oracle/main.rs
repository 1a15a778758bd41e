//! The random tester: runs our programs and ipvsadm 1.31 with the same command lines on the same
//! tables, and compares.
//!
//! It prints a script for each unexplained difference, and then a line with the counts. The exit
//! status is 1 when there was a difference. Case N of seed S is the same in every run.
//!
//! Environment, with defaults: ORACLE_CASES (300), ORACLE_SEED (1, or a list: 1,2,3), ORACLE_KERNELS
//! (2 lab kernels at once), ORACLE_CASE=SEED:N (a single case), ORACLE_SHOW (20 scripts at most),
//! ORACLE_TIME (3000 seconds for each kernel), IPVSADM_BIN_DIR (the folder of our programs).
//!
//! Without ORACLE_CASES the tester first checks itself: it must find the faults of the program `liar`.
//! With IPVSADM_BIN_DIR=/usr/sbin, which compares the oracle with itself, it must find none.

mod compare;
mod differences;
mod dump;
mod excuses;
mod generate;
mod grammar;
mod lines;
mod meant;
mod mutate;
mod report;
#[path = "../support/mod.rs"]
mod support;
mod tables;
mod values;

use compare::{ASPECTS, Bench, HUNG, Side};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// The cases to run; the same plan outside and inside the lab.
struct Plan {
    cases: u64,
    seeds: Vec<u64>,
    only: Option<(u64, u64)>,
    show: u64,
}

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Err(_) => default,
        Ok(text) => {
            text.trim().parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}"))
        }
    }
}

impl Plan {
    fn from_env() -> Plan {
        let seeds = std::env::var("ORACLE_SEED").unwrap_or_else(|_| "1".into());
        let number =
            |t: &str| -> u64 { t.trim().parse().unwrap_or_else(|_| panic!("not a number: {t:?}")) };
        Plan {
            cases: setting("ORACLE_CASES", 300),
            seeds: seeds.split(',').map(number).collect(),
            only: std::env::var("ORACLE_CASE").ok().map(|text| {
                let (seed, n) = text.split_once(':').expect("ORACLE_CASE=SEED:N");
                (number(seed), number(n))
            }),
            show: setting("ORACLE_SHOW", 20),
        }
    }

    /// Returns all cases as pairs of seed and number; the seeds alternate.
    fn all(&self) -> Vec<(u64, u64)> {
        if let Some(one) = self.only {
            return vec![one];
        }
        let many = self.seeds.len() as u64;
        (0..self.cases).map(|i| (self.seeds[(i % many) as usize], i / many)).collect()
    }
}

fn main() -> ExitCode {
    if std::env::args().any(|a| a == "--list") {
        return ExitCode::SUCCESS;
    }
    let plan = Plan::from_env();
    match support::in_lab() {
        true => inside(&plan),
        false => outside(&plan),
    }
}

/// The counts of a run. A lab kernel reports them as lines `name<TAB>count`.
type Counts = BTreeMap<String, u64>;

fn outside(plan: &Plan) -> ExitCode {
    let kernels = match plan.only {
        Some(_) => 1,
        None => setting("ORACLE_KERNELS", 2).clamp(1, plan.cases.max(1)),
    };
    if std::env::var_os("ORACLE_CASES").is_none() && plan.only.is_none() && !finds_a_liar() {
        return ExitCode::FAILURE;
    }
    let began = std::time::Instant::now();
    let (mut counts, complete) = in_labs(kernels, &[]);
    let remove = |counts: &mut Counts, name: &str| counts.remove(name).unwrap_or(0);
    let cases = remove(&mut counts, "cases");
    let changed = remove(&mut counts, "changed");
    let failed = remove(&mut counts, "failed");
    let differences = remove(&mut counts, "differences");
    let mut kinds = Vec::new();
    for kind in counts.keys().filter_map(|k| k.strip_prefix("kind ")).collect::<Vec<_>>() {
        let count = |what: &str| counts.get(&format!("{what} {kind}")).copied().unwrap_or(0);
        kinds.push(format!("{kind} {} ({} fail)", count("kind"), count("fail")));
    }
    counts.retain(|name, _| !["kind ", "fail ", "aspect "].iter().any(|p| name.starts_with(p)));
    println!("oracle: kinds: {}", kinds.join(", "));
    let meant: Vec<String> = counts.iter().map(|(n, c)| format!("{n} {c}")).collect();
    println!(
        "oracle: {cases} cases (seeds {:?}), {changed} changed the table, {failed} failed by 1.31, {} s; \
         {differences} unexplained differences; meant: {}",
        plan.seeds,
        began.elapsed().as_secs(),
        if meant.is_empty() { "none".into() } else { meant.join(", ") },
    );
    match complete && differences == 0 && cases == plan.all().len() as u64 {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Runs this program in several lab kernels at once. Returns the sums of their counts, and true when
/// all succeeded.
fn in_labs(kernels: u64, env: &[(&str, &OsStr)]) -> (Counts, bool) {
    let me = std::env::current_exe().expect("this program's own path");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let running: Vec<_> = (0..kernels)
        .map(|part| {
            let results = folder.path().join(part.to_string());
            Command::new(support::project().join("lab/run"))
                .args(["--time", &setting("ORACLE_TIME", 3000).to_string(), "--results"])
                .arg(&results)
                .arg("--")
                .arg(&me)
                .env("ORACLE_PART", part.to_string())
                .env("ORACLE_PARTS", kernels.to_string())
                .envs(env.iter().copied())
                .stdin(Stdio::null())
                .spawn()
                .map(|child| (child, results))
                .expect("the lab starts")
        })
        .collect();
    let mut counts = Counts::new();
    let mut complete = true;
    for (mut child, results) in running {
        complete &= child.wait().expect("a child").success();
        match std::fs::read_to_string(results.join("counts")) {
            Ok(text) => {
                for line in text.lines() {
                    let (name, count) = line.split_once('\t').expect("name and count");
                    *counts.entry(name.to_string()).or_default() +=
                        count.parse::<u64>().expect("a count");
                }
            }
            Err(e) => {
                eprintln!("oracle: no counts from a lab kernel: {e}");
                complete = false;
            }
        }
    }
    (counts, complete)
}

/// Returns true when the tester finds the faults of a program that has one in each aspect.
fn finds_a_liar() -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let liar = support::project().join("tests/oracle/liar");
    std::os::unix::fs::symlink(liar, folder.path().join("ipvsadm")).expect("a link");
    for name in ["ipvsadm-save", "ipvsadm-restore"] {
        let script = support::oracle_program(name);
        std::os::unix::fs::symlink(script, folder.path().join(name)).expect("a link");
    }
    let (counts, _) = in_labs(
        1,
        &[
            ("IPVSADM_BIN_DIR", folder.path().as_os_str()),
            ("ORACLE_CASES", OsStr::new("60")),
            ("ORACLE_SHOW", OsStr::new("0")),
        ],
    );
    let found = ASPECTS.iter().all(|a| counts.contains_key(&format!("aspect {a}")));
    if !found {
        eprintln!("oracle: the tester missed faults of tests/oracle/liar: {counts:?}");
    }
    found
}

/// Adds names to the lab's files, which are a copy, and loads the kernel modules.
fn prepare() {
    let append = |path: &str, text: &str| {
        let mut file = std::fs::OpenOptions::new().append(true).open(path).expect(path);
        file.write_all(text.as_bytes()).expect(path);
    };
    assert!(support::in_lab(), "this runs in the lab only");
    append("/etc/hosts", &format!("\n{}", tables::HOSTS));
    append("/etc/services", &format!("\n{}", tables::SERVICES));
    std::fs::write("/etc/nsswitch.conf", "hosts: files\nservices: files\nprotocols: files\n")
        .expect("nsswitch");
    support::sh("modprobe ip_vs; modprobe dummy; modprobe ip_vs_pe_sip");
}

fn inside(plan: &Plan) -> ExitCode {
    prepare();
    let (part, parts) = (setting("ORACLE_PART", 0), setting("ORACLE_PARTS", 1));
    let mut bench = Bench::new();
    let mut counts = Counts::new();
    let mut add = |name: &str| *counts.entry(name.to_string()).or_default() += 1;
    let mut shown = 0;
    let mut bad = false;
    for (i, (seed, n)) in plan.all().into_iter().enumerate() {
        if i as u64 % parts != part {
            continue;
        }
        let case = generate::case(seed, n);
        let start = bench.begin(&case);
        let oracle = bench.run(&case, &Side::Oracle);
        let mut ours = bench.run(&case, &Side::Ours);
        for _ in 0..3 {
            // The oracle sometimes hangs, and in the self-check it is on both sides.
            if ours.status == HUNG {
                ours = bench.run(&case, &Side::Ours);
            }
        }
        add("cases");
        add(&format!("kind {}", case.kind));
        if oracle.table != start {
            add("changed");
        }
        if oracle.status != 0 {
            add("failed");
            add(&format!("fail {}", case.kind));
        }
        if plan.only.is_some() {
            println!("{}", report::script(&case, &oracle, &ours));
        }
        if oracle.differs(&ours).is_empty() {
            continue;
        }
        let names = differences::explain(&case, &start, &oracle, &ours, |rewritten| {
            bench.run(rewritten, &Side::Oracle)
        });
        match names {
            Some(names) => names.into_iter().for_each(&mut add),
            None => {
                bad = true;
                add("differences");
                for aspect in oracle.differs(&ours) {
                    add(&format!("aspect {aspect}"));
                }
                shown += 1;
                if shown <= plan.show && plan.only.is_none() {
                    println!("{}", report::script(&case, &oracle, &ours));
                }
            }
        }
    }
    let text: String = counts.iter().map(|(n, c)| format!("{n}\t{c}\n")).collect();
    std::fs::write(Path::new("/results/counts"), text).expect("the results folder");
    match bad {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}
