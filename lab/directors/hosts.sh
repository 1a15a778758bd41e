# shellcheck shell=bash
# examples/many-servers on a dozen hosts, or HOSTS (4 at least). To be sourced by lab/failover.

# One line of rs-setup on all of them, over something that enters a network namespace where ssh would go to a host.
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
  everywhere_is 'before' 1 0 $count --check "$vip"
  everywhere_is 'rs-setup on all' 0 $count 0 "$vip"
  [ "$(grep -c 'changes))$' said)" = $count ] || fail "not $count changed: $(cat said)"
  everywhere_is 'once more' 0 $count 0 "$vip"
  [ "$(grep -c '(nothing to change))$' said)" = $count ] || fail "the second run changed something: $(cat said)"
  ip netns exec host2 sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.lo.arp_ignore=0
  ip netns del host3
  everywhere_is 'one has lost a setting, one is gone' 1 $((count - 2)) 2 --check "$vip"
  grep -q '^host2: NOT READY' said && grep -q '^host3: FAILED' said || fail "$(cat said)"
  grep -q '"ok": false' reports/host2.json || fail 'no report of host2'
  sed -i '/^host3$/d' hosts.txt
  everywhere_is 'rs-setup on those that are left' 0 $((count - 1)) 0 "$vip"
  for ((n = 1; n <= count; n++)); do [ $n = 3 ] || echo "netns del host$n"; done | ip -batch -
  cd /
}

# everywhere_is NAME STATUS READY OTHERS WORDS...
everywhere_is() {
  local name=$1 status=$2 ready=$3 others=$4 got=0
  shift 4
  "$everywhere" hosts.txt "$@" >said || got=$?
  printf '%-38s %2s ready, %2s not   status %s\n' "$name" "$(grep -c ': ready' said || true)" \
    "$(grep -vc ': ready' said || true)" $got
  [ $got = "$status" ] && [ "$(grep -c ': ready' said || true)" = "$ready" ] &&
    [ "$(grep -vc ': ready' said || true)" = "$others" ] || fail "$name: $(cat said)"
}
