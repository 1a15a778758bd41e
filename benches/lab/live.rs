//! A table in use: `apply` and restores of large files, and the time in which new connections were
//! refused during them.

use crate::process::{self, Player, done, median, run};
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

/// The rules of the service that the client connects to, in the middle of the file.
const PROBED: &str =
    "-A -t 10.200.0.100:80 -s rr\n-a -t 10.200.0.100:80 -r 10.200.0.1:8080 -m -w 1\n";

/// Writes a file of rules with the probed service, in which this many real servers have another
/// weight. Returns the number of these.
fn variant(services: usize, servers: usize, changed: usize) -> (PathBuf, usize) {
    let mut text = rules(services, servers);
    let middle = text.match_indices("-A ").nth(services / 2).map_or(0, |(at, _)| at);
    text.insert_str(middle, PROBED);
    let mut left = changed;
    let lines = text.lines().map(|line| match line.strip_suffix(" -w 1") {
        Some(rest) if left > 0 && !PROBED.contains(line) => {
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

/// A director that is its own real server, and a client that connects to the VIP over a veth pair.
struct Site {
    prober: Child,
    _server: std::thread::JoinHandle<()>,
}

impl Site {
    fn new() -> Site {
        fresh();
        support::sh(
            "ip netns delete client 2>/dev/null || true
             ip netns add client
             ip link add front type veth peer name front netns client
             ip address add 10.200.0.1/24 dev front
             ip address add 10.200.0.100/32 dev front
             ip link set front up
             ip -n client address add 10.200.0.2/24 dev front
             ip -n client link set front up",
        );
        let listener = TcpListener::bind("10.200.0.1:8080").expect("a server");
        let server = std::thread::spawn(move || {
            for connection in listener.incoming() {
                drop(connection);
            }
        });
        let me = std::env::current_exe().expect("this program's own path");
        let prober = Command::new("ip")
            .args(["netns", "exec", "client"])
            .arg(me)
            .args(["probe", VIP])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a client");
        Site { prober, _server: server }
    }

    /// Returns the seconds in which connections were refused, after the first that succeeded.
    fn refused_seconds(mut self) -> f64 {
        drop(self.prober.stdin.take());
        let output = self.prober.wait_with_output().expect("the client's end");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.trim().parse::<f64>().unwrap_or_else(|_| panic!("the client printed {text:?}")) / 1e9
    }
}

/// Connects repeatedly until standard input ends. Prints the total nanoseconds from the first
/// refusal of a series to the next success.
pub fn probe(address: &str) {
    let address: SocketAddr = address.parse().expect("an address");
    let ended = Arc::new(AtomicBool::new(false));
    let setter = Arc::clone(&ended);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        setter.store(true, Ordering::Relaxed);
    });
    let (mut connected, mut since, mut refused) = (false, None, Duration::ZERO);
    while !ended.load(Ordering::Relaxed) || (connected && since.is_some()) {
        let start = Instant::now();
        match TcpStream::connect_timeout(&address, Duration::from_millis(500)) {
            Ok(_) => {
                connected = true;
                refused += since.take().map_or(Duration::ZERO, |since: Instant| since.elapsed());
            }
            Err(_) if connected => {
                since.get_or_insert(start);
            }
            Err(_) => {}
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(connected, "no connection succeeded");
    println!("{}", refused.as_nanos());
}

/// Runs of each slow measurement.
const RUNS: usize = 3;

pub fn live(bench: &mut Bench) {
    let (services, servers) = (bench.sized(10_000), 4);
    let size = number(services * (servers + 1));
    let (same, _) = variant(services, servers, 0);
    let (other, changed) = variant(services, servers, 10);
    assert_eq!(changed, 10);

    let site = Site::new();
    done(Player::Ours, "-R", &same);
    std::thread::sleep(Duration::from_millis(100));
    let mut times = [vec![], vec![], vec![]];
    let apply = |rules: &Path| {
        let sample = run(&Player::Ours.program(), "apply -", rules);
        assert_eq!(sample.status, 0, "{:?}", std::fs::read_to_string(process::err()));
        sample.seconds
    };
    for round in 0..bench.rounds() {
        times[0].push(done(Player::Ours, "-Ln", process::nothing()).seconds);
        let (now, next) = if round % 2 == 0 { (&same, &other) } else { (&other, &same) };
        times[1].push(apply(now));
        times[2].push(apply(next));
    }
    let refused = site.refused_seconds();
    let [list, unchanged, ten] = times.map(median);
    let mut row = |work: String, seconds: f64| {
        let row = Row::time(work, None, seconds).floor(list, seconds / list).at_most(1.5);
        bench.report.rows.push(row);
    };
    row(format!("apply to {size} rules, no change (floor: -Ln)"), unchanged);
    row(format!("apply to {size} rules, 10 changes (floor: -Ln)"), ten);
    let refused = Row::time("  new connections refused for, in total", None, refused);
    bench.report.rows.push(refused.limit(0.0));

    restores(bench, &size, &same);
    for file in [same, other] {
        let _ = std::fs::remove_file(file);
    }
    hundred_thousand(bench);
}

/// Restores the current table, with both programs.
fn restores(bench: &mut Bench, size: &str, rules: &Path) {
    let mut figures = [vec![], vec![], vec![], vec![]];
    for _ in 0..RUNS {
        for player in Player::PROGRAMS {
            let site = Site::new();
            done(Player::Ours, "-R", rules);
            std::thread::sleep(Duration::from_millis(100));
            let program = match player {
                Player::Classic => support::oracle_program("ipvsadm-restore"),
                _ => support::program("ipvsadm-restore"),
            };
            let sample = run(&program, "", rules);
            assert_eq!(sample.status, 0, "{:?}", std::fs::read_to_string(process::err()));
            figures[player as usize].push(sample.seconds);
            figures[2 + player as usize].push(site.refused_seconds());
        }
    }
    let [classic, ours, refused_classic, refused_ours] = figures.map(median);
    let rows = &mut bench.report.rows;
    rows.push(Row::time(format!("ipvsadm-restore over {size} rules"), Some(classic), ours));
    let work = "  new connections refused for";
    rows.push(Row::time(work, Some(refused_classic), refused_ours));
}

/// Measures time and memory at the largest size.
fn hundred_thousand(bench: &mut Bench) {
    let (services, servers) = (bench.sized(10_000), 9);
    let (same, _) = variant(services, servers, 0);
    let half = services * (servers + 1) / 2;
    let mut figures: [Vec<[f64; 2]>; 4] = Default::default();
    let variants = [variant(services, servers, 1).0, variant(services, servers, half).0];
    for _ in 0..RUNS {
        fresh();
        let mut measure = |at: usize, args: &str, stdin: &Path| {
            let sample = done(Player::Ours, args, stdin);
            figures[at].push([sample.seconds, sample.peak]);
        };
        measure(0, "-R", &same);
        measure(1, "-S -n", process::nothing());
        measure(2, "apply -", &variants[0]);
        done(Player::Ours, "apply -", &same);
        measure(3, "apply -", &variants[1]);
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
