//! The whole IPVS table of a network namespace as lines of text, read from the kernel.
//!
//! The lines are services and servers in the kernel's order, where that is stable, with every
//! attribute except statistics, the three timeouts, and the synchronisation daemons. Neither program
//! reads them: so no process starts, and attributes that no listing shows are compared too.

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const GET_SERVICE: u8 = 4;
const GET_DEST: u8 = 8;
const GET_DAEMON: u8 = 11;
const GET_CONFIG: u8 = 13;
const DUMP: u16 = 0x301; // NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
const ONE: u16 = 0x1; // NLM_F_REQUEST
const NESTED: u16 = 0x8000;

type Attributes = BTreeMap<u16, Vec<u8>>;

pub struct Dumper {
    family: u16,
}

/// Returns false if the kernel lists the same services in another order each time they are added, as
/// those with resizable tables do.
pub fn has_stable_order() -> bool {
    static STABLE: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *STABLE.get_or_init(|| !std::path::Path::new("/proc/sys/net/ipv4/vs/svc_lfactor").exists())
}

impl Dumper {
    /// Looks up the id of the family, which is the same in every namespace.
    pub fn new() -> Dumper {
        let mut name = Vec::new();
        put(&mut name, 2, b"IPVS\0"); // CTRL_ATTR_FAMILY_NAME
        let answer = ask(0x10, 3, ONE, &name); // GENL_ID_CTRL, CTRL_CMD_GETFAMILY
        let id = answer[0].get(&1).expect("a family id"); // CTRL_ATTR_FAMILY_ID
        Dumper { family: u16::from_ne_bytes([id[0], id[1]]) }
    }

    pub fn dump(&self) -> String {
        let mut services = Vec::new();
        for mut answer in ask(self.family, GET_SERVICE, DUMP, &[]) {
            let mut text = String::new();
            let service = attributes(&answer.remove(&1).expect("a service"));
            line(&mut text, "service", &service, SERVICE);
            let mut identity = Vec::new();
            for (kind, value) in service.range(..=5) {
                put(&mut identity, *kind, value);
            }
            let mut request = Vec::new();
            put(&mut request, 1 | NESTED, &identity);
            for mut answer in ask(self.family, GET_DEST, DUMP, &request) {
                let server = attributes(&answer.remove(&2).expect("a server"));
                line(&mut text, "  server", &server, SERVER);
            }
            services.push(text);
        }
        if !has_stable_order() {
            services.sort();
        }
        let mut text = services.concat();
        for answer in ask(self.family, GET_CONFIG, ONE, &[]) {
            line(&mut text, "config", &answer, CONFIG);
        }
        let mut daemons: Vec<String> = ask(self.family, GET_DAEMON, DUMP, &[])
            .into_iter()
            .map(|mut answer| {
                let daemon = attributes(&answer.remove(&3).expect("a daemon"));
                let mut text = String::new();
                line(&mut text, "daemon", &daemon, DAEMON);
                text
            })
            .collect();
        daemons.sort();
        text.extend(daemons);
        text
    }
}

/// The names of attributes by number. An attribute without a name is shown by its number; `-` hides it.
type Names = &'static [&'static str];
const SERVICE: Names = &[
    "", "af", "protocol", "addr", "port", "fwmark", "sched", "flags", "timeout", "netmask", "-",
    "pe", "-",
];
const SERVER: Names = &[
    "",
    "addr",
    "port",
    "fwd",
    "weight",
    "upper",
    "lower",
    "active",
    "inactive",
    "persistent",
    "-",
    "af",
    "-",
    "tun_type",
    "tun_port",
    "tun_flags",
];
const CONFIG: Names = &["", "", "", "", "tcp", "tcp_fin", "udp"];
const DAEMON: Names =
    &["", "state", "interface", "syncid", "maxlen", "group", "group6", "port", "ttl"];

fn line(text: &mut String, what: &str, attributes: &Attributes, names: Names) {
    text.push_str(what);
    for (kind, value) in attributes {
        let name = names.get(usize::from(*kind)).copied().unwrap_or("");
        if name == "-" {
            continue;
        }
        match name {
            "" => write!(text, " {kind}="),
            name => write!(text, " {name}="),
        }
        .expect("a string can be written");
        match (name, value.len()) {
            ("sched" | "pe" | "interface", _) => {
                text.push_str(&String::from_utf8_lossy(value).replace('\0', ""))
            }
            ("port" | "tun_port", 2) if what != "daemon" => {
                write!(text, "{}", u16::from_be_bytes([value[0], value[1]])).expect("written")
            }
            ("addr" | "netmask" | "flags" | "group" | "group6", _) | (_, 0 | 3 | 5..) => {
                for b in value {
                    write!(text, "{b:02x}").expect("a string can be written");
                }
            }
            (_, n) => {
                let mut wide = [0; 4];
                wide[..n].copy_from_slice(value);
                write!(text, "{}", u32::from_le_bytes(wide)).expect("written")
            }
        }
    }
    text.push('\n');
}

fn put(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = 4 + value.len();
    out.extend_from_slice(&(length as u16).to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn attributes(mut bytes: &[u8]) -> Attributes {
    let mut all = Attributes::new();
    while bytes.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        let kind = u16::from_ne_bytes([bytes[2], bytes[3]]) & 0x3fff;
        if length < 4 || length > bytes.len() {
            break;
        }
        all.insert(kind, bytes[4..length].to_vec());
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    all
}

/// Sends a request and returns all answers.
fn ask(family: u16, command: u8, flags: u16, payload: &[u8]) -> Vec<Attributes> {
    let mut socket = Socket::new(NETLINK_GENERIC).expect("a netlink socket");
    socket.bind_auto().expect("a netlink address");
    socket.connect(&SocketAddr::new(0, 0)).expect("the kernel");
    let mut message = Vec::new();
    message.extend_from_slice(&(20 + payload.len() as u32).to_ne_bytes());
    message.extend_from_slice(&family.to_ne_bytes());
    message.extend_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(&1u32.to_ne_bytes());
    message.extend_from_slice(&0u32.to_ne_bytes());
    message.extend_from_slice(&[command, 1, 0, 0]);
    message.extend_from_slice(payload);
    socket.send(&message, 0).expect("the request goes out");
    let mut answers = Vec::new();
    loop {
        let (bytes, _) = socket.recv_from_full().expect("an answer");
        let mut rest = &bytes[..];
        while rest.len() >= 16 {
            let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            match u16::from_ne_bytes([rest[4], rest[5]]) {
                3 => return answers, // NLMSG_DONE
                2 => {
                    let code = i32::from_ne_bytes([rest[16], rest[17], rest[18], rest[19]]);
                    panic!("the kernel refuses command {command}: {code}");
                }
                _ => answers.push(attributes(&rest[20..length])),
            }
            rest = &rest[length.next_multiple_of(4).min(rest.len())..];
        }
        if flags != DUMP {
            return answers;
        }
    }
}
