# ipvsadm, ipvsadm-save and ipvsadm-restore in fish.
# Made by 'make pages' from completions/fish.in and the options.

# The words of the line without a namespace in front.
function __ipvsadm_words
    set -l words (commandline -opc)
    if set -q words[3]; and test "$words[2]" = --netns
        set -e words[2..3]
    end
    printf '%s\n' $words
end

# The command that the line has, by its long name; nothing while it has none.
function __ipvsadm_verb
    set -l words (__ipvsadm_words)
    set -q words[2]; or return
    switch $words[2]
        case '--*'
            string replace -r '^--([^=]*).*' '$1' -- $words[2]
        case '-A*'
            echo add-service
        case '-E*'
            echo edit-service
        case '-D*'
            echo delete-service
        case '-C*'
            echo clear
        case '-R*'
            echo restore
        case '-S*'
            echo save
        case '-a*'
            echo add-server
        case '-e*'
            echo edit-server
        case '-d*'
            echo delete-server
        case '-L*'
            echo list
        case '-l*'
            echo list
        case '-Z*'
            echo zero
        case '-h*'
            echo help
        case '-v*'
            echo version
        case '*'
            echo -- $words[2]
    end
end

function __ipvsadm_is
    contains -- (__ipvsadm_verb; or echo) $argv
end

function __ipvsadm_first
    test (count (__ipvsadm_words)) = 1
end

# At the value of the command.
function __ipvsadm_behind
    __ipvsadm_is $argv; and test (count (__ipvsadm_words)) = 2
end

# The rules of the table that is in the kernel; none without privilege. ip_vs is not loaded for this.
function __ipvsadm_rules
    set -l words (commandline -opc)
    set -l netns
    if set -q words[3]; and test "$words[2]" = --netns
        set netns $words[2..3]
    end
    test -e /proc/net/ip_vs; and $words[1] $netns -Sn 2>/dev/null
end

# Services of a kind: -t, -u, --sctp-service, -f. What is there already cannot be added.
function __ipvsadm_services
    __ipvsadm_is add-service; and return
    __ipvsadm_rules | while read -l verb kind service rest
        test "$verb $kind" = "-A $argv[1]"; and echo -- $service
    end
end

# The service that the line has, as in a rule.
function __ipvsadm_service
    string join ' ' -- (commandline -opc) \
        | string replace -ra -- ' (--tcp-service|-[A-Za-z0-9]*t)[= ]?(?=[^ ])' ' -t ' \
        | string replace -ra -- ' (--udp-service|-[A-Za-z0-9]*u)[= ]?(?=[^ ])' ' -u ' \
        | string replace -ra -- ' (--fwmark-service|-[A-Za-z0-9]*f)[= ]?(?=[^ ])' ' -f ' \
        | string replace -ra -- ' --sctp-service[= ]' ' --sctp-service ' \
        | string match -r -- '(?<= )(?:-t|-u|-f|--sctp-service) [^ ]+' | head -n 1
end

# Its servers; where one is to be added, those of the other services.
function __ipvsadm_servers
    set -l given (__ipvsadm_service)
    set -l wanted its
    __ipvsadm_is add-server; and set wanted other
    __ipvsadm_rules | while read -l verb kind service rest
        test "$verb" = -a; or continue
        set -l which other
        test "$kind $service" = "$given"; and set which its
        test $which = $wanted; and string replace -r -- '.*-r ([^ ]+).*' '$1' $rest
    end | sort -u
end

# Network namespaces that have a name.
function __ipvsadm_namespaces
    for path in /run/netns/*
        string replace -r '.*/' '' $path
    end
end

function __ipvsadm_interfaces
    # Those of this network namespace; the two lines above them have no colon.
    string replace -rf '^ *([^: ]+):.*' '$1' </proc/net/dev
end

complete -c ipvsadm -f
complete -c ipvsadm -n '__ipvsadm_is restore apply' -F
complete -c ipvsadm-save -s n -d 'addresses and ports as numbers, not names'
complete -c ipvsadm-save -l full -d 'the timeouts and the synchronisation daemons too'
complete -c ipvsadm-save -l netns -x -a '(__ipvsadm_namespaces)' -d 'act in this network namespace: a name of ip netns, or a path like /proc/PID/ns/net'
complete -c ipvsadm-restore -l netns -x -a '(__ipvsadm_namespaces)' -d 'act in this network namespace: a name of ip netns, or a path like /proc/PID/ns/net'
complete -c ipvsadm -n '__ipvsadm_first' -s A -l add-service -d 'add a virtual service'
complete -c ipvsadm -n '__ipvsadm_first' -s E -l edit-service -d 'change a virtual service; what is not given is set to its default'
complete -c ipvsadm -n '__ipvsadm_first' -s D -l delete-service -d 'delete a virtual service and its real servers'
complete -c ipvsadm -n '__ipvsadm_first' -s C -l clear -d 'delete all virtual services'
complete -c ipvsadm -n '__ipvsadm_first' -s R -l restore -d 'carry out the rules on standard input, a line each, or those of a file'
complete -c ipvsadm -n '__ipvsadm_first' -s S -l save -d 'write all rules to standard output, as -R reads them'
complete -c ipvsadm -n '__ipvsadm_first' -s a -l add-server -d 'add a real server to a virtual service'
complete -c ipvsadm -n '__ipvsadm_first' -s e -l edit-server -d 'change a real server; what is not given is set to its default'
complete -c ipvsadm -n '__ipvsadm_first' -s d -l delete-server -d 'delete a real server from a virtual service'
complete -c ipvsadm -n '__ipvsadm_first' -s L -s l -l list -d 'list the table, or one virtual service; done when no command is given'
complete -c ipvsadm -n '__ipvsadm_first' -s Z -l zero -d 'zero the counters of one virtual service, or of all'
complete -c ipvsadm -n '__ipvsadm_first' -l set -d 'set the timeouts of idle connections in seconds: TCP, TCP after a FIN, UDP; 0 leaves one as it is'
complete -c ipvsadm -n '__ipvsadm_first; or __ipvsadm_behind start-daemon' -l start-daemon -x -a 'master backup' -d 'start the daemon that sends connections to other directors, or receives them'
complete -c ipvsadm -n '__ipvsadm_first; or __ipvsadm_behind stop-daemon' -l stop-daemon -x -a 'master backup' -d 'stop that daemon'
complete -c ipvsadm -n '__ipvsadm_first' -s h -l help -d 'show this help'
complete -c ipvsadm -n '__ipvsadm_first' -s v -l version -d 'show the version'
complete -c ipvsadm -n '__ipvsadm_is add-service edit-service delete-service add-server edit-server delete-server list zero' -s t -l tcp-service -x -a '(__ipvsadm_services -t)' -d 'the TCP service at this address'
complete -c ipvsadm -n '__ipvsadm_is add-service edit-service delete-service add-server edit-server delete-server list zero' -s u -l udp-service -x -a '(__ipvsadm_services -u)' -d 'the UDP service at this address'
complete -c ipvsadm -n '__ipvsadm_is add-service edit-service delete-service add-server edit-server delete-server list zero' -l sctp-service -x -a '(__ipvsadm_services --sctp-service)' -d 'the SCTP service at this address'
complete -c ipvsadm -n '__ipvsadm_is add-service edit-service delete-service add-server edit-server delete-server list zero' -s f -l fwmark-service -x -a '(__ipvsadm_services -f)' -d 'the service of packets with this firewall mark, 1 or more'
complete -c ipvsadm -n '__ipvsadm_is add-service edit-service delete-service add-server edit-server delete-server list zero' -s 6 -l ipv6 -d 'the service of a firewall mark is for IPv6'
complete -c ipvsadm -n '__ipvsadm_is add-service edit-service' -s s -l scheduler -x -a 'rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh' -d 'how servers are chosen: rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh; wlc by default'
complete -c ipvsadm -n '__ipvsadm_is add-service edit-service' -s b -l sched-flags -x -a 'sh-fallback sh-port mh-fallback mh-port flag-1 flag-2 flag-3' -d 'flags for the scheduler, with commas between: sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3'
complete -c ipvsadm -n '__ipvsadm_is add-service edit-service' -s p -l persistent -d 'a client keeps its server for this long, 360 seconds by default'
complete -c ipvsadm -n '__ipvsadm_is add-service edit-service' -s M -l netmask -x -d 'clients equal under this mask (IPv6: prefix length) are one client to persistence'
complete -c ipvsadm -n '__ipvsadm_is add-service edit-service' -l pe -x -a 'sip' -d 'what else tells clients apart for persistence: sip'
complete -c ipvsadm -n '__ipvsadm_is add-service edit-service' -s o -l ops -d 'schedule each datagram by itself (UDP)'
complete -c ipvsadm -n '__ipvsadm_is add-server edit-server delete-server' -s r -l real-server -x -a '(__ipvsadm_servers)' -d 'the real server at this address; the port is the service'\''s by default'
complete -c ipvsadm -n '__ipvsadm_is add-server edit-server' -s g -l gatewaying -d 'forward by direct routing (default)'
complete -c ipvsadm -n '__ipvsadm_is add-server edit-server' -s i -l ipip -d 'forward through a tunnel'
complete -c ipvsadm -n '__ipvsadm_is add-server edit-server' -s m -l masquerading -d 'forward by network address translation'
complete -c ipvsadm -n '__ipvsadm_is add-server edit-server' -l tun-type -x -a 'ipip gue gre' -d 'kind of tunnel: ipip, gue, gre; ipip by default'
complete -c ipvsadm -n '__ipvsadm_is add-server edit-server' -l tun-port -x -d 'UDP port of a gue tunnel'
complete -c ipvsadm -n '__ipvsadm_is add-server edit-server' -l tun-nocsum -d 'no checksum in the tunnel (gue, gre)'
complete -c ipvsadm -n '__ipvsadm_is add-server edit-server' -l tun-csum -d 'a checksum in the tunnel (gue, gre)'
complete -c ipvsadm -n '__ipvsadm_is add-server edit-server' -l tun-remcsum -d 'remote checksum offload in the tunnel (gue)'
complete -c ipvsadm -n '__ipvsadm_is add-server edit-server' -s w -l weight -x -d 'share of the connections, 0 for no new ones; 1 by default'
complete -c ipvsadm -n '__ipvsadm_is add-server edit-server' -s x -l u-threshold -x -d 'no new connections from this many on; 0, the default, for no limit'
complete -c ipvsadm -n '__ipvsadm_is add-server edit-server' -s y -l l-threshold -x -d 'new connections again below this many'
complete -c ipvsadm -n '__ipvsadm_is save list' -s n -l numeric -d 'addresses and ports as numbers, not names'
complete -c ipvsadm -n '__ipvsadm_is save' -l full -d 'with -S: the timeouts and the synchronisation daemons too'
complete -c ipvsadm -n '__ipvsadm_is list' -s c -l connection -d 'list the current connections'
complete -c ipvsadm -n '__ipvsadm_is list' -l timeout -d 'show the timeouts of idle connections'
complete -c ipvsadm -n '__ipvsadm_is list' -l daemon -d 'show the connection synchronisation daemons'
complete -c ipvsadm -n '__ipvsadm_is list' -l stats -d 'list connections, packets and bytes counted'
complete -c ipvsadm -n '__ipvsadm_is list' -l rate -d 'list connections, packets and bytes per second'
complete -c ipvsadm -n '__ipvsadm_is list' -s X -l exact -d 'large numbers in full'
complete -c ipvsadm -n '__ipvsadm_is list' -l thresholds -d 'list the thresholds of real servers'
complete -c ipvsadm -n '__ipvsadm_is list' -l persistent-conn -d 'list the persistent connections; with -c, what the persistence engine knows'
complete -c ipvsadm -n '__ipvsadm_is list' -l tun-info -d 'list the tunnels to real servers'
complete -c ipvsadm -n '__ipvsadm_is list' -l json -d 'list as a JSON document, in numbers; with -c, --timeout and --daemon too'
complete -c ipvsadm -n '__ipvsadm_is list' -l pretty -d 'list as tables for a wide terminal, with shares as bars'
complete -c ipvsadm -n '__ipvsadm_is list' -l nosort -d 'list in the kernel'\''s own order'
complete -c ipvsadm -n '__ipvsadm_is list' -l sort -d 'list by address and port: so it is anyway'
complete -c ipvsadm -n '__ipvsadm_is list start-daemon stop-daemon' -l syncid -x -d 'only daemons with the same id talk to each other; 0 to 255'
complete -c ipvsadm -n '__ipvsadm_is start-daemon' -l sync-maxlen -x -d 'largest message; by default as the interface allows'
complete -c ipvsadm -n '__ipvsadm_is start-daemon' -l mcast-interface -x -a '(__ipvsadm_interfaces)' -d 'interface to send or listen on'
complete -c ipvsadm -n '__ipvsadm_is start-daemon' -l mcast-group -x -d 'multicast group, IPv4 or IPv6; 224.0.0.81 by default'
complete -c ipvsadm -n '__ipvsadm_is start-daemon' -l mcast-port -x -d 'UDP port; 8848 by default'
complete -c ipvsadm -n '__ipvsadm_is start-daemon' -l mcast-ttl -x -d 'time to live of messages; 1 by default'
complete -c ipvsadm -n 'true' -l netns -x -a '(__ipvsadm_namespaces)' -d 'act in this network namespace: a name of ip netns, or a path like /proc/PID/ns/net'
complete -c ipvsadm -n __ipvsadm_first -a apply -d 'Make the table what a file says, with the fewest changes'
complete -c ipvsadm -n '__ipvsadm_is apply' -l dry-run -d 'Print the changes as lines that -R takes, and make none; the status is 1 when there are any'
complete -c ipvsadm -n '__ipvsadm_is apply' -l keep -d 'Leave services and daemons alone that the file does not name'
complete -c ipvsadm -n '__ipvsadm_is apply' -l json -d 'Print the changes as JSON'
complete -c ipvsadm -n '__ipvsadm_is apply' -s h -l help -d 'Print help'
complete -c ipvsadm -n __ipvsadm_first -a drain -d 'Give a real server no new connections, and wait until those that are open have ended'
complete -c ipvsadm -n '__ipvsadm_is drain' -s t -l tcp-service -x -a '(__ipvsadm_services -t)' -d 'the TCP service at this address'
complete -c ipvsadm -n '__ipvsadm_is drain' -s u -l udp-service -x -a '(__ipvsadm_services -u)' -d 'the UDP service at this address'
complete -c ipvsadm -n '__ipvsadm_is drain' -l sctp-service -x -a '(__ipvsadm_services --sctp-service)' -d 'the SCTP service at this address'
complete -c ipvsadm -n '__ipvsadm_is drain' -s f -l fwmark-service -x -a '(__ipvsadm_services -f)' -d 'the service of packets with this firewall mark, 1 or more'
complete -c ipvsadm -n '__ipvsadm_is drain' -s 6 -l ipv6 -d 'the service of a firewall mark is for IPv6'
complete -c ipvsadm -n '__ipvsadm_is drain' -s r -l real-server -x -a '(__ipvsadm_servers)' -d 'the real server at this address; the port is the service'\''s by default'
complete -c ipvsadm -n '__ipvsadm_is drain' -l wait -x -d 'Wait no longer than this, 0 for not at all; without it as long as it takes'
complete -c ipvsadm -n '__ipvsadm_is drain' -l undo -d 'Put back the weight that the server had'
complete -c ipvsadm -n '__ipvsadm_is drain' -s h -l help -d 'Print help'
complete -c ipvsadm -n __ipvsadm_first -a rs-setup -d 'Set this host up as a real server: all that the forwarding method requires, and no more'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -s g -l gatewaying -d 'Direct routing (default)'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -s i -l ipip -d 'Tunnel'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -s m -l masquerading -d 'NAT: answers return through the director'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -l tun-type -x -a 'ipip gue gre' -d 'With -i: the encapsulation, as in the director'\''s -a [default: ipip]'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -l tun-port -x -d 'With gue: the UDP port, as in the director'\''s -a'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -l outer -x -a '4 6' -d 'With -i: the family of the outer header [default: the family of the VIP]'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -l rp-filter -x -a 'off loose' -d 'With -i: off sets 0 on the tunnel device and on all, and preserves the effective value of other devices; loose sets 2 on the tunnel device only [default: off]'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -l interface -x -a '(__ipvsadm_interfaces)' -d 'Apply the ARP settings to IF instead of all (repeatable)'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -l gateway -x -d 'With -m: the inside address of the director (one of each family)'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -l check -d 'Report what is in place, what is missing and what is wrong'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -l undo -d 'Revert what rs-setup did, and only that'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -l dry-run -d 'Print the commands that would do the same; change nothing'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -l persist -d 'Make it last across reboots'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -l json -d 'With --check or --dry-run: print JSON'
complete -c ipvsadm -n '__ipvsadm_is rs-setup' -s h -l help -d 'Print help'
complete -c ipvsadm -n __ipvsadm_first -a top -d 'Watch services and servers at work'
complete -c ipvsadm -n '__ipvsadm_is top' -s n -l numeric -d 'Numbers rather than names; the key n changes it'
complete -c ipvsadm -n '__ipvsadm_is top' -l interval -x -d 'Time from one reading to the next, from 0.1 to 3600; 2 unless given: the kernel reckons its rates no more often'
complete -c ipvsadm -n '__ipvsadm_is top' -s t -l tcp-service -x -a '(__ipvsadm_services -t)' -d 'the TCP service at this address'
complete -c ipvsadm -n '__ipvsadm_is top' -s u -l udp-service -x -a '(__ipvsadm_services -u)' -d 'the UDP service at this address'
complete -c ipvsadm -n '__ipvsadm_is top' -l sctp-service -x -a '(__ipvsadm_services --sctp-service)' -d 'the SCTP service at this address'
complete -c ipvsadm -n '__ipvsadm_is top' -s f -l fwmark-service -x -a '(__ipvsadm_services -f)' -d 'the service of packets with this firewall mark, 1 or more'
complete -c ipvsadm -n '__ipvsadm_is top' -s 6 -l ipv6 -d 'the service of a firewall mark is for IPv6'
complete -c ipvsadm -n '__ipvsadm_is top' -s h -l help -d 'Print help'
