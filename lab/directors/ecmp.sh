# shellcheck shell=bash
# Compare the real servers that independent directors choose with the same rules. Sourced by lab/failover.

# choose NAME ORDER [COMMAND]: create a director with a table from standard input, send a datagram of each flow through
# it, and save its list of connections as NAME. COMMAND changes the table before the flows arrive.
choose() {
  local name=$1 order=$2; shift 2
  ip -batch - <<<$'netns add ecmp\nnetns add flows\nlink add eth1 netns ecmp type veth peer name eth0 netns flows'
  ip -n ecmp -batch - <<END
link set lo up
link add eth0 type dummy
link set eth0 up
link set eth1 up
addr add 10.0.0.1/24 dev eth0
addr add $vip/32 dev eth1
route add 10.9.0.0/16 dev eth1
END
  ip -n flows -batch - <<END
link set lo up
link set eth0 up
route add local 10.9.0.0/16 dev lo
route add $vip dev eth0
END
  ip netns exec ecmp sysctl -qw net.ipv4.ip_forward=1
  ip netns exec ecmp ipvsadm apply -
  if [ $# -gt 0 ]; then ip netns exec ecmp bash -ec "$1"; fi
  ip netns exec flows /usr/bin/python3 "$here/directors/ecmp.py" send "$order"
  ip netns exec ecmp ipvsadm -Lnc >"$directors_work/$name"
  ip -batch - <<<$'netns del ecmp\nnetns del flows'
}

# rules SCHEDULER-WORDS LAST [weights]: print rules with eight real servers, 10.0.0.11 to 10.0.0.18, ending with LAST
# (18, or 11 for the reverse order). All have weight 1; `weights` gives them the weights 1 to 8.
rules() {
  local n
  echo "-A -u $vip:80 $1"
  for n in $([ "$2" = 18 ] && seq 11 18 || seq 18 -1 11); do echo "-a -u $vip:80 -r 10.0.0.$n:80 -g -w $([ $# = 3 ] && echo $((n - 10)) || echo 1)"; done
}

part_ecmp() {
  local mh='-s mh -b mh-port' sh='-s sh -b sh-port' third="-u $vip:80 -r 10.0.0.13:80"
  rules "$mh" 18 | choose mh 1
  rules "$mh" 18 | choose mh-twin 2
  rules "$mh" 11 | choose mh-reversed 2
  rules "$mh" 18 | choose mh-readded 2 "ipvsadm -d $third && ipvsadm -a $third -g"
  rules "$mh" 18 weights | choose mh-weights 1
  rules "$mh" 11 weights | choose mh-weights-reversed 2
  rules "$mh" 18 | choose mh-gone 2 "ipvsadm -d $third"
  rules "$mh" 18 | choose mh-quiet 2 "ipvsadm -e $third -g -w 0"
  rules "$mh,mh-fallback" 18 | choose mh-fallback 1
  rules "$mh,mh-fallback" 18 | choose mh-fallback-quiet 2 "ipvsadm -e $third -g -w 0"
  rules "$sh" 18 | choose sh 1
  rules "$sh" 18 | choose sh-twin 2
  rules "$sh" 18 | choose sh-gone 2 "ipvsadm -d $third"
  rules '-s rr' 18 | choose rr 1
  rules '-s rr' 18 | choose rr-twin 2
  /usr/bin/python3 "$here/directors/ecmp.py" figures "$directors_work" || fail 'two mh tables from the same rules choose differently'
}
