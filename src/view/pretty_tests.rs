//! The bytes of tables.

use super::*;
use crate::names::Names;
use std::net::Ipv4Addr;

/// Names every host of 10/8; the names of IPv6 hosts would drive a terminal.
struct Long;

impl Names for Long {
    fn host(&self, _: &str) -> Option<Ipv4Addr> {
        None
    }
    fn port(&self, _: &str, _: Protocol) -> Option<u16> {
        None
    }
    fn host_name(&self, address: IpAddr) -> Option<String> {
        Some(match address {
            IpAddr::V4(address) => format!("a-server-of-ours-{address}.of.the.example.org"),
            IpAddr::V6(_) => "e\x1b[31mvil".to_string(),
        })
    }
    fn port_name(&self, port: u16, _: Protocol) -> Option<String> {
        (port == 80).then(|| "http".to_string())
    }
}

fn service(address: &str) -> ObservedService {
    let key = ServiceKey::Address {
        protocol: Protocol::Tcp,
        address: address.parse().expect("an address"),
        port: 80,
    };
    let mut service = Service::new(key);
    service.scheduler = "wrr".into();
    service.persistence = Some(300);
    let mut observed = ObservedService::from(service);
    observed.statistics.connections = 100_000_000;
    observed.statistics.packets_in = 5;
    observed.statistics.bytes_out_rate = 7;
    observed
}

fn server(address: &str, weight: u32, active: u32, inactive: u32) -> ObservedDestination {
    let key = DestinationKey { address: address.parse().expect("an address"), port: 8080 };
    let mut destination = Destination::new(key, Forwarding::Masquerading);
    destination.weight = weight;
    let mut observed = ObservedDestination::from(destination);
    (observed.active, observed.inactive, observed.persistent) = (active, inactive, 4);
    (observed.statistics.connections, observed.statistics.bytes_out) = (9, 12);
    observed
}

fn limited(mut server: ObservedDestination, upper: u32, lower: u32) -> ObservedDestination {
    server.destination.upper_threshold = upper;
    server.destination.lower_threshold = lower;
    server
}

const SCREEN: Screen = Screen { width: 100, colour: false };

fn shown(
    labels: Labels,
    columns: Columns,
    screen: Screen,
    service: &ObservedService,
    servers: &[ObservedDestination],
) -> String {
    let mut out = Vec::new();
    let mut view = Pretty::new(&mut out, labels, columns, false, screen);
    view.service(service, servers).expect("written");
    String::from_utf8(out).expect("text")
}

fn some() -> Vec<ObservedDestination> {
    vec![
        server("10.0.0.11", 3, 10, 1),
        server("10.0.0.12", 0, 5, 0),
        limited(server("10.0.0.13", 1, 4, 6), 10, 5),
        limited(server("192.168.100.100", 0, 1, 9), 10, 0),
        limited(server("10.0.0.14", 1, 0, 9), 10, 0),
    ]
}

fn plain(labels: Labels, width: usize) -> String {
    let screen = Screen { width, colour: false };
    shown(labels, Columns::Plain, screen, &service("10.0.0.1"), &some())
}

#[test]
fn a_plain_table() {
    assert_eq!(
        plain(Labels::numeric(), 100),
        "
TCP 10.0.0.1:80 wrr persistent 300: 5 servers, weight 5, 20 active, 25 inactive
  server                 forward  weight      of weight  active      of active  inactive
  10.0.0.11:8080         masq          3  #####...  60%      10  ####....  50%         1
  10.0.0.12:8080         masq          0  ........   0%       5  ##......  25%         0  drained
  10.0.0.13:8080         masq          1  ##......  20%       4  ##......  20%         6  overloaded
  192.168.100.100:8080   masq          0  ........   0%       1  #.......   5%         9  drained, overloaded
  10.0.0.14:8080         masq          1  ##......  20%       0  ........   0%         9
"
    );
    assert_eq!(
        plain(Labels::numeric(), 80).lines().nth(3),
        Some("  10.0.0.11:8080         masq          3  ##..  60%      10  ##..  50%         1")
    );
}

#[test]
fn lines_are_in_colour_where_there_is_any() {
    let screen = Screen { width: 120, colour: true };
    let service = service("10.0.0.1");
    assert_eq!(
        shown(Labels::numeric(), Columns::Thresholds, screen, &service, &some()),
        "
\x1b[1mTCP 10.0.0.1:80 wrr persistent 300: 5 servers, weight 5, 20 active, 25 inactive\x1b[0m
  server                 forward  weight         of weight  active         of active  inactive  upper  lower
  10.0.0.11:8080         masq          3  #######....  60%      10  ######.....  50%         1      0      0
\x1b[33m  10.0.0.12:8080         masq          0  ...........   0%       5  ###........  25%         0      0      0  drained\x1b[0m
\x1b[31m  10.0.0.13:8080         masq          1  ##.........  20%       4  ##.........  20%         6     10      5  overloaded\x1b[0m
\x1b[31m  192.168.100.100:8080   masq          0  ...........   0%       1  #..........   5%         9     10      0  drained, overloaded\x1b[0m
  10.0.0.14:8080         masq          1  ##.........  20%       0  ...........   0%         9     10      0
"
    );
    // The first line of a table of counters is the service's.
    let counted = shown(Labels::numeric(), Columns::Statistics, screen, &service, &some());
    let coloured: Vec<bool> = counted.lines().map(|line| line.starts_with("\x1b[3")).collect();
    assert_eq!(coloured, [false, false, false, false, false, true, true, true, false]);
}

#[test]
fn names_are_cut_last_and_never_to_the_same() {
    assert_eq!(
        plain(Labels::named(&Long), 160),
        "
TCP a-server-of-ours-10.0.0.1.of.the.example.org:http wrr persistent 300: 5 servers, weight 5, 20 active, 25 inactive
  server                                                    forward  weight                  of weight  active                  of active  inactive
  a-server-of-ours-10.0.0.11.of.the.example.org:8080        masq          3  ############........  60%      10  ##########..........  50%         1
  a-server-of-ours-10.0.0.12.of.the.example.org:8080        masq          0  ....................   0%       5  #####...............  25%         0  drained
  a-server-of-ours-10.0.0.13.of.the.example.org:8080        masq          1  ####................  20%       4  ####................  20%         6  overloaded
  a-server-of-ours-192.168.100.100.of.the.example.org:8080  masq          0  ....................   0%       1  #...................   5%         9  drained, overloaded
  a-server-of-ours-10.0.0.14.of.the.example.org:8080        masq          1  ####................  20%       0  ....................   0%         9
"
    );
    assert_eq!(
        plain(Labels::named(&Long), 100),
        "
TCP a-server-of-ours-10.0.0....:http wrr persistent 300: 5 servers, weight 5, 20 active, 25 inactive
  server                         forward  weight  of weight  active  of active  inactive
  10.0.0.11:8080                 masq          3  ##..  60%      10  ##..  50%         1
  10.0.0.12:8080                 masq          0  ....   0%       5  #...  25%         0  drained
  10.0.0.13:8080                 masq          1  #...  20%       4  #...  20%         6  overloaded
  a-server-of-ours-192....:8080  masq          0  ....   0%       1  #...   5%         9  drained, overloaded
  10.0.0.14:8080                 masq          1  #...  20%       0  ....   0%         9
"
    );
    let narrow = plain(Labels::named(&Long), 0);
    assert!(narrow.contains("\nTCP a-server-...:http wrr"), "{narrow}");
    for width in 80..300 {
        for labels in [Labels::numeric(), Labels::named(&Long)] {
            let text = plain(labels, width);
            let longest = text
                .lines()
                .filter(|line| !line.ends_with("drained, overloaded"))
                .map(|line| line.chars().count())
                .max();
            // If there is no room, the words of the state stick out.
            assert!(longest <= Some(width.max(92)), "{width}: {text}");
        }
    }
}

#[test]
fn ipv6_addresses_are_whole_and_names_drive_no_terminal() {
    let server = [server("fd00:1234:5678:9abc:def0:1234:5678:9abc", 0, 0, 0)];
    let service = service("fd00::1");
    assert_eq!(
        shown(Labels::numeric(), Columns::PersistentConnections, SCREEN, &service, &server),
        "
TCP [fd00::1]:80 wrr persistent 300: 1 server, weight 0, 0 active, 0 inactive
  server                                          forward  weight  of weight  active  of active  inactive  persistent
  [fd00:1234:5678:9abc:def0:1234:5678:9abc]:8080  masq          0  ....    -       0  ....    -         0           4  drained
"
    );
    assert_eq!(
        shown(Labels::named(&Long), Columns::Tunnels, SCREEN, &service, &server),
        "
TCP [e?[31mvil]:http wrr persistent 300: 1 server, weight 0, 0 active, 0 inactive
  server                 forward  weight  of weight  active  of active  inactive  tunnel
  [e?[31mvil]:8080       masq          0  ....    -       0  ....    -         0  n/a            drained
"
    );
}

#[test]
fn counters_and_rates() {
    let service = service("10.0.0.1");
    assert_eq!(
        shown(Labels::numeric(), Columns::Statistics, SCREEN, &service, &some()[..2]),
        "
TCP 10.0.0.1:80 wrr persistent 300: 2 servers, weight 3, 15 active, 1 inactive
  server                 connections  packets in  packets out  bytes in  bytes out
  all                        100000K           5            0         0          0
  10.0.0.11:8080                   9           0            0         0         12
  10.0.0.12:8080                   9           0            0         0         12  drained
"
    );
    assert_eq!(
        shown(Labels::numeric(), Columns::Rates, SCREEN, &service, &some()[..1]),
        "
TCP 10.0.0.1:80 wrr persistent 300: 1 server, weight 3, 10 active, 1 inactive
  server                 connections/s  packets in/s  packets out/s  bytes in/s  bytes out/s
  all                                0             0              0           0            7
  10.0.0.11:8080                     0             0              0           0            0
"
    );
    assert_eq!(
        shown(Labels::numeric(), Columns::Rates, SCREEN, &service, &[]),
        "\nTCP 10.0.0.1:80 wrr persistent 300: no servers\n"
    );
}

#[test]
fn shares_are_whole_numbers() {
    assert_eq!(share(0, 0, 4), "....    -");
    assert_eq!(share(0, 7, 4), "....   0%");
    assert_eq!(share(1, 1000, 4), "#...  <1%");
    assert_eq!(share(1, 3, 4), "#...  33%");
    assert_eq!(share(2, 3, 4), "###.  67%");
    assert_eq!(share(7, 7, 4), "#### 100%");
    let most = u64::from(u32::MAX);
    assert_eq!(share(u32::MAX, most * 2, 20), "##########..........  50%");
    assert_eq!(share(u32::MAX, most, 4), "#### 100%");
    assert_eq!(share(999_999, 1_000_000, 4), "#### 100%");
}
