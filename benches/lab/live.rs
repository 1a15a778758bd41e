//! A table that is in use: `apply` and restores of large files, and for how long a new connection was
//! refused meanwhile.

use crate::process::{self, Who, done, median, run};
use crate::report::Row;
use crate::tables::rules;
use crate::{Bench, file, fresh, number, support};
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const VIP: &str = "10.200.0.100:80";

/// The service that is asked for, in the middle of the file.
const ASKED: &str =
    "-A -t 10.200.0.100:80 -s rr\n-a -t 10.200.0.100:80 -r 10.200.0.1:8080 -m -w 1\n";

/// A file of rules with the service that is asked for, and so many servers of another weight.
fn variant(services: usize, servers: usize, changed: usize) -> (PathBuf, usize) {
    let mut text = rules(services, servers);
    let middle = text.match_indices("-A ").nth(services / 2).map_or(0, |(at, _)| at);
    text.insert_str(middle, ASKED);
    let mut left = changed;
    let lines = text.lines().map(|line| match line.strip_suffix(" -w 1") {
        Some(rest) if left > 0 && !ASKED.contains(line) => {
            left -= 1;
            format!("{rest} -w 2\n")
        }
        _ => format!("{line}\n"),
    });
    let text: String = lines.collect();
    let path = file(&format!("live-{services}x{servers}-{changed}"));
    std::fs::write(&path, text).expect("the rules");
    (path, changed - left)
}

/// A director with a client on a cable, and a server of its own behind the VIP.
struct Site {
    prober: Child,
    _server: std::thread::JoinHandle<()>,
}

impl Site {
    fn new() -> Site {
        fresh();
        support::sh(
            "ip netns delete asks 2>/dev/null || true
             ip netns add asks
             ip link add front type veth peer name front netns asks
             ip address add 10.200.0.1/24 dev front
             ip address add 10.200.0.100/32 dev front
             ip link set front up
             ip -n asks address add 10.200.0.2/24 dev front
             ip -n asks link set front up",
        );
        let listener = TcpListener::bind("10.200.0.1:8080").expect("a server");
        let server = std::thread::spawn(move || {
            for connection in listener.incoming() {
                drop(connection);
            }
        });
        let me = std::env::current_exe().expect("this program's own path");
        let prober = Command::new("ip")
            .args(["netns", "exec", "asks"])
            .arg(me)
            .args(["probe", VIP])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a client");
        Site { prober, _server: server }
    }

    /// Seconds in which connections were refused, of those since the first that was not.
    fn refused(mut self) -> f64 {
        drop(self.prober.stdin.take());
        let output = self.prober.wait_with_output().expect("the client's end");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.trim().parse::<f64>().unwrap_or_else(|_| panic!("the client said {said:?}")) / 1e9
    }
}

/// Connect again and again until standard input ends; prints the nanoseconds from the first refusal
/// of a row to the success behind it, summed up.
pub fn probe(address: &str) {
    let address: SocketAddr = address.parse().expect("an address");
    let over = Arc::new(AtomicBool::new(false));
    let watched = Arc::clone(&over);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        watched.store(true, Ordering::Relaxed);
    });
    let (mut seen, mut since, mut refused) = (false, None, Duration::ZERO);
    while !over.load(Ordering::Relaxed) || (seen && since.is_some()) {
        let begun = Instant::now();
        match TcpStream::connect_timeout(&address, Duration::from_millis(500)) {
            Ok(_) => {
                seen = true;
                refused += since.take().map_or(Duration::ZERO, |since: Instant| since.elapsed());
            }
            Err(_) if seen => {
                since.get_or_insert(begun);
            }
            Err(_) => {}
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(seen, "no connection was ever made");
    println!("{}", refused.as_nanos());
}

/// Runs of what takes long.
const RUNS: usize = 3;

pub fn live(bench: &mut Bench) {
    let (services, servers) = (bench.sized(10_000), 4);
    let size = number(services * (servers + 1));
    let (same, _) = variant(services, servers, 0);
    let (other, changed) = variant(services, servers, 10);
    assert_eq!(changed, 10);

    let site = Site::new();
    done(Who::Ours, "-R", &same);
    std::thread::sleep(Duration::from_millis(100));
    let mut times = [vec![], vec![], vec![]];
    let apply = |rules: &Path| {
        let sample = run(&Who::Ours.program(), "apply -", rules);
        assert_eq!(sample.status, 0, "{:?}", std::fs::read_to_string(process::err()));
        sample.seconds
    };
    for round in 0..bench.rounds() {
        times[0].push(done(Who::Ours, "-Ln", process::nothing()).seconds);
        let (now, next) = if round % 2 == 0 { (&same, &other) } else { (&other, &same) };
        times[1].push(apply(now));
        times[2].push(apply(next));
    }
    let refused = site.refused();
    let [list, unchanged, ten] = times.map(median);
    let mut row = |work: String, seconds: f64| {
        let row = Row::time(work, None, seconds).floor(list, seconds / list).at_most(1.5);
        bench.report.rows.push(row);
    };
    row(format!("apply to {size} rules, no change (floor: -Ln)"), unchanged);
    row(format!("apply to {size} rules, 10 changes (floor: -Ln)"), ten);
    let refused = Row::time("  a new connection refused meanwhile, in all", None, refused);
    bench.report.rows.push(refused.limit(0.0));

    restores(bench, &size, &same);
    for file in [same, other] {
        let _ = std::fs::remove_file(file);
    }
    hundred_thousand(bench);
}

/// The restore of the table that is there, by both.
fn restores(bench: &mut Bench, size: &str, rules: &Path) {
    let mut figures = [vec![], vec![], vec![], vec![]];
    for _ in 0..RUNS {
        for who in Who::PROGRAMS {
            let site = Site::new();
            done(Who::Ours, "-R", rules);
            std::thread::sleep(Duration::from_millis(100));
            let program = match who {
                Who::Classic => support::oracle_program("ipvsadm-restore"),
                _ => support::program("ipvsadm-restore"),
            };
            let sample = run(&program, "", rules);
            assert_eq!(sample.status, 0, "{:?}", std::fs::read_to_string(process::err()));
            figures[who as usize].push(sample.seconds);
            figures[2 + who as usize].push(site.refused());
        }
    }
    let [classic, ours, refused_classic, refused_ours] = figures.map(median);
    let rows = &mut bench.report.rows;
    rows.push(Row::time(format!("ipvsadm-restore over {size} rules"), Some(classic), ours));
    let work = "  a new connection refused meanwhile";
    rows.push(Row::time(work, Some(refused_classic), refused_ours));
}

/// Time and memory at the largest size.
fn hundred_thousand(bench: &mut Bench) {
    let (services, servers) = (bench.sized(10_000), 9);
    let (same, _) = variant(services, servers, 0);
    let half = services * (servers + 1) / 2;
    let mut figures: [Vec<[f64; 2]>; 4] = Default::default();
    let variants = [variant(services, servers, 1).0, variant(services, servers, half).0];
    for _ in 0..RUNS {
        fresh();
        let mut take = |at: usize, args: &str, stdin: &Path| {
            let sample = done(Who::Ours, args, stdin);
            figures[at].push([sample.seconds, sample.peak]);
        };
        take(0, "-R", &same);
        take(1, "-S -n", process::nothing());
        take(2, "apply -", &variants[0]);
        done(Who::Ours, "apply -", &same);
        take(3, "apply -", &variants[1]);
    }
    let size = number(services * (servers + 1));
    let works = [
        format!("load {size} rules"),
        format!("save {size} rules"),
        format!("apply to {size} rules, 1 change"),
        format!("apply to {size} rules, {} changes", number(half)),
    ];
    for (work, samples) in works.into_iter().zip(figures) {
        let [seconds, peak] = [0, 1].map(|n| median(samples.iter().map(|s| s[n]).collect()));
        bench.report.rows.push(Row::time(work, None, seconds));
        bench.report.rows.push(Row::own_memory("  its peak memory", peak));
    }
    for file in variants.into_iter().chain([same]) {
        let _ = std::fs::remove_file(file);
    }
}
