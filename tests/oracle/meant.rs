//! The one list of what we mean to do otherwise than ipvsadm 1.31: the tester excuses nothing else,
//! and the manual page repeats it.

pub struct Meant {
    pub name: &'static str,
    /// For the manual page, which is made in another test.
    #[allow(dead_code)]
    pub sentence: &'static str,
}

const fn meant(name: &'static str, sentence: &'static str) -> Meant {
    Meant { name, sentence }
}

pub const MEANT: &[Meant] = &[
    meant(
        "thresholds are saved",
        "A save holds -x and -y of a server that has thresholds; 1.31 loses them.",
    ),
    meant(
        "errors quote the value",
        "An error about a bad value quotes it, after the text of 1.31.",
    ),
    meant(
        "errors name the line",
        "An error in a restore names the line of the file and the command, after the text of 1.31.",
    ),
    meant(
        "saved names can be restored",
        "A save without -n writes numbers where a name could not be restored to the same address and port.",
    ),
    meant("names at once", "Each address is looked up once, all of them at the same time."),
    meant(
        "help and version",
        "-h and -v need neither the kernel module nor privilege, and their text is our own.",
    ),
    meant(
        "large marks",
        "A firewall mark of 2147483648 or more is shown and saved as it is; 1.31 shows a negative number, which it does not read back.",
    ),
    meant(
        "comments",
        "In -R a word that starts with # begins a comment; 1.31 ends there with an error.",
    ),
    meant(
        "restore checks first",
        "ipvsadm-restore reads and checks all of its input before it changes the table, and reports every bad line; 1.31 empties the table, then ends or goes on at each.",
    ),
    meant(
        "a file to restore",
        "ipvsadm-restore and -R take the name of a file; 1.31 takes no notice of one, or refuses it.",
    ),
    meant(
        "a file to save",
        "ipvsadm-save takes the name of a file, which is replaced as a whole or not at all; 1.31 takes no notice of one.",
    ),
    meant(
        "timeouts and daemons can be saved",
        "With --full, -S and ipvsadm-save add timeouts and synchronisation daemons, as lines that -R of 1.31 takes too.",
    ),
    meant(
        "-6 in any place",
        "-6 may stand before -f, and beside an IPv6 address; 1.31 refuses both.",
    ),
    meant(
        "the order of -r",
        "A real server without a port has the service's wherever -r stands; 1.31 gives it port 0 when -r comes before the service.",
    ),
    meant(
        "brackets",
        "[10.0.0.1]:80 is 10.0.0.1:80, and so with a host name; 1.31 loses the port, or takes one from inside the brackets.",
    ),
    meant(
        "IPv6 netmasks",
        "What follows the number in an IPv6 netmask is a mistake; 1.31 reads 64x as 64.",
    ),
    meant(
        "zeroing no address",
        "-Z of a service at 0.0.0.0 or :: without a port is about that service; 1.31 zeroes all counters.",
    ),
    meant(
        "counters of servers",
        "Counters of servers are shown whole; 1.31 cuts connections, packets and rates of servers, not of services, to 32 bits.",
    ),
    meant(
        "flags without a name",
        "A save holds flag-3 of the schedulers sh and mh; 1.31 writes nothing for it, or a -b that it cannot read.",
    ),
    meant(
        "crashes",
        "Lines on which 1.31 crashes (-b , for one) or hangs (a daemon started and stopped in one -R) do neither.",
    ),
];
