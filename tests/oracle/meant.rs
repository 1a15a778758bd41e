//! The complete list of intended differences from ipvsadm 1.31. The tester accepts no other, and the
//! manual page repeats it.

pub struct Meant {
    pub name: &'static str,
    /// The sentence of the manual page, which the suite `pages` generates.
    #[allow(dead_code)]
    pub sentence: &'static str,
}

const fn meant(name: &'static str, sentence: &'static str) -> Meant {
    Meant { name, sentence }
}

pub const MEANT: &[Meant] = &[
    meant(
        "thresholds are saved",
        "A save keeps the thresholds of a real server (-x and -y); 1.31 loses them.",
    ),
    meant(
        "errors quote the value",
        "An error about an invalid value quotes the value, after the text of 1.31.",
    ),
    meant(
        "errors name the line",
        "An error in a restore shows the line number and the command, after the text of 1.31.",
    ),
    meant(
        "saved names can be restored",
        "A save without -n writes numbers where a name could not be restored to the same address and port.",
    ),
    meant(
        "concurrent lookups",
        "Each address is looked up once, and all lookups run concurrently.",
    ),
    meant(
        "help and version",
        "-h and -v require neither the kernel module nor privilege, and their text differs; that of -v begins the same.",
    ),
    meant(
        "arguments first",
        "Arguments are checked before IPVS is asked, so their errors need neither the kernel module nor privilege; 1.31 asks first.",
    ),
    meant(
        "reasons",
        "After \"Can't initialize ipvs:\" the error gives the reason and nothing else; 1.31 adds a second line, and calls a missing module \"Protocol not available\".",
    ),
    meant(
        "unknown commands",
        "A first word that is no command, such as -X, -nl or list, is named in the error; 1.31 only refers to its help.",
    ),
    meant(
        "output",
        "A list that cannot be written, for example to a full disk, ends with status 1, and with status 0 if its reader closes the pipe; 1.31 ends with status 0, and by SIGPIPE.",
    ),
    meant(
        "large marks",
        "A firewall mark of 2147483648 or more is shown and saved unchanged; 1.31 writes a negative number, which it cannot read back.",
    ),
    meant(
        "comments",
        "In the input of -R, a word that starts with # begins a comment; 1.31 stops there with an error.",
    ),
    meant(
        "restore checks first",
        "ipvsadm-restore checks all of its input before it changes the table, and reports every invalid line; 1.31 clears the table first, and then stops at an invalid line or skips it.",
    ),
    meant(
        "restore changes what differs",
        "ipvsadm-restore changes only what differs, so that all else keeps its connections and counters, or nothing when the kernel refuses a line; 1.31 clears the table, and goes on after a refusal.",
    ),
    meant(
        "restore without rules",
        "ipvsadm-restore refuses input without a single rule if the table is not empty; 1.31 empties it.",
    ),
    meant(
        "options of restore",
        "ipvsadm-restore has options, and refuses unknown ones; 1.31 ignores its arguments.",
    ),
    meant(
        "a file to restore",
        "ipvsadm-restore and -R accept the name of a file; 1.31 ignores or refuses it.",
    ),
    meant(
        "a file to save",
        "ipvsadm-save accepts the name of a file, and replaces the file completely or not at all; 1.31 ignores the name.",
    ),
    meant(
        "timeouts and daemons can be saved",
        "With --full, -S and ipvsadm-save add timeouts and synchronisation daemons, in lines that -R of 1.31 accepts too.",
    ),
    meant(
        "-6 in any place",
        "-6 is accepted before -f, and with an IPv6 address; 1.31 refuses both.",
    ),
    meant(
        "the order of -r",
        "A real server without a port gets the port of the service, wherever -r is in the line; 1.31 gives it port 0 when -r comes before the service.",
    ),
    meant(
        "brackets",
        "[10.0.0.1]:80 means 10.0.0.1:80, and a host name may be in brackets too; 1.31 loses the port, or uses one from inside the brackets.",
    ),
    meant(
        "IPv6 netmasks",
        "An IPv6 netmask must be a number and nothing else; 1.31 reads 64x as 64.",
    ),
    meant(
        "zeroing no address",
        "-Z with a service at 0.0.0.0 or :: without a port zeroes that service; 1.31 zeroes all counters.",
    ),
    meant(
        "counters of servers",
        "Counters of real servers are shown in full; 1.31 truncates their connections, packets and rates to 32 bits, but not those of services.",
    ),
    meant(
        "flags without a name",
        "A save keeps flag-3 of the schedulers sh and mh; 1.31 writes nothing for it, or a -b that it cannot read.",
    ),
    meant(
        "crashes",
        "Lines that crash 1.31 (for example -b ,) or hang it (a daemon started and stopped in one -R) work or fail with an error.",
    ),
];
