//! `--pretty`: tables of the kernel's services, on a terminal and without one.

use crate::support::{Test, ipvsadm, ipvsadm_with, oracle, program, same_text, sh, table_size};
use std::net::UdpSocket;

pub const TESTS: &[Test] = &[
    ("pretty: a table, to the byte", to_the_byte),
    ("pretty: a service at its threshold", overloaded),
    ("pretty: width and colour are the terminal's", terminal),
    ("pretty: options combined with --pretty", combinations),
];

const RULES: &str = "\
-A -t 10.0.0.1:80 -s mh -b mh-port -p 300 -M 255.255.255.0
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 0
-a -t 10.0.0.1:80 -r [fd00::1]:80 -i --tun-type gue --tun-port 6080 -w 3 -x 9 -y 8
-A -f 7 -6 -s rr
";

fn to_the_byte() {
    let title = || format!("IP Virtual Server version 1.2.1 (size={})\n", table_size());
    assert_eq!(ipvsadm("-L --pretty").ok(), title());
    ipvsadm_with("-R", RULES).ok();
    let title = title();
    let service = "
TCP 10.0.0.1:80 mh (mh-port) persistent 300 mask 255.255.255.0: 2 servers, weight 3, 0 active, 0 inactive
  server                 forward  weight      of weight  active      of active  inactive
  10.1.0.1:8080          masq          0  ........   0%       0  ........    -         0  drained
  [fd00::1]:80           tunnel        3  ######## 100%       0  ........    -         0
";
    let mark = "\nFWM 7 IPv6 rr: no servers\n";
    same_text(&ipvsadm("-L -n --pretty").ok(), &format!("{title}{service}{mark}"));
    same_text(&ipvsadm("-L -n --pretty -t 10.0.0.1:80").ok(), &format!("{title}{service}"));
    let more = |option: &str, head: &str, cell: &str| {
        let text = ipvsadm(&format!("-L -n --pretty -t 10.0.0.1:80 {option}")).ok();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[3].ends_with(head), "{text}");
        assert!(lines.last().is_some_and(|last| last.ends_with(cell)), "{text}");
    };
    more("--thresholds", "  inactive  upper  lower", "         0      9      8");
    more("--persistent-conn", "  inactive  persistent", "         0           0");
    more("--tun-info", "  inactive  tunnel", "         0  gue:6080:-c");
    more(
        "--stats",
        "  packets in  packets out  bytes in  bytes out",
        "           0            0         0          0",
    );
    more(
        "--rate",
        "  packets in/s  packets out/s  bytes in/s  bytes out/s",
        "0              0           0            0",
    );
    let sorted = ipvsadm("-L -n --pretty").ok();
    assert_eq!(ipvsadm("-L -n --pretty").ok(), sorted);
}

fn overloaded() {
    sh("ip address add 10.0.0.1/24 dev lo");
    let _server = UdpSocket::bind("10.0.0.2:53").expect("a server");
    oracle("-A -u 10.0.0.1:53 -s rr").ok();
    oracle("-a -u 10.0.0.1:53 -r 10.0.0.2 -m -x 2").ok();
    oracle("-a -u 10.0.0.1:53 -r 10.0.0.3 -m -w 0").ok();
    let row = || ipvsadm("-L -n --pretty").ok().lines().nth(4).expect("a server").to_string();
    let send = || {
        let socket = UdpSocket::bind("10.0.0.1:0").expect("a socket");
        socket.send_to(b"knock", "10.0.0.1:53").expect("sent");
    };
    send();
    let one =
        "  10.0.0.2:53            masq          1  ######## 100%       0  ........    -         1";
    assert_eq!(row(), one);
    send();
    let two = "  10.0.0.2:53            masq          1  ######## 100%       0  ........    -         2  overloaded";
    assert_eq!(row(), two);
}

/// Returns the output on a terminal with this number of columns.
fn on_terminal(columns: u16, environment: &str) -> String {
    let script = r#"
import fcntl, os, struct, subprocess, sys, termios
master, slave = os.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
child = subprocess.Popen(sys.argv[2:], stdout=slave)
os.close(slave)
text = b""
while True:
    try:
        text += os.read(master, 4096)
    except OSError:
        break
assert child.wait() == 0
sys.stdout.write(text.decode().replace("\r\n", "\n"))
"#;
    sh(&format!(
        "env -u NO_COLOR {environment} /usr/bin/python3 -c '{script}' {columns} {} -L -n --pretty -t 10.0.0.1:80",
        program("ipvsadm").display()
    ))
}

fn terminal() {
    ipvsadm_with("-R", RULES).ok();
    let coloured = on_terminal(80, "");
    let lines: Vec<&str> = coloured.lines().collect();
    assert_eq!(lines[0], format!("IP Virtual Server version 1.2.1 (size={})", table_size()));
    assert!(lines[2].starts_with("\x1b[1mTCP ") && lines[2].ends_with("\x1b[0m"), "{coloured:?}");
    assert_eq!(
        lines[4],
        "\x1b[33m  10.1.0.1:8080          masq          0  ....   0%       0  ....    -         0  drained\x1b[0m"
    );
    assert_eq!(
        lines[5],
        "  [fd00::1]:80           tunnel        3  #### 100%       0  ....    -         0"
    );
    assert_eq!(on_terminal(80, "NO_COLOR="), coloured);
    let plain = coloured.replace("\x1b[1m", "").replace("\x1b[33m", "").replace("\x1b[0m", "");
    assert_eq!(on_terminal(80, "NO_COLOR=1"), plain);
    assert!(on_terminal(200, "").contains(&format!("  {} 100%", "#".repeat(20))));
    // The terminal does not know its width.
    let piped = ipvsadm("-L -n --pretty -t 10.0.0.1:80").ok();
    assert_eq!(on_terminal(0, "NO_COLOR=1"), piped);
    assert_eq!(on_terminal(100, "NO_COLOR=1"), piped);
}

fn combinations() {
    oracle("-A -t 10.0.0.1:80").ok();
    for (line, said) in [
        ("-A -t 10.0.0.2:80 --pretty", "Illegal 'pretty' option with the 'add-service' command\n"),
        ("-S --pretty", "Illegal 'pretty' option with the 'save' command\n"),
        ("-L --pretty --pretty", "multiple 'pretty' options specified\n"),
        (
            "-L --pretty -c",
            "The option 'pretty' conflicts with the 'connection' option in the 'list' command\n",
        ),
        (
            "-L --pretty --timeout",
            "The option 'pretty' conflicts with the 'timeout' option in the 'list' command\n",
        ),
        (
            "-L --pretty --daemon",
            "The option 'pretty' conflicts with the 'daemon' option in the 'list' command\n",
        ),
        (
            "-L --pretty --stats --rate",
            "The option 'rate' conflicts with the 'stats' option in the 'list' command\n",
        ),
    ] {
        assert_eq!(ipvsadm(line).fails(2), said, "{line}");
    }
    assert_eq!(ipvsadm("-L --pretty -t 10.0.0.9:80").fails(1), "No such service\n");
    assert_eq!(oracle("-Sn").ok(), "-A -t 10.0.0.1:80 -s wlc\n");
}
