# shellcheck shell=bash
# Directors that are each other's real servers: show the packet loop, and what prevents it. Sourced by lab/failover.

# Print the number of packets that both directors have received.
packets() {
  local node sum=0
  for node in director director2; do
    sum=$((sum + $(on $node cat /sys/class/net/eth0/statistics/rx_packets)))
  done
  echo $sum
}

# wait_for_role NODE master|backup: wait until the notify script has run.
wait_for_role() {
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    if [ "$(on "$1" ipvsadm -L --daemon | grep -o '^[a-z]*' | tr '\n' ' ')" = "$2 " ]; then
      sleep 0.5
      return
    fi
    sleep 0.1
  done
  fail "$1 did not become $2: $(on "$1" ipvsadm -L --daemon)"
}

# try NAME STATUS: open twenty connections and count their packets. rs-setup --check on the standby must end with
# STATUS, or there is no standby when it is `none`.
try() {
  local name=$1 status=$2 before answer checked=0 says='all in place'
  on director2 ipvsadm rs-setup --check >"$directors_work/check" 2>&1 || checked=$?
  if grep -q '^WRONG: this host balances' "$directors_work/check"; then says=warns; fi
  if [ "$status" = none ]; then says=; fi
  [ $checked = "$status" ] || [ "$status" = none ] || fail "$name: rs-setup --check: status $checked: $(cat "$directors_work/check")"
  before=$(packets)
  answer=$(on client /usr/bin/python3 "$directors_tool" try $vip 80 20 0.7)
  sleep 0.5
  packets_taken=$(($(packets) - before))
  answered=$(figure answered "$answer")
  printf '%-62s %5s of 20  %6s   %s\n' "$name" "$answered" $packets_taken "$says"
}

# Two directors that are each other's real servers.
part_loop() {
  local node example=$here/../examples/two-directors answered packets_taken
  directors_up flat 0
  {
    echo "-A -t $vip:80 -s rr"
    echo "-a -t $vip:80 -r 10.0.0.1:80 -g"
    echo "-a -t $vip:80 -r 10.0.0.3:80 -g"
  } >"$directors_work/rules"
  for node in director director2; do hold_serve $node; on $node ipvsadm apply "$directors_work/rules"; done
  printf '%-62s %-11s  %s  %s\n' 'two directors that are real servers' answered 'packets' 'rs-setup --check on the standby'
  director_vip $vip
  on director2 ipvsadm rs-setup $vip >/dev/null
  try 'the same table on both, nothing else' 1
  [ $packets_taken -gt 300 ] && [ "$answered" -lt 20 ] || fail 'expected a loop, but there was none'
  on director2 sysctl -qw net.ipv4.vs.backup_only=1
  on director2 ipvsadm --start-daemon backup --mcast-interface eth0 --syncid 51
  on director ipvsadm --start-daemon master --mcast-interface eth0 --syncid 51
  try 'backup_only, and the backup daemon runs' 0
  expect_no_loop
  on director2 ipvsadm --stop-daemon backup
  on director ipvsadm --stop-daemon master
  on director2 sysctl -qw net.ipv4.vs.backup_only=0

  sed "s/-t $vip:80/-f 1/" "$directors_work/rules" >"$directors_work/marks"
  for node in director director2; do on $node ipvsadm apply "$directors_work/marks"; done
  on director "$example/mark-clients" 02:00:00:00:00:03
  on director2 "$example/mark-clients" 02:00:00:00:00:01
  sync_start
  try 'a firewall mark, by MAC address; both daemons on both' 0
  expect_no_loop
  for node in director director2; do
    on $node iptables -t mangle -F
    on $node ipvsadm --stop-daemon master
    on $node ipvsadm --stop-daemon backup
  done

  # Use keepalived as in the example.
  on director2 ipvsadm rs-setup --undo >/dev/null
  on director ip addr del $vip/32 dev eth0
  mkdir -p /etc/keepalived
  cp "$example/director-or-server" /etc/keepalived/
  chown root:root /etc/keepalived/director-or-server
  directors_vip=$vip
  for node in director director2; do
    on $node ipvsadm apply "$directors_work/rules"
    on $node sysctl -qw net.ipv4.vs.backup_only=1
    cp "$example/keepalived.conf" "$directors_work/$node.conf"
  done
  sed -i 's/priority 150/priority 100/' "$directors_work/director2.conf"
  keepalived_start
  active director
  wait_for_role director master; wait_for_role director2 backup
  try "keepalived's notify script" 0
  expect_no_loop
  cable director down
  active director2
  wait_for_role director2 master
  # Remove the failed server by hand: there are no health checks here.
  grep -v 'r 10\.0\.0\.1:' "$directors_work/rules" | on director2 ipvsadm apply -
  try '... the first director fails' none
  expect_no_loop
  on director2 ipvsadm apply "$directors_work/rules"
  cable director up
  active director
  wait_for_role director master; wait_for_role director2 backup
  try '... and is back' 0
  expect_no_loop
  directors_down
}

expect_no_loop() {
  [ "$answered" = 20 ] && [ $packets_taken -lt 300 ] || fail "packets still loop: $answered answers, $packets_taken packets"
}
