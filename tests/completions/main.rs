//! Completions for the last word of a line in bash, zsh and fish, with a table in the kernel. Each
//! shell is the real one, with the completion file that `make install` installs.

#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use support::{Test, oracle_with, program, project, run, sh};

const TESTS: &[Test] = &[
    ("completions: bash", || all(bash)),
    ("completions: zsh", || all(zsh)),
    ("completions: fish", || all(fish)),
    ("completions: bash completes an address after its colon", colon),
    ("completions: bash loads them for every program", loaded),
];

fn main() -> ExitCode {
    if !support::in_lab() {
        let packages = Command::new(project().join("lab/packages")).arg("shells").status();
        if !packages.is_ok_and(|s| s.success()) {
            return ExitCode::FAILURE;
        }
    }
    support::main(TESTS)
}

const TABLE: &str = "\
-A -t 192.0.2.1:80
-a -t 192.0.2.1:80 -r 10.0.0.11
-a -t 192.0.2.1:80 -r 10.0.0.12 -i
-A -t 192.0.2.2:80
-a -t 192.0.2.2:80 -r 10.0.0.21 -m
-A -u 192.0.2.1:53
-a -u 192.0.2.1:53 -r 10.0.0.53
-A -t [2001:db8::1]:443
-a -t [2001:db8::1]:443 -r [2001:db8::11]:443
-A -f 1
-A -f 2 -6
-a -f 2 -6 -r 2001:db8::12
";

/// Lines, and all completions of their last word.
const OFFERED: &[(&str, &[&str])] = &[
    ("ipvsadm -D -t ", &["192.0.2.1:80", "192.0.2.2:80", "[2001:db8::1]:443"]),
    ("ipvsadm -E --tcp-service 192.0.2.2", &["192.0.2.2:80"]),
    ("ipvsadm --delete-service -u ", &["192.0.2.1:53"]),
    ("ipvsadm -Ln -f ", &["1", "2"]),
    ("ipvsadm -Zt ", &["192.0.2.1:80", "192.0.2.2:80", "[2001:db8::1]:443"]),
    ("ipvsadm -Z --sctp-service ", &[]),
    ("ipvsadm -A -t ", &[]),
    ("ipvsadm -d -t 192.0.2.1:80 -r ", &["10.0.0.11:80", "10.0.0.12:80"]),
    ("ipvsadm -dt 192.0.2.1:80 -r ", &["10.0.0.11:80", "10.0.0.12:80"]),
    ("ipvsadm -e --tcp-service=192.0.2.2:80 --real-server ", &["10.0.0.21:80"]),
    ("ipvsadm -e -t192.0.2.2:80 -w 5 -r ", &["10.0.0.21:80"]),
    ("ipvsadm -d -u 192.0.2.1:53 -r ", &["10.0.0.53:53"]),
    ("ipvsadm -d -t [2001:db8::1]:443 -r ", &["[2001:db8::11]:443"]),
    ("ipvsadm -d -f 2 -6 -r ", &["[2001:db8::12]:0"]),
    ("ipvsadm -d -t 192.0.2.3:80 -r ", &[]),
    (
        "ipvsadm -a -f 2 -6 -r ",
        &["10.0.0.11:80", "10.0.0.12:80", "10.0.0.21:80", "10.0.0.53:53", "[2001:db8::11]:443"],
    ),
    ("ipvsadm -A -t 192.0.2.3:80 -s w", &["wlc", "wrr"]),
    ("ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-type ", &["gre", "gue", "ipip"]),
    ("ipvsadm --start-daemon ", &["backup", "master"]),
    ("ipvsadm --start-daemon master --mcast-interface ", &["director0", "lo"]),
    ("ipvsadm rs-setup --interface ", &["director0", "lo"]),
    ("ipvsadm rs-setup -i --tun-type g", &["gre", "gue"]),
    ("ipvsadm rs-setup --ch", &["--check"]),
    ("ipvsadm drain -t ", &["192.0.2.1:80", "192.0.2.2:80", "[2001:db8::1]:443"]),
    ("ipvsadm drain --tcp-service 192.0.2.1:80 -r ", &["10.0.0.11:80", "10.0.0.12:80"]),
    ("ipvsadm drain --wait 5 -t 192.0.2.1:80 -r ", &["10.0.0.11:80", "10.0.0.12:80"]),
    ("ipvsadm drain -t 192.0.2.1:80 --un", &["--undo"]),
    ("ipvsadm a", &["apply"]),
    ("ipvsadm r", &["rs-setup"]),
    ("ipvsadm t", &["top"]),
    ("ipvsadm top --i", &["--interval", "--ipv6"]),
    ("ipvsadm top -t 192.0.2.9:1 --fwmark-service ", &["1", "2"]),
    ("ipvsadm --add-", &["--add-server", "--add-service"]),
    ("ipvsadm -S --", &["--full", "--netns", "--no-thresholds", "--numeric"]),
    ("ipvsadm -C --", &["--netns"]),
    ("ipvsadm --stop-daemon backup --", &["--netns", "--syncid"]),
    ("ipvsadm apply --", &["--allow-empty", "--dry-run", "--help", "--json", "--keep", "--netns"]),
    ("ipvsadm --netns ", &["other"]),
    ("ipvsadm -C --netns ", &["other"]),
    ("ipvsadm apply --netns ", &["other"]),
    ("ipvsadm --netns other -D -t ", &["198.51.100.1:80"]),
    ("ipvsadm --netns other apply --k", &["--keep"]),
    ("ipvsadm --net", &["--netns"]),
    ("ipvsadm apply --keep some-r", &["some-rules"]),
    ("ipvsadm -R some-r", &["some-rules"]),
    ("ipvsadm-restore some-r", &["some-rules"]),
    ("ipvsadm-save some-r", &["some-rules"]),
    ("ipvsadm-save -n --", &["--full", "--netns", "--no-thresholds"]),
];

/// Completes every line in one shell. Then completes some without privilege, where the kernel's
/// values are missing and no error may appear.
fn all(shell: fn(&[&str], bool) -> Vec<String>) {
    oracle_with("-R", TABLE).ok();
    sh("ip link add director0 type dummy");
    sh("ip netns del other 2>&1 || true; ip netns add other && ip -n other link set lo up
        ip netns exec other /usr/sbin/ipvsadm -A -t 198.51.100.1:80");
    let lines: Vec<&str> = OFFERED.iter().map(|(line, _)| *line).collect();
    let answers = shell(&lines, true);
    assert_eq!(answers.len(), lines.len(), "{answers:?}");
    for ((line, offered), answer) in OFFERED.iter().zip(&answers) {
        assert_eq!(words(answer), *offered, "{line}");
    }
    let live =
        ["ipvsadm -D -t ", "ipvsadm -d -t 192.0.2.1:80 -r ", "ipvsadm -E -t 192.0.2.1:80 -s l"];
    let answers: Vec<String> = shell(&live, false);
    let answers: Vec<Vec<&str>> = answers.iter().map(|answer| words(answer)).collect();
    assert_eq!(answers, [&[][..], &[], &["lblc", "lblcr", "lc"]]);
}

fn words(answer: &str) -> Vec<&str> {
    let mut words: Vec<&str> = answer.lines().filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Runs a shell script in a folder with one file and our programs in PATH, as root or as nobody.
/// Returns its output for each line; the script ends each with the byte 0x1e.
#[track_caller]
fn answers(shell: &[&str], script: &str, privileged: bool) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::write(folder.path().join("some-rules"), "").expect("a new file");
    fs::write(folder.path().join("script"), script).expect("a new file");
    sh(&format!("chmod -R a+rwX {}", folder.path().display()));
    // A user without privilege may not have access to the folder that cargo builds into.
    let programs = folder.path().join("programs");
    fs::create_dir(&programs).expect("a new folder");
    for name in ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"] {
        fs::copy(program(name), programs.join(name)).expect("copied");
    }
    let completions = folder.path().join("completions");
    fs::create_dir(&completions).expect("a new folder");
    for name in ["ipvsadm", "_ipvsadm", "ipvsadm.fish"] {
        fs::copy(project().join("completions").join(name), completions.join(name)).expect("copied");
    }
    // The links of `make install`.
    sh(&format!(
        "cd {} && ln -s ipvsadm ipvsadm-save && ln -s ipvsadm ipvsadm-restore && ln -s ipvsadm.fish ipvsadm-save.fish",
        completions.display()
    ));
    sh(&format!("chmod -R a+rX {}", folder.path().display()));
    let here = folder.path().to_str().expect("a path in UTF-8");
    let user = if privileged {
        "exec"
    } else {
        "exec setpriv --reuid=65534 --regid=65534 --clear-groups --"
    };
    let command = format!(
        "cd {here} && export HOME={here} TERM=xterm PATH={here}/programs:$PATH && {user} {} ./script",
        shell.join(" ")
    );
    let ran = run("/bin/sh", &["-c", &command], b"");
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
    let mut answers: Vec<String> = ran.out.split('\x1e').map(str::to_string).collect();
    answers.pop();
    answers
}

/// Splits each line into words, at colons and `=` too, as readline does, and calls the completion.
fn bash(lines: &[&str], privileged: bool) -> Vec<String> {
    let mut script = String::from(
        "set -u\n. /usr/share/bash-completion/bash_completion\n. completions/ipvsadm\n\
         compopt() { :; }\n\
         line() {\n\
           COMPREPLY=() COMP_LINE=$1 COMP_POINT=${#1}; shift\n\
           COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)) COMP_TYPE=9 COMP_KEY=9\n\
           _ipvsadm \"${COMP_WORDS[0]}\" \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]-}\"\n\
           printf '%s\\n' \"${COMPREPLY[@]-}\"; printf '\\036'\n\
         }\n",
    );
    for line in lines {
        let mut parts = Vec::new();
        for word in line.split(' ') {
            let mut rest = word;
            while let Some(at) = rest.find([':', '=']) {
                let run = rest[at..].len() - rest[at..].trim_start_matches([':', '=']).len();
                parts.extend((at > 0).then(|| rest[..at].to_string()));
                parts.push(rest[at..at + run].to_string());
                rest = &rest[at + run..];
            }
            if !rest.is_empty() || rest.len() == word.len() {
                parts.push(rest.to_string());
            }
        }
        let parts: Vec<String> = parts.iter().map(|part| format!("'{part}'")).collect();
        script += &format!("line '{line}' {}\n", parts.join(" "));
    }
    answers(&["bash", "--norc"], &script, privileged)
}

fn colon() {
    oracle_with("-R", TABLE).ok();
    // readline replaces the text after the last colon.
    let offered = bash(&["ipvsadm -D -t 192.0.2.1:", "ipvsadm -D -t [2001:db8::"], true);
    assert_eq!(words(&offered[0]), ["80"]);
    assert_eq!(words(&offered[1]), ["1]:443"]);
}

/// bash-completion loads the file of the program's name when it first completes a line of it.
fn loaded() {
    for name in ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"] {
        let script = format!(
            ". /usr/share/bash-completion/bash_completion\nBASH_COMPLETION_USER_DIR=$PWD\n\
             _completion_loader {name} || [ $? = 124 ]\ncomplete -p {name}; printf '\\036'\n"
        );
        let answer = answers(&["bash", "--norc"], &script, true);
        assert_eq!(words(&answer[0]), [format!("complete -F _ipvsadm {name}")]);
    }
}

fn fish(lines: &[&str], privileged: bool) -> Vec<String> {
    let mut script = String::from("set fish_complete_path $PWD/completions $fish_complete_path\n");
    for line in lines {
        script += &format!("complete -C '{line}' | string replace -r '\\t.*' ''; printf '\\036'\n");
    }
    answers(&["fish", "--no-config"], &script, privileged)
}

/// zsh completes only in a terminal. So the script types into one (zpty) and records each match.
fn zsh(lines: &[&str], privileged: bool) -> Vec<String> {
    assert!(Path::new("/usr/bin/zsh").exists());
    let mut script = String::from(
        r#"
zmodload zsh/zpty zsh/zselect
cat >.zshrc <<'END'
PROMPT= RPROMPT=
unsetopt prompt_cr prompt_sp
fpath=($PWD/completions $fpath)
autoload -U compinit
compinit -u -D
zstyle ':completion:*' menu no
compadd() {
    local -a hits
    # With -O, -A or -D, compadd stores the matches in an array and offers none.
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
        builtin compadd -A hits "$@"
        ((${#hits})) && print -rl -- ${(Q)hits} >>offered
    fi
    builtin compadd "$@"
}
record() { zle complete-word; printf '\036' >>offered; zle kill-buffer; : >next; }
zle -N record
bindkey '^I' record
: >next
END
export ZDOTDIR=$PWD
zpty shell zsh -i
wait_for() { repeat 3000; do [[ -e next ]] && break; zselect -t 1; zpty -r -t shell noise '*' 2>/dev/null; done; [[ -e next ]] || { print -u2 no answer; exit 1 } }
wait_for
"#,
    );
    for line in lines {
        script += &format!("rm next; zpty -w -n shell $'{line}\\t'; wait_for\n");
    }
    script += "zpty -d shell\ncat offered\n";
    answers(&["zsh", "-f"], &script, privileged)
}
