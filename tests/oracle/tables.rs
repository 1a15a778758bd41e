//! The starting tables of cases, and the host and service names of the lab.
//!
//! Each table is input for `ipvsadm -R`. The addresses are those of `values.rs`, so that random
//! command lines often use services that exist.

pub struct Table {
    pub name: &'static str,
    pub rules: &'static str,
}

/// Sets the timeouts of a kernel after boot.
pub const TIMEOUTS: &str = "--set 900 120 300";

pub const TABLES: &[Table] = &[
    Table {
        name: "empty",
        rules: "",
    },
    Table {
        name: "mixed",
        rules: "\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -g -w 5
-a -t 10.0.0.1:80 -r 10.1.0.3:8080 -m -w 0
-A -t 10.0.0.1:443 -s wlc
-A -u 10.0.0.1:53 -s wrr -o
-a -u 10.0.0.1:53 -r 10.1.0.2:53 -i -w 100
-A --sctp-service 10.0.0.2:7004 -s sh -b sh-port
-a --sctp-service 10.0.0.2:7004 -r 10.1.0.1:7004 -m -w 2147483647
-A -t 10.0.1.1:21 -s lc
",
    },
    Table {
        name: "IPv6",
        rules: "\
-A -t [2001:db8::1]:80 -s rr
-a -t [2001:db8::1]:80 -r [2001:db8:1::1]:80 -g -w 1
-a -t [2001:db8::1]:80 -r [2001:db8:1::2]:8080 -m -w 7
-A -u [2001:db8::1]:53 -s wlc -p 90 -M 64
-a -u [2001:db8::1]:53 -r [2001:db8:1::1]:53 -g -w 1
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r [2001:db8:1::1]:80 -i -w 2
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -i -w 2
-A -f 1 -6 -s lc
-a -f 1 -6 -r [2001:db8:1::2]:0 -g -w 1
-A -t [2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa]:65535 -s mh -b mh-fallback,mh-port
-a -t [2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa]:65535 -r [2001:db8:1111:2222:3333:4444:5555:6666]:65535 -m -w 65535
",
    },
    Table {
        name: "marks",
        rules: "\
-A -f 1 -s wlc
-a -f 1 -r 10.1.0.1:0 -g -w 1
-a -f 1 -r 10.1.0.2:8080 -m -w 3
-A -f 1 -6 -s rr
-a -f 1 -6 -r [2001:db8:1::1]:0 -g -w 1
-A -f 100 -s sed -p 600
-A -f 2147483647 -s nq -o
-a -f 2147483647 -r 10.1.0.3:0 -i -w 4
",
    },
    Table {
        name: "persistence and thresholds",
        rules: "\
-A -t 10.0.0.2:0 -s wlc -p 1999999
-a -t 10.0.0.2:0 -r 10.1.0.1:0 -g -w 1 -x 100 -y 50
-a -t 10.0.0.2:0 -r 10.1.0.2:0 -g -w 2 -x 7
-A -t 10.0.0.1:80 -s dh -p 300 -M 255.255.255.0
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1 -x 2147483647 -y 2147483646
-a -t 10.0.0.1:80 -r 10.1.0.3:81 -m -w 9
-A -u 10.0.0.1:53 -s wrr -p 60 --pe sip
-a -u 10.0.0.1:53 -r 10.1.0.2:53 -g -w 1 -x 1
-A -t [2001:db8::2]:0 -s fo -p 360
-A -f 2 -s ovf -p 1 -M 255.255.0.0
",
    },
    Table {
        name: "tunnels",
        rules: "\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -i -w 1 --tun-type ipip
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -i -w 2 --tun-type gue --tun-port 6080 --tun-nocsum
-a -t 10.0.0.1:80 -r 10.1.0.3:80 -i -w 3 --tun-type gue --tun-port 65535 --tun-remcsum
-a -t 10.0.0.1:80 -r 10.1.0.4:80 -i -w 4 --tun-type gre --tun-csum
-a -t 10.0.0.1:80 -r [2001:db8:1::1]:80 -i -w 5 --tun-type gue --tun-port 1 --tun-csum
-A -t [2001:db8::1]:80 -s lblc
-a -t [2001:db8::1]:80 -r 10.1.0.1:80 -i -w 1 --tun-type gre
-a -t [2001:db8::1]:80 -r [2001:db8:1::1]:80 -i -w 1
-A -f 3 -s lblcr
-a -f 3 -r 10.1.0.1:0 -i -w 1 --tun-type gue --tun-port 6080
",
    },
    Table {
        name: "daemons and timeouts",
        rules: "\
--set 100 20 33
--start-daemon master --mcast-interface d0 --syncid 7 --sync-maxlen 1400
--start-daemon backup --mcast-interface lo --syncid 9 --mcast-group 224.0.0.99 --mcast-port 8849 --mcast-ttl 2
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
",
    },
    Table {
        name: "names",
        rules: "\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:7001 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:7002 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.3:7003 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.4:7003 -m -w 1
-A -u 10.0.0.7:7002 -s rr
-a -u 10.0.0.7:7002 -r 10.1.0.2:7001 -m -w 1
-A -u 10.0.0.1:7003 -s rr -p
-A --sctp-service 10.0.0.1:7004 -s rr
-A -t 127.0.0.1:7005 -s wlc
-a -t 127.0.0.1:7005 -r 10.1.0.99:7005 -m -w 1
-A -t [2001:db8::1]:80 -s rr
-a -t [2001:db8::1]:80 -r [2001:db8:1::1]:7001 -m -w 1
-a -t [2001:db8::1]:80 -r [2001:db8:1::9]:443 -m -w 1
-A -t [2001:db8::2]:0 -s rr -p 50
",
    },
];

/// Lines for the lab's /etc/hosts.
pub const HOSTS: &str = "\
10.0.0.1 vip.oracle.test vip
10.0.0.7 both.oracle.test both
2001:db8::7 both.oracle.test both
10.1.0.1 rs1.oracle.test rs1
10.1.0.2 a-real-server-with-a-long-name-that-fits-no-column.oracle.test longrs
10.1.0.3 twice.oracle.test twice
10.1.0.4 twice.oracle.test twice
10.0.1.1 ftp
2001:db8::1 six.oracle.test six
2001:db8:1::1 rs6.oracle.test rs6
2001:db8:1::9 an-ipv6-server-with-a-long-name-that-fits-no-column.oracle.test
";

/// Lines for the lab's /etc/services.
pub const SERVICES: &str = "\
oracle-tcp 7001/tcp
oracle-udp 7002/udp
oracle-both-with-a-long-name 7003/tcp
oracle-both-with-a-long-name 7003/udp
oracle-sctp 7004/sctp
o-x 7005/tcp
";
