//! The effects of the entries of `differences.rs`. Each excuses as little as it can.

use crate::compare::{HUNG, Outcome};
use crate::generate::{Case, Program};
use crate::grammar::Word;

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect()
}

fn split(line: &[u8]) -> Vec<Vec<u8>> {
    line.split(|b| *b == b' ').map(<[u8]>::to_vec).collect()
}

fn number(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_digit)
}

/// Removes ` -x N -y N` after a saved server's weight from ours.
pub fn thresholds(_: &Case, _: &str, _: &mut Outcome, ours: &mut Outcome) {
    let mut all = lines(&ours.out);
    for line in all.iter_mut().filter(|l| l.starts_with(b"-a ")) {
        let mut words = split(line);
        for option in [b"-x", b"-y"] {
            let at = words.iter().position(|w| w == option);
            if let Some(at) = at.filter(|at| words.get(at + 1).is_some_and(|w| number(w))) {
                words.drain(at..at + 2);
            }
        }
        *line = words.join(&b' ');
    }
    ours.out = all.join(&b'\n');
}

/// Accepts in a save a numeric address of ours where the oracle has names, and a complete name where
/// the oracle truncates it.
pub fn names(_: &Case, _: &str, oracle: &mut Outcome, ours: &mut Outcome) {
    let (mut theirs, our) = (lines(&oracle.out), lines(&ours.out));
    if theirs.len() != our.len() {
        return;
    }
    for (theirs, our) in theirs.iter_mut().zip(&our) {
        if !theirs.starts_with(b"-A ") && !theirs.starts_with(b"-a ") {
            continue;
        }
        let (mut words, other) = (split(theirs), split(our));
        if words.len() != other.len() {
            continue;
        }
        for i in 1..words.len() {
            let address =
                [&b"-t"[..], b"-u", b"--sctp-service", b"-r"].contains(&&words[i - 1][..]);
            let (host, port) = parts(&other[i]);
            let (named_host, named_port) = parts(&words[i]);
            let numeric = numeric_host(host) && (number(port) || port == named_port);
            let kept = host == named_host && number(port);
            let whole = other[i].starts_with(&words[i]) && words[i].len() > 50;
            let cut = words[i].len() > 50 && numeric_host(host);
            let numeric = numeric || kept || cut;
            if address && (numeric || whole) {
                words[i].clone_from(&other[i]);
            }
        }
        *theirs = words.join(&b' ');
    }
    oracle.out = theirs.join(&b'\n');
}

/// Splits an address into host and port, without the colon.
fn parts(address: &[u8]) -> (&[u8], &[u8]) {
    match address.iter().rposition(|b| *b == b':') {
        Some(at) => (&address[..at], &address[at + 1..]),
        None => (address, b""),
    }
}

fn numeric_host(host: &[u8]) -> bool {
    !host.is_empty() && host.iter().all(|b| b.is_ascii_hexdigit() || b".:[]".contains(b))
}

/// Removes everything from the version line on, where both print one.
pub fn help(_: &Case, _: &str, oracle: &mut Outcome, ours: &mut Outcome) {
    let find = |out: &[u8]| out.windows(9).position(|w| w == b"ipvsadm v");
    if let (Some(a), Some(b)) = (find(&oracle.out), find(&ours.out)) {
        oracle.out.truncate(a);
        ours.out.truncate(b);
    }
}

/// Replaces the oracle's negative marks by their values.
pub fn marks(_: &Case, _: &str, oracle: &mut Outcome, ours: &mut Outcome) {
    let (mut theirs, mut our) = (lines(&oracle.out), lines(&ours.out));
    if theirs.len() != our.len() {
        return;
    }
    for (theirs, our) in theirs.iter_mut().zip(&mut our) {
        let text = String::from_utf8_lossy(theirs).into_owned();
        let Some(at) = text.find("FWM  -").map(|a| a + 5).or(text.find("-f -").map(|a| a + 3))
        else {
            continue;
        };
        let end = text[at..].find(' ').map_or(text.len(), |n| at + n);
        let Ok(mark) = text[at..end].parse::<i32>() else {
            continue;
        };
        let shown = format!("{}{}{}", &text[..at], mark as u32, &text[end..]);
        *theirs = squeeze(shown.as_bytes());
        *our = squeeze(our);
    }
    oracle.out = theirs.join(&b'\n');
    ours.out = our.join(&b'\n');
}

/// Replaces each run of blanks by one blank.
fn squeeze(line: &[u8]) -> Vec<u8> {
    let mut words = split(line);
    words.retain(|w| !w.is_empty());
    words.join(&b' ')
}

fn restores(word: &[u8]) -> bool {
    word == b"--restore" || word.starts_with(b"-R")
}

fn reads_rules(case: &Case) -> bool {
    case.program == Program::Restore || case.args.first().is_some_and(|w| restores(w))
}

/// Removes comments from the input: a `#` at the start of a word, and the rest of its line.
pub fn comments(case: &Case) -> Option<Case> {
    if !reads_rules(case) {
        return None;
    }
    let all = lines(&case.input);
    let blank = |b: u8| b == b' ' || b == b'\t';
    let kept: Vec<Word> = all
        .iter()
        .map(|l| {
            let end = (0..l.len()).find(|&i| l[i] == b'#' && (i == 0 || blank(l[i - 1])));
            l[..end.unwrap_or(l.len())].to_vec()
        })
        .collect();
    (kept != all).then(|| Case { input: kept.join(&b'\n'), ..case.clone() })
}

/// Moves -6 to the place where 1.31 accepts it, after the mark, or removes it.
pub fn six(case: &Case) -> Option<Case> {
    let mut other = case.clone();
    let mut changed = false;
    if let Some(args) = moved(&case.args) {
        other.args = args;
        changed = true;
    }
    if reads_rules(case) {
        let mut all = lines(&case.input);
        for line in &mut all {
            if let Some(words) = moved(&split(line)) {
                *line = words.join(&b' ');
                changed = true;
            }
        }
        other.input = all.join(&b'\n');
    }
    changed.then_some(other)
}

/// Moves every -6 behind the mark, or removes it. Returns None when nothing changes.
fn moved(words: &[Word]) -> Option<Vec<Word>> {
    let mut out: Vec<Word> = Vec::new();
    let mut seen = false;
    for (i, word) in words.iter().enumerate() {
        // The first word begins with the command.
        let at = letter_in(word, b'6').filter(|at| i > 0 || *at > 1);
        match at {
            _ if i > 0 && word == b"--ipv6" => seen = true,
            Some(at) => {
                seen = true;
                let mut rest = word.clone();
                rest.remove(at);
                if rest != b"-" {
                    out.push(rest);
                }
            }
            None => out.push(word.clone()),
        }
    }
    let mark = |w: &Word| w.starts_with(b"--fwmark-service") || letter_in(w, b'f').is_some();
    if let Some(at) = out.iter().position(mark) {
        let apart = out[at].ends_with(b"f") || out[at] == b"--fwmark-service";
        let after = at + if apart { 2 } else { 1 };
        // Without a mark, 1.31 reports that only when -6 is not in its place.
        if after <= out.len() {
            out.insert(after, b"-6".to_vec());
        }
    }
    (seen && out != words).then_some(out)
}

/// Returns the position of a letter in a bundle of short options, where it is an option and not part
/// of a value.
fn letter_in(word: &[u8], letter: u8) -> Option<usize> {
    if !word.starts_with(b"-") || word.starts_with(b"--") {
        return None;
    }
    let at = word.iter().position(|b| *b == letter)?;
    let value = |b: &u8| b"tufsMrwxybp=".contains(b);
    (!word[1..at].iter().any(value)).then_some(at)
}

/// Accepts any outcome of ours when a signal ended the oracle, or it hung.
pub fn crash(_: &Case, _: &str, oracle: &mut Outcome, ours: &mut Outcome) {
    let signal = |s: i32| (129..=160).contains(&s) || s == HUNG;
    if signal(oracle.status) && !signal(ours.status) {
        *oracle = ours.clone();
    }
}

/// Returns the case with `change` applied to the words of its command line and of each input line.
fn rewritten(case: &Case, change: fn(&[Word]) -> Option<Vec<Word>>) -> Option<Case> {
    let mut other = case.clone();
    let mut changed = false;
    if let Some(args) = change(&case.args) {
        other.args = args;
        changed = true;
    }
    if reads_rules(case) {
        let mut all = lines(&case.input);
        for line in &mut all {
            if let Some(words) = change(&split(line)) {
                *line = words.join(&b' ');
                changed = true;
            }
        }
        other.input = all.join(&b'\n');
    }
    changed.then_some(other)
}

/// Moves -r behind all other options.
pub fn server_last(case: &Case) -> Option<Case> {
    rewritten(case, |words| {
        let mut others = Vec::new();
        let mut server = None;
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let text = word.as_slice();
            let bundle = text.len() > 2 && text[0] == b'-' && text[1] != b'-';
            if let Some(value) = text.strip_prefix(b"--real-server=") {
                server = Some(value.to_vec());
            } else if text == b"-r" || text == b"--real-server" {
                server = rest.next().cloned();
            } else if let Some(value) = text.strip_prefix(b"-r") {
                server = Some(value.strip_prefix(b"=").unwrap_or(value).to_vec());
            } else if bundle && text.ends_with(b"r") {
                others.push(text[..text.len() - 1].to_vec());
                server = rest.next().cloned();
            } else {
                others.push(word.clone());
            }
        }
        others.push(b"-r".to_vec());
        others.push(server?);
        (others != words).then_some(others)
    })
}

/// Removes brackets around anything that is not an IPv6 address.
pub fn brackets(case: &Case) -> Option<Case> {
    rewritten(case, |words| {
        let bare = |word: &Word| {
            let text = std::str::from_utf8(word).ok()?;
            let (before, rest) = text.split_once('[')?;
            let (inner, port) = rest.split_once("]:")?;
            let six = inner.parse::<std::net::Ipv6Addr>().is_ok();
            (!six).then_some(())?;
            Some(format!("{before}{inner}:{port}").into_bytes())
        };
        let others: Vec<Word> =
            words.iter().map(|w| bare(w).unwrap_or_else(|| w.clone())).collect();
        (others != words).then_some(others)
    })
}

/// Removes flag-3 from our save, and the empty -b from the oracle's.
pub fn flags(_: &Case, _: &str, oracle: &mut Outcome, ours: &mut Outcome) {
    let saved = |line: &&mut Vec<u8>| line.starts_with(b"-A ");
    let mut our = lines(&ours.out);
    for line in our.iter_mut().filter(saved) {
        let text = String::from_utf8_lossy(line).into_owned();
        let named = text.contains(" -s sh ") || text.contains(" -s mh ");
        if named {
            *line = text.replace(",flag-3", "").replace(" -b flag-3", "").into_bytes();
        }
    }
    ours.out = our.join(&b'\n');
    let mut theirs = lines(&oracle.out);
    for line in theirs.iter_mut().filter(saved) {
        if let Some(kept) = line.strip_suffix(b" -b ") {
            *line = kept.to_vec();
        }
    }
    oracle.out = theirs.join(&b'\n');
}

/// Accepts `No such service` from ours for -Z with an unspecified address.
pub fn zeroing(case: &Case, _: &str, oracle: &mut Outcome, ours: &mut Outcome) {
    let zero = |words: &[Word]| {
        let verb = |w: &Word| w == b"--zero" || letter_in(w, b'Z').is_some();
        let nowhere = |w: &Word| {
            let text = String::from_utf8_lossy(w);
            let value = text.rsplit(['=', 't', 'u']).next().unwrap_or("");
            value == "::" || value == "0.0.0.0" || value == "0.0.0.0:0"
        };
        words.iter().any(verb) && words.iter().any(nowhere)
    };
    let zeroes = zero(&case.args)
        || (reads_rules(case) && lines(&case.input).iter().any(|line| zero(&split(line))));
    let refused = String::from_utf8_lossy(&ours.err).contains("No such service");
    if zeroes && refused && oracle.table == ours.table {
        oracle.status = ours.status;
        oracle.err.clone_from(&ours.err);
    }
}

/// Accepts our refusal of a netmask that has more than a number.
pub fn netmask(_: &Case, _: &str, oracle: &mut Outcome, ours: &mut Outcome) {
    let text = "illegal ipv6 netmask specified: `";
    let stderr = |outcome: &Outcome| String::from_utf8_lossy(&outcome.err).into_owned();
    let Some(value) = stderr(ours).split(text).nth(1).map(String::from) else { return };
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let number = value[..digits].parse().is_ok_and(|n: u32| (1..=128).contains(&n));
    if number && !stderr(oracle).contains("illegal ipv6 netmask") {
        *oracle = ours.clone();
    }
}

/// Accepts an unchanged table and our error when both find a bad line in a restore.
pub fn checked(case: &Case, start: &str, oracle: &mut Outcome, ours: &mut Outcome) {
    let said = String::from_utf8_lossy(&ours.err).contains("\nin line ");
    let refused = said && ours.status != 0 && ours.out.is_empty() && ours.table == start;
    if case.program == Program::Restore && refused && !oracle.err.is_empty() {
        *oracle = ours.clone();
    }
}

/// Accepts that a running daemon is no error of a restore when the oracle has no other error.
pub fn kept_daemons(case: &Case, _: &str, oracle: &mut Outcome, ours: &mut Outcome) {
    let is_running = |line: &str| line == "Daemon has already run";
    let only = String::from_utf8_lossy(&oracle.err).lines().all(is_running);
    if case.program == Program::Restore && only && (ours.status, ours.err.len()) == (0, 0) {
        oracle.err.clear();
        oracle.status = 0;
        // Ours replaces a daemon that runs with other settings.
        oracle.table = ours.table.clone();
    }
}

/// Accepts an unchanged table when a restore has no rules.
pub fn no_rules(case: &Case, start: &str, oracle: &mut Outcome, ours: &mut Outcome) {
    let said = String::from_utf8_lossy(&ours.err).contains(" has no rules, and would delete");
    if case.program == Program::Restore && said && ours.status == 2 && ours.table == start {
        *oracle = ours.clone();
    }
}

/// Accepts an unchanged table when a restore has options.
pub fn restore_options(case: &Case, start: &str, oracle: &mut Outcome, ours: &mut Outcome) {
    let option = |word: &Word| word.len() > 1 && word.starts_with(b"-") && word != b"-n";
    let extra = String::from_utf8_lossy(&ours.err).contains("unexpected argument");
    let options = case.args.iter().any(option) || extra;
    if case.program == Program::Restore && options && ours.table == start {
        *oracle = ours.clone();
    }
}

/// Accepts another error and status when a word follows -R, and a restore from `-`.
pub fn file_to_restore(case: &Case, _: &str, oracle: &mut Outcome, ours: &mut Outcome) {
    let said = |run: &Outcome, text: &str| String::from_utf8_lossy(&run.err).contains(text);
    let stdin =
        case.args.iter().any(|word| word == b"-") && said(oracle, "unexpected argument -\n");
    if stdin && !said(ours, "unexpected argument -\n") {
        *oracle = ours.clone();
    }
    let within = said(ours, "-R is not allowed in the input of -R") || said(ours, "cannot read `");
    if said(oracle, "unexpected argument") && within {
        oracle.status = ours.status;
    }
}

/// Removes the oracle's output where ours saves into a file and prints nothing.
pub fn file_to_save(case: &Case, _: &str, oracle: &mut Outcome, ours: &mut Outcome) {
    let name = |word: &Word| !word.is_empty() && !word.starts_with(b"-");
    if case.program == Program::Save && case.args.iter().any(name) && ours.out.is_empty() {
        oracle.out.clear();
    }
}
