//! systemd: a oneshot unit that runs the commands at boot, and the link that enables it.

use super::{Content, Target};
use std::path::PathBuf;

pub(super) fn files(command: &str, description: &str, commands: &[Vec<String>]) -> [Target; 2] {
    let name = format!("ipvsadm-{command}.service");
    let program = std::env::current_exe().unwrap_or_else(|_| "/usr/sbin/ipvsadm".into());
    let text = unit(&program.display().to_string(), command, description, commands);
    let link = format!("etc/systemd/system/multi-user.target.wants/{name}");
    [
        super::file(command, format!("etc/systemd/system/{name}"), &text),
        (link.into(), Content::Link(PathBuf::from(format!("../{name}")))),
    ]
}

fn unit(program: &str, command: &str, description: &str, commands: &[Vec<String>]) -> String {
    let starts: String = commands
        .iter()
        .map(|words| {
            let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
            format!("ExecStart={} {}\n", quote(program), words.join(" "))
        })
        .collect();
    format!(
        "[Unit]\n\
         Description={description}\n\
         Documentation=man:ipvsadm-{command}(8)\n\
         Wants=network-online.target\n\
         After=network-online.target systemd-sysctl.service systemd-modules-load.service systemd-networkd.service\n\
         # Runs again when networkd restarts, which may drop addresses that it does not know.\n\
         PartOf=systemd-networkd.service\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         RemainAfterExit=yes\n\
         {starts}\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    )
}

/// A word as systemd reads it in a command line.
fn quote(word: &str) -> String {
    let mut quoted = String::with_capacity(word.len());
    for c in word.chars() {
        match c {
            '\\' | '"' | '\'' => quoted.extend(['\\', c]),
            // Specifiers and variables.
            '%' | '$' => quoted.extend([c, c]),
            _ => quoted.push(c),
        }
    }
    if word.contains([' ', '\t', '"', '\'', '\\', ';']) { format!("\"{quoted}\"") } else { quoted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_runs_the_commands() {
        let words = |line: &str| line.split(' ').map(str::to_string).collect::<Vec<_>>();
        let commands = [words("rs-setup -g 10.0.0.100"), words("rs-setup -i 10.0.0.101")];
        let expected = "\
[Unit]
Description=A test
Documentation=man:ipvsadm-rs-setup(8)
Wants=network-online.target
After=network-online.target systemd-sysctl.service systemd-modules-load.service systemd-networkd.service
# Runs again when networkd restarts, which may drop addresses that it does not know.
PartOf=systemd-networkd.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/ipvsadm rs-setup -g 10.0.0.100
ExecStart=/usr/sbin/ipvsadm rs-setup -i 10.0.0.101

[Install]
WantedBy=multi-user.target
";
        assert_eq!(unit("/usr/sbin/ipvsadm", "rs-setup", "A test", &commands), expected);
    }

    #[test]
    fn words_are_quoted_for_systemd() {
        for (word, quoted) in [
            ("/usr/sbin/ipvsadm", "/usr/sbin/ipvsadm"),
            ("fd00::100", "fd00::100"),
            ("eth%$0", "eth%%$$0"),
            ("/my tools/ipvsadm", "\"/my tools/ipvsadm\""),
            ("a\tb", "\"a\tb\""),
            ("e;reboot", "\"e;reboot\""),
            (r#"a"b"#, r#""a\"b""#),
            ("a'b", r#""a\'b""#),
            (r"a\b", r#""a\\b""#),
        ] {
            assert_eq!(quote(word), quoted, "{word}");
        }
    }

    #[test]
    fn the_link_enables_the_unit() {
        let [unit, link] = files("rs-setup", "A test", &[]);
        assert_eq!(unit.0, PathBuf::from("etc/systemd/system/ipvsadm-rs-setup.service"));
        let Content::File(text) = unit.1 else { panic!("a file") };
        let head = "# Written by 'ipvsadm rs-setup --persist'; 'ipvsadm rs-setup --undo' removes it.\n[Unit]\n";
        assert!(text.starts_with(head), "{text}");
        let path = "etc/systemd/system/multi-user.target.wants/ipvsadm-rs-setup.service";
        let target = Content::Link("../ipvsadm-rs-setup.service".into());
        assert_eq!(link, (PathBuf::from(path), target));
    }
}
