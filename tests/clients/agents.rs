//! Agents that write tables and read them back: Octavia's amphora agent, Salt's lvs module, zstack's
//! virtual router, and CTDB. Their parsers are reimplemented here.

use crate::counters::Shim;
use crate::lab::{Place, shell, with_ours_at_sbin};
use crate::support::{Test, ipvsadm_with, program};
use std::collections::HashMap;

pub const TESTS: &[Test] = &[
    ("octavia_amphora_agent", || with_ours_at_sbin(octavia)),
    ("salt_lvs_module", || with_ours_at_sbin(salt)),
    ("zstack_vyos", || with_ours_at_sbin(zstack)),
    ("ctdb", || with_ours_at_sbin(ctdb)),
];

type Row = HashMap<String, String>;

/// Parses a list as Octavia does: blanks separate words, and the two header lines name the columns of
/// services and servers.
fn octavia_rows(output: &str) -> (Vec<Row>, Vec<Row>) {
    let (mut service_columns, mut server_columns) = (Vec::new(), Vec::new());
    let (mut services, mut servers) = (Vec::new(), Vec::new());
    let row = |columns: &Vec<String>, words: &[&str]| -> Row {
        columns.iter().cloned().zip(words.iter().map(|w| w.to_string())).collect()
    };
    for line in output.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let owned = || words.iter().map(|w| w.to_string()).collect::<Vec<_>>();
        if words.contains(&"Prot") && words.contains(&"LocalAddress:Port") {
            service_columns = owned();
        } else if words.first() == Some(&"->") && line.contains("RemoteAddress:Port") {
            server_columns = owned();
        } else if words.first() == Some(&"->") {
            servers.push(row(&server_columns, &words));
        } else if matches!(words.first(), Some(&("TCP" | "UDP" | "SCTP"))) {
            services.push(row(&service_columns, &words));
        }
    }
    (services, servers)
}

fn octavia(place: &Place) {
    ipvsadm_with(
        "-R",
        "-A -u 10.0.0.100:53 -s rr -p 360\n\
         -a -u 10.0.0.100:53 -r 10.0.0.11:5353 -m -w 2\n\
         -a -u 10.0.0.100:53 -r 10.0.0.12:5353 -m -w 0\n\
         -A -u [fd00::100]:53 -s wlc\n\
         -a -u [fd00::100]:53 -r [fd00::11]:53 -m\n",
    )
    .ok();
    let ran = shell("/usr/sbin/ipvsadm -Ln");
    assert_eq!(ran.status, 0); // Octavia raises an exception for any other status
    let (services, servers) = octavia_rows(&ran.out);
    assert_eq!(services.len(), 2);
    assert_eq!(services[0]["Prot"], "UDP");
    assert_eq!(services[0]["LocalAddress:Port"], "10.0.0.100:53");
    assert_eq!(services[0]["Scheduler"], "rr");
    assert_eq!(services[0]["Flags"], "persistent");
    assert_eq!(services[1]["LocalAddress:Port"], "[fd00::100]:53");
    assert_eq!(servers.len(), 3);
    for (server, address, weight) in [
        (&servers[0], "10.0.0.11:5353", "2"),
        (&servers[1], "10.0.0.12:5353", "0"),
        (&servers[2], "[fd00::11]:53", "1"),
    ] {
        assert_eq!(server["RemoteAddress:Port"], address);
        assert_eq!(server["Forward"], "Masq");
        assert_eq!(server["Weight"], weight);
        assert_eq!(server["ActiveConn"], "0");
        assert_eq!(server["InActConn"], "0");
    }

    let shim = Shim::build(place.path());
    let numbers = [3, 4_000_000_000, 70_000_000_000, 123_456_789_012, 5];
    let ran = shim.run(&program("ipvsadm"), "-Ln --stats --exact", &numbers);
    assert_eq!(ran.status, 0);
    let (services, _) = octavia_rows(&ran.out);
    let values = |row: &Row| {
        ["Conns", "InPkts", "OutPkts", "InBytes", "OutBytes"]
            .map(|c| row[c].parse::<u64>().expect(c))
    };
    // Counter k of port 53 is the element (53 + k) mod 5 of `numbers`.
    assert_eq!(values(&services[0]), [5, 3, 4_000_000_000, 70_000_000_000, 123_456_789_012]);
    assert_eq!(values(&services[1]), values(&services[0]));
}

fn salt(_: &Place) {
    let salt = |line: &str| shell(&format!("/sbin/ipvsadm {line}"));
    // Salt writes two blanks after the command.
    salt("-A  -t 10.0.0.100:80 -s rr").ok();
    salt("-a  -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 1").ok();
    salt("-a  -t 10.0.0.100:80 -r 10.0.0.12:80 -i").ok();
    let ran = salt("-A  -t 10.0.0.100:80 -s rr");
    // Salt shows the user the trimmed stderr.
    assert_ne!(ran.status, 0);
    assert_eq!(ran.err.trim(), "Service already exists");
    let ran = salt("-D  -t 10.0.0.200:80");
    assert_ne!(ran.status, 0);
    assert_eq!(ran.err.trim(), "No such service");
    let ran = salt("-a  -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 1");
    assert_ne!(ran.status, 0);
    assert_eq!(ran.err.trim(), "Destination already exists");
    let ran = salt("-e  -t 10.0.0.100:80 -r 10.0.0.77:80 -g -w 1");
    assert_ne!(ran.status, 0);
    assert_eq!(ran.err.trim(), "No such destination");

    // check_service and check_server search this output for the text of a rule.
    let rules = || salt("-S -n").ok();
    assert!(rules().contains("-A -t 10.0.0.100:80"));
    assert!(rules().contains("-A -t 10.0.0.100:80 -s rr"));
    assert!(rules().contains("-t 10.0.0.100:80 -r 10.0.0.11:80"));
    assert!(rules().contains("-t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 1"));
    assert!(rules().contains("-t 10.0.0.100:80 -r 10.0.0.12:80 -i -w 1"));
    assert!(!rules().contains("-A -t 10.0.0.200:80"));

    salt("-E  -t 10.0.0.100:80 -s wrr -p 300").ok();
    assert!(rules().contains("-A -t 10.0.0.100:80 -s wrr -p 300"));
    salt("-e  -t 10.0.0.100:80 -r 10.0.0.11:80 -m -w 30").ok();
    assert!(rules().contains("-t 10.0.0.100:80 -r 10.0.0.11:80 -m -w 30"));
    salt("-d  -t 10.0.0.100:80 -r 10.0.0.12:80").ok();
    assert!(!rules().contains("10.0.0.12"));
    salt("-Z -t 10.0.0.100:80").ok();
    salt("-Z").ok();
    assert!(salt("-L -n").ok().contains("  -> 10.0.0.11:80                 Masq    30 "));
    salt("-D  -t 10.0.0.100:80").ok();
    salt("-A  -f 7 -s lc").ok();
    assert!(rules().contains("-A -f 7 -s lc"));
    salt("-C").ok();
    assert_eq!(rules(), "");
}

/// A real server in zstack's router, parsed by the index of words in `ipvsadm-save -n`.
#[derive(Debug, PartialEq)]
struct ZstackServer {
    service: String,
    scheduler: String,
    server: String,
    weight: u32,
    upper: u32,
    lower: u32,
}

fn zstack_servers(saved: &str) -> Vec<ZstackServer> {
    let mut schedulers = HashMap::new();
    let mut servers = Vec::new();
    for line in saved.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "-A" => {
                assert_eq!(words[3], "-s");
                schedulers.insert(words[2], words[4]);
            }
            "-a" => {
                assert_eq!((words[3], words[5], words[6]), ("-r", "-m", "-w"));
                let threshold = |key: usize| match words.get(key) {
                    Some(_) => words[key + 1].parse().expect("a number"),
                    None => 0,
                };
                if words.len() > 8 {
                    assert_eq!((words[8], words[10]), ("-x", "-y"));
                }
                servers.push(ZstackServer {
                    service: words[2].to_owned(),
                    scheduler: schedulers[words[2]].to_owned(),
                    server: words[4].to_owned(),
                    weight: words[7].parse().expect("a number"),
                    upper: threshold(8),
                    lower: threshold(10),
                });
            }
            other => panic!("{other} in {line}"),
        }
    }
    servers
}

fn zstack(_: &Place) {
    let service = |scheduler: &str| {
        let rest = format!("-u 10.0.0.100:53 -s {scheduler}");
        shell(&format!("ipvsadm -A {rest} || ipvsadm -E {rest}"))
    };
    let server = |weight: u32, upper: u32, lower: u32| {
        let rest = format!("-u 10.0.0.100:53 -r 10.0.0.11:53 -m -w {weight} -x {upper} -y {lower}");
        shell(&format!("ipvsadm -a {rest} || ipvsadm -e {rest}"))
    };
    // The first call adds, the second one edits.
    service("rr").ok();
    assert_eq!(service("wrr").status, 0);
    server(5, 0, 0).ok();
    assert_eq!(server(6, 0, 0).status, 0);
    let expected = |weight, upper, lower| {
        vec![ZstackServer {
            service: "10.0.0.100:53".into(),
            scheduler: "wrr".into(),
            server: "10.0.0.11:53".into(),
            weight,
            upper,
            lower,
        }]
    };
    let saved = || zstack_servers(&shell("ipvsadm-save -n").ok());
    assert_eq!(saved(), expected(6, 0, 0));
    // 1.31 does not save thresholds, so the router sets them again and again.
    assert_eq!(server(7, 200, 10).status, 0);
    assert_eq!(saved(), expected(7, 200, 10));

    let thresholds = shell("ipvsadm -Ln --thresholds").ok();
    let words: Vec<&str> =
        thresholds.lines().nth(4).expect("a server").split_whitespace().collect();
    assert_eq!(words, ["->", "10.0.0.11:53", "200", "10", "0", "0"]);
    let stats = shell("ipvsadm -L -n --stats").ok();
    let rows: Vec<Vec<&str>> =
        stats.lines().skip(3).map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["UDP", "10.0.0.100:53", "0", "0", "0", "0", "0"]);
    assert_eq!(rows[1], ["->", "10.0.0.11:53", "0", "0", "0", "0", "0"]);

    shell("ipvsadm -d -u 10.0.0.100:53 -r 10.0.0.11:53").ok();
    shell("ipvsadm -D -u 10.0.0.100:53").ok();
    assert_eq!(saved(), []);
}

fn ctdb(_: &Place) {
    for protocol in ["t", "u"] {
        // CTDB first removes the service of an earlier run; usually there is none.
        let ran = shell(&format!("ipvsadm -D -{protocol} 10.0.0.100"));
        assert_eq!((ran.status, ran.err.trim()), (255, "No such service"));
        shell(&format!("ipvsadm -A -{protocol} 10.0.0.100 -p 1999999 -s lc")).ok();
        shell(&format!("ipvsadm -a -{protocol} 10.0.0.100 -r 10.0.0.11 -g")).ok();
        shell(&format!("ipvsadm -a -{protocol} 10.0.0.100 -r 127.0.0.1")).ok();
    }
    assert_eq!(
        shell("ipvsadm -L -n").ok(),
        "IP Virtual Server version 1.2.1 (size=4096)\n\
         Prot LocalAddress:Port Scheduler Flags\n\
         \x20 -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n\
         TCP  10.0.0.100:0 lc persistent 1999999\n\
         \x20 -> 10.0.0.11:0                  Route   1      0          0         \n\
         \x20 -> 127.0.0.1:0                  Route   1      0          0         \n\
         UDP  10.0.0.100:0 lc persistent 1999999\n\
         \x20 -> 10.0.0.11:0                  Route   1      0          0         \n\
         \x20 -> 127.0.0.1:0                  Route   1      0          0         \n"
    );
    shell("ipvsadm -D -t 10.0.0.100").ok();
    shell("ipvsadm -D -u 10.0.0.100").ok();
    assert_eq!(shell("ipvsadm -S -n").ok(), "");
}
