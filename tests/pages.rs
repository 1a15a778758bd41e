//! The manual page, made from the option table and the list of meant differences.
//!
//! `make pages` (UPDATE_PAGES=1) writes it; without, the test fails when the committed one is stale.

#[path = "oracle/meant.rs"]
mod meant;

use std::path::Path;

const SYNOPSIS: &str = "\
.SH SYNOPSIS
.nf
\\fBipvsadm\\fR \\fB\\-A\\fR|\\fB\\-E\\fR \\fIservice\\fR [\\fB\\-s\\fR \\fIscheduler\\fR] [\\fB\\-p\\fR [\\fIseconds\\fR]] [\\fB\\-M\\fR \\fInetmask\\fR] [\\fB\\-\\-pe\\fR \\fIengine\\fR] [\\fB\\-b\\fR \\fIflags\\fR] [\\fB\\-o\\fR]
\\fBipvsadm\\fR \\fB\\-D\\fR \\fIservice\\fR
\\fBipvsadm\\fR \\fB\\-a\\fR|\\fB\\-e\\fR \\fIservice\\fR \\fB\\-r\\fR \\fIserver\\fR [\\fB\\-g\\fR|\\fB\\-i\\fR|\\fB\\-m\\fR] [\\fB\\-w\\fR \\fIweight\\fR] [\\fB\\-x\\fR \\fIconnections\\fR] [\\fB\\-y\\fR \\fIconnections\\fR]
\\fBipvsadm\\fR \\fB\\-d\\fR \\fIservice\\fR \\fB\\-r\\fR \\fIserver\\fR
\\fBipvsadm\\fR [\\fB\\-L\\fR|\\fB\\-l\\fR] [\\fIservice\\fR] [\\fB\\-n\\fR] [\\fB\\-\\-stats\\fR|\\fB\\-\\-rate\\fR|...]
\\fBipvsadm\\fR \\fB\\-L\\fR \\fB\\-c\\fR|\\fB\\-\\-timeout\\fR|\\fB\\-\\-daemon\\fR [\\fB\\-n\\fR]
\\fBipvsadm\\fR \\fB\\-Z\\fR [\\fIservice\\fR]
\\fBipvsadm\\fR \\fB\\-C\\fR
\\fBipvsadm\\fR \\fB\\-S\\fR [\\fB\\-n\\fR]
\\fBipvsadm\\fR \\fB\\-R\\fR
\\fBipvsadm\\fR \\fB\\-\\-set\\fR \\fItcp\\fR \\fItcpfin\\fR \\fIudp\\fR
\\fBipvsadm\\fR \\fB\\-\\-start\\-daemon\\fR|\\fB\\-\\-stop\\-daemon\\fR \\fBmaster\\fR|\\fBbackup\\fR [...]
\\fBipvsadm\\fR \\fB\\-h\\fR | \\fB\\-v\\fR
.fi
.SH DESCRIPTION
IPVS is the load balancer inside the Linux kernel. A director holds virtual services, each an address and port that clients know
or a firewall mark, and hands every new connection to one of the real servers of the service: by direct routing, through a
tunnel, or by network address translation.
.B ipvsadm
sets up, changes and shows the table of services and servers of the network namespace it runs in.
.PP
A command comes first. A
.I service
is named by
.BR \\-t ,
.BR \\-u ,
.B \\-\\-sctp\\-service
or
.BR \\-f .
Host names (IPv4) and service names can stand for addresses and ports; an IPv6 address with a port is written
.RI [ address ]: port .
The kernel module ip_vs is loaded when it is not there.
";

const REST: &str = "\
.SH EXIT STATUS
.TP
0
Done.
.TP
1
A list failed.
.TP
2
A bad value or combination; no IPVS in this kernel; no privilege (CAP_NET_ADMIN is needed).
.TP
255
The kernel refused, or an option is unknown or lacks its value.
.PP
With
.B \\-R
it is the status of the last line that is not empty. A line that the kernel refuses, or with an unknown option, does not keep the
lines after it from being carried out; a bad value, a line that begins with no command, and a list that fails end it at once.
.SH FILES
.TP
/proc/net/ip_vs_conn
The connections that
.B \\-L \\-c
lists.
.TP
/proc/sys/kernel/modprobe
The program that loads ip_vs.
.SH EXAMPLES
.nf
ipvsadm \\-A \\-t 192.0.2.1:80 \\-s wrr
ipvsadm \\-a \\-t 192.0.2.1:80 \\-r 10.0.0.11 \\-g \\-w 2
ipvsadm \\-a \\-t 192.0.2.1:80 \\-r 10.0.0.12:8080 \\-m
ipvsadm \\-e \\-t 192.0.2.1:80 \\-r 10.0.0.11 \\-g \\-w 0
ipvsadm \\-L \\-n \\-\\-stats
ipvsadm \\-S \\-n > rules; ipvsadm \\-C; ipvsadm \\-R < rules
.fi
.SH DIFFERENCES FROM IPVSADM 1.31
This program takes what ipvsadm 1.31 takes, prints what it prints and ends with its status, but for the following.
";

/// A text as roff takes it: no line begins with a request, and a hyphen is one that can be copied.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

fn ipvsadm_page() -> String {
    let mut command = ipvsadm::cli::help::command();
    command.build();
    let page = clap_mangen::Man::new(command).section("8").manual("System administration");
    let mut options = Vec::new();
    page.render_options_section(&mut options).expect("a Vec takes everything");
    let options = String::from_utf8(options).expect("the table is text");
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        ".\\\" Made by 'make pages' from the option table and tests/oracle/meant.rs.\n\
         .TH IPVSADM 8 \"\" \"ipvsadm {version}\" \"System administration\"\n\
         .SH NAME\nipvsadm \\- administer Linux Virtual Server\n{SYNOPSIS}{options}{REST}"
    );
    for meant in meant::MEANT {
        text += &format!(".TP\n{}\n{}\n", roff(meant.name), roff(meant.sentence));
    }
    text + ".SH SEE ALSO\n.BR ipvsadm\\-rs\\-setup (8),\n.BR ipvsadm\\-save (8),\n.BR ipvsadm\\-restore (8)\n"
}

#[test]
fn the_manual_page_is_of_today() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/ipvsadm.8");
    let made = ipvsadm_page();
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::create_dir_all(path.parent().expect("it is in man/")).expect("man/ can be made");
        std::fs::write(&path, &made).expect("man/ can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "man/ipvsadm.8 is stale: run `make pages`");
}

#[test]
fn the_page_says_everything() {
    let page = ipvsadm_page();
    for spec in ipvsadm::cli::options::OPTIONS {
        assert!(page.contains(&roff(&format!("--{}", spec.long))), "{}", spec.long);
    }
    for meant in meant::MEANT {
        assert!(page.contains(&roff(meant.sentence)), "{}", meant.name);
    }
}
