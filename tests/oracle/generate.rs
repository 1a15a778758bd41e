//! Generates case N of seed S, always the same one: a command line, a starting table, standard input.

use crate::grammar::{Item, OPTIONS, Spelling, Takes, Word, bare, chance, flag, pick, with, words};
use crate::lines::Scene;
use crate::tables::TABLES;
use crate::values::{self, Family};
use crate::{lines, mutate};
use fastrand::Rng;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Ipvsadm,
    Save,
    Restore,
}

impl Program {
    pub fn name(self) -> &'static str {
        match self {
            Program::Ipvsadm => "ipvsadm",
            Program::Save => "ipvsadm-save",
            Program::Restore => "ipvsadm-restore",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Case {
    pub seed: u64,
    pub number: u64,
    pub kind: &'static str,
    /// Index into [`TABLES`].
    pub table: usize,
    pub program: Program,
    pub args: Vec<Word>,
    pub input: Vec<u8>,
}

/// The kinds of cases, each with its percentage.
const KINDS: &[(&str, u32)] = &[
    ("services", 13),
    ("servers", 13),
    ("lists", 17),
    ("daemons and timeouts", 7),
    ("restore", 10),
    ("save", 4),
    ("scripts", 3),
    ("spellings", 8),
    ("conflicts", 8),
    ("bad values", 9),
    ("IPv6", 4),
    ("names", 4),
];

pub fn case(seed: u64, number: u64) -> Case {
    // Each case has its own generator, so it does not depend on earlier cases.
    let mut rng = Rng::with_seed(
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17).wrapping_add(number),
    );
    let rng = &mut rng;
    for _ in 0..4 {
        rng.u64(..);
    }
    let mut at = rng.u32(..100);
    let mut kind = KINDS[0].0;
    for (name, weight) in KINDS {
        if at < *weight {
            kind = name;
            break;
        }
        at -= weight;
    }
    let mut case = Case {
        seed,
        number,
        kind,
        table: rng.usize(..TABLES.len()),
        program: Program::Ipvsadm,
        args: Vec::new(),
        input: Vec::new(),
    };
    // When a program reads standard input by mistake, this rule shows it.
    if chance(rng, 10) {
        case.input = b"-A -t 10.3.3.3:33 -s rr\n".to_vec();
    }
    fill(rng, &mut case);
    case
}

fn fill(rng: &mut Rng, case: &mut Case) {
    let spelling = if chance(rng, 30) { Spelling::Free } else { Spelling::Plain };
    match case.kind {
        "daemons and timeouts" if rng.bool() => case.table = 6,
        "servers" if case.table == 0 => case.table = 1 + rng.usize(..TABLES.len() - 1),
        "IPv6" if chance(rng, 70) => case.table = 2,
        "names" if chance(rng, 70) => case.table = 7,
        _ => {}
    }
    let scene = Scene::new(
        match case.kind {
            "IPv6" => Family::V6,
            "names" => Family::Named,
            _ => Family::Any,
        },
        case.table,
    );
    match case.kind {
        "services" => {
            let items = lines::service(rng, &scene);
            case.args = sometimes_mutated(rng, items, spelling);
        }
        "servers" => {
            let items = lines::server(rng, &scene);
            case.args = sometimes_mutated(rng, items, spelling);
        }
        "lists" => {
            let items = lines::list(rng, &scene);
            case.args = sometimes_mutated(rng, items, spelling);
        }
        "daemons and timeouts" => {
            let items = lines::daemon(rng);
            case.args = sometimes_mutated(rng, items, spelling);
        }
        "restore" => {
            case.args = vec![pick(rng, &["-R", "-R", "-R", "--restore"]).as_bytes().to_vec()];
            if chance(rng, 4) {
                case.args = mutate::words(rng, std::mem::take(&mut case.args));
            }
            case.input = file(rng, &scene);
        }
        "save" => {
            let mut items = vec![flag("S")];
            if chance(rng, 70) {
                items.push(flag("n"));
            }
            case.args = sometimes_mutated(rng, items, spelling);
        }
        "scripts" => scripts(rng, case, &scene),
        "spellings" => {
            let items = any_line(rng, &scene);
            case.args = words(rng, &items, Spelling::Free);
            for _ in 0..*pick(rng, &[0, 0, 0, 1, 1, 2]) {
                case.args = mutate::spelling(rng, std::mem::take(&mut case.args));
            }
        }
        "conflicts" => {
            let mut items = any_line(rng, &scene);
            for _ in 0..1 + rng.u8(..3) / 2 {
                items = mutate::items(rng, items);
            }
            case.args = words(rng, &items, spelling);
        }
        "bad values" => {
            let items = any_line(rng, &scene);
            let items = mutate::bad_value(rng, items);
            case.args = words(rng, &items, spelling);
        }
        "IPv6" => {
            let items = any_line(rng, &scene);
            case.args = sometimes_mutated(rng, items, spelling);
        }
        "names" => {
            let items = match rng.u8(..6) {
                0..3 => lines::list(rng, &scene),
                3 => vec![flag("S")],
                _ => any_line(rng, &scene),
            };
            let items = items
                .into_iter()
                .filter(|i| !matches!(i, Item::Opt(o, _) if o.long == "numeric" ))
                .collect();
            case.args = sometimes_mutated(rng, items, spelling);
        }
        other => panic!("no kind {other}"),
    }
}

fn scripts(rng: &mut Rng, case: &mut Case, scene: &Scene) {
    let args = if rng.bool() {
        case.program = Program::Save;
        let lines: &[&[&str]] = &[
            &[],
            &["-n"],
            &["-n"],
            &["-n"],
            &["-x"],
            &["-n", "-n"],
            &["stray"],
            &["-n", "stray"],
            &["-h"],
            &[""],
            &["--", "-n"],
            &["-nn"],
        ];
        *pick::<&[&str]>(rng, lines)
    } else {
        case.program = Program::Restore;
        case.input = file(rng, scene);
        let lines: &[&[&str]] = &[&[], &[], &[], &[], &[], &["-n"], &["-x"]];
        *pick::<&[&str]>(rng, lines)
    };
    case.args = args.iter().map(|a| a.as_bytes().to_vec()).collect();
}

/// Returns a valid line of any kind.
pub fn any_line(rng: &mut Rng, scene: &Scene) -> Vec<Item> {
    match rng.u8(..20) {
        0..5 => lines::service(rng, scene),
        5..10 => lines::server(rng, scene),
        10..16 => lines::list(rng, scene),
        16..19 => lines::daemon(rng),
        _ => {
            let mut items = vec![flag(pick::<&str>(rng, &["S", "S", "C", "Z", "R", "h", "v"]))];
            if rng.bool() {
                items.push(flag("n"));
            }
            items
        }
    }
}

fn sometimes_mutated(rng: &mut Rng, mut items: Vec<Item>, spelling: Spelling) -> Vec<Word> {
    if chance(rng, 12) {
        items = mutate::items(rng, items);
    }
    if chance(rng, 6) {
        items = mutate::bad_value(rng, items);
    }
    if chance(rng, 1) {
        items = vec![flag("A"), with("f", values::large_mark(rng))];
    }
    let mut line = words(rng, &items, spelling);
    if chance(rng, 8) {
        line = mutate::words(rng, line);
    }
    line
}

/// Returns input for `-R`: mostly rules that depend on earlier ones.
fn file(rng: &mut Rng, scene: &Scene) -> Vec<u8> {
    let mut out = Vec::new();
    if rng.bool() {
        out.extend_from_slice(b"-C\n");
    }
    let mut last = Vec::new();
    for _ in 0..rng.u8(..8) {
        let items = match rng.u8(..40) {
            0..12 => lines::add_service(rng, scene),
            12..24 => lines::add_server(rng, scene),
            24..28 => lines::service(rng, scene),
            28..32 => lines::server(rng, scene),
            32 => lines::list(rng, scene),
            33 => lines::daemon(rng),
            34 => vec![flag(pick::<&str>(rng, &["S", "Z", "C", "h", "v", "R"]))],
            35 | 36 if !last.is_empty() => {
                out.extend_from_slice(&last);
                continue;
            }
            _ => {
                let odd: &[&[u8]] = &[
                    b"",
                    b"",
                    b"  ",
                    b"\t",
                    b"# a comment",
                    b"  # a comment",
                    b"#",
                    b"ipvsadm",
                    b"ipvsadm -C",
                    b"/sbin/ipvsadm -C",
                    b"-A -t 10.0.0.9:9 # no comment",
                    b"-A -t 10.0.0.9:9 -s rr #",
                    b"-A -t \"10.0.0.9:9\" -s 'rr'",
                    b"-A -t \"10.0.0.9:9 -s rr",
                    b"-A -t 10.0.0.9:9 -s rr'",
                    b"foo bar",
                    b"-A -t 10.0.0.9:9 -s r\\r",
                    b"-A -t 10.0.0.9:9 -s rr\\",
                    b"--",
                    b"-",
                    b"-Q",
                    b"-A -t 10.0.0.9:9 -s rr\r",
                    b"-A\t-t\t10.0.0.9:9",
                    b" -A  -t  10.0.0.9:9 ",
                    b"-A -t 10.0.0.9:9 \"\"",
                    b"-A -t 10.0.0.9:9 -b \"\"",
                    b"-A -t 10.0.0.9:9 \xff",
                    b"-A -t 10.0.0.9:9;-C",
                    b"\xef\xbb\xbf-C",
                    b"ipvsadm ipvsadm -C",
                    b"-A -t 10.0.0.9:9\x0b-p",
                ];
                out.extend_from_slice(pick::<&[u8]>(rng, odd));
                out.push(b'\n');
                continue;
            }
        };
        let spelling = if chance(rng, 15) { Spelling::Free } else { Spelling::Plain };
        let mut line = words(rng, &items, spelling);
        match rng.u8(..40) {
            0 => line = mutate::words(rng, line),
            1 => {
                let items = mutate::items(rng, items);
                line = words(rng, &items, spelling);
            }
            2 => {
                let items = mutate::bad_value(rng, items);
                line = words(rng, &items, spelling);
            }
            3 => line.insert(0, b"ipvsadm".to_vec()),
            _ => {}
        }
        last = line.join(&b' ');
        last.push(b'\n');
        out.extend_from_slice(&last);
    }
    if chance(rng, 10) {
        out.pop();
    }
    out
}

/// Returns any option, with a value when it takes one.
pub fn any_option(rng: &mut Rng) -> Vec<Item> {
    let opt = pick(rng, OPTIONS);
    if opt.long == "set" {
        return vec![Item::Opt(opt, None), bare("1"), bare("2"), bare("3")];
    }
    let value = match opt.takes {
        Takes::Nothing => None,
        Takes::Maybe if rng.bool() => None,
        _ => Some(values::good(rng, opt)),
    };
    vec![Item::Opt(opt, value)]
}
