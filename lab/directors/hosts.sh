# shellcheck shell=bash
# Run examples/many-servers on a dozen hosts, or HOSTS (at least 4). Sourced by lab/failover.

# Run one rs-setup line on all hosts. In place of ssh, a script enters the host's network namespace.
part_hosts() {
  local everywhere=$here/../examples/many-servers/rs-setup-everywhere n count=${HOSTS:-12}
  directors_work=$(mktemp -d)
  cd "$directors_work"
  for ((n = 1; n <= count; n++)); do echo "netns add host$n"; done | ip -batch -
  for ((n = 1; n <= count; n++)); do
    echo "link add eth0 netns host$n type dummy"
    echo "host$n" >>hosts.txt
  done | ip -batch -
  for ((n = 1; n <= count; n++)); do
    ip -n "host$n" -batch - <<<"link set lo up"$'\n'"link set eth0 up"$'\n'"addr add 10.0.0.$((10 + n))/24 dev eth0"
  done
  printf '#!/bin/sh\nhost=$1; shift\nexec ip netns exec "$host" sh -c "$*"\n' >enter
  chmod +x enter
  export SSH=$PWD/enter AT_ONCE=4
  expect_everywhere 'before' 1 0 $count --check "$vip"
  expect_everywhere 'rs-setup on all' 0 $count 0 "$vip"
  [ "$(grep -c 'changes))$' said)" = $count ] || fail "expected changes on $count hosts, got: $(cat said)"
  expect_everywhere 'once more' 0 $count 0 "$vip"
  [ "$(grep -c '(nothing to change))$' said)" = $count ] || fail "the second run changed something: $(cat said)"
  ip netns exec host2 sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.lo.arp_ignore=0
  ip netns del host3
  expect_everywhere 'one has lost a setting, one is gone' 1 $((count - 2)) 2 --check "$vip"
  grep -q '^host2: NOT READY' said && grep -q '^host3: FAILED' said || fail "$(cat said)"
  grep -q '"ok": false' reports/host2.json || fail 'host2 has no report of a failed check'
  sed -i '/^host3$/d' hosts.txt
  expect_everywhere 'rs-setup on those that are left' 0 $((count - 1)) 0 "$vip"
  for ((n = 1; n <= count; n++)); do [ $n = 3 ] || echo "netns del host$n"; done | ip -batch -
  cd /
}

# expect_everywhere NAME STATUS READY OTHERS WORDS...: run rs-setup-everywhere with WORDS; check its status and its counts.
expect_everywhere() {
  local name=$1 status=$2 ready=$3 others=$4 got=0
  shift 4
  "$everywhere" hosts.txt "$@" >said || got=$?
  printf '%-38s %2s ready, %2s not   status %s\n' "$name" "$(grep -c ': ready' said || true)" \
    "$(grep -vc ': ready' said || true)" $got
  [ $got = "$status" ] && [ "$(grep -c ': ready' said || true)" = "$ready" ] &&
    [ "$(grep -vc ': ready' said || true)" = "$others" ] || fail "$name: $(cat said)"
}
