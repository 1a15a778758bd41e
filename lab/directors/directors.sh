# shellcheck shell=bash
# An active and a standby director. Source this file after lab/network.sh, in the lab.
#
#   director2  10.0.0.3  10.1.0.3  MAC address 02:00:00:00:00:03 (inside 02:01:00:00:00:03)
#
#   directors_up [flat|nat] [N]  create the network with a second director
#   directors_down               remove it, and stop every process started here
#   vrrp_start VIP... [-- LINE...]   run keepalived on both directors, for VRRP only: a VIP is
#                                `ADDRESS/LENGTH dev DEVICE`; the LINEs are added to the instance
#   keepalived_start             run keepalived on both directors, with the files NODE.conf in $directors_work
#   active NODE [SECONDS]        wait until NODE has the first VIP and the other director does not
#   cable NODE up|down           connect or disconnect all cables of a node
#   hold_start COUNT             start the client's connections (hold.py) to 10.0.0.100:80, from 20 addresses
#   hold COMMAND                 send a command to hold.py; print its answer
#   figure NAME ANSWER           print the value of NAME=VALUE in an answer

directors_here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
directors_tool=$directors_here/hold.py
directors_work=$(mktemp -d)
declare -g directors_vip= directors_kind=
declare -ga directors_pids=()

directors_up() {
  directors_kind=${1:-flat}
  network_up "$directors_kind" "${2:-2}" || return
  network_nodes+=" director2"
  ip netns add "${NETWORK}director2" || return
  network_join director2 front eth0 3 02:00:00:00:00:03 || return
  if [ "$directors_kind" = nat ]; then network_join director2 inside eth1 3 02:01:00:00:00:03 || return; fi
  on director2 sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 || return
  for ((i = 201; i <= 220; i++)); do echo "addr add 10.0.0.$i/32 dev eth0"; done |
    ip -n "${NETWORK}client" -batch -
}

directors_down() {
  local node pid
  if [ -n "${HOLD_PID-}" ]; then eval "exec ${HOLD[1]}>&-"; wait "$HOLD_PID"; fi 2>/dev/null
  for node in director director2; do
    if read -r pid 2>/dev/null <"$directors_work/$node.pid"; then
      kill "$pid"
      while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    fi
    rm -f "$directors_work/$node.pid"
  done
  [ ${#directors_pids[@]} = 0 ] || kill "${directors_pids[@]}"
  directors_pids=()
  network_down
}

vrrp_start() {
  local node priority vips=() lines=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do vips+=("$1"); shift; done
  if [ $# -gt 0 ]; then shift; fi
  lines=("${@:-advert_int 1}")
  directors_vip=${vips[0]%%/*}
  for node in director director2; do
    priority=150
    if [ $node = director2 ]; then priority=100; fi
    {
      printf '%s\n' 'global_defs {' "  router_id $node" '  script_user root' '  enable_script_security' '}' \
        'vrrp_instance site {' '  state BACKUP' '  interface eth0' '  virtual_router_id 51' "  priority $priority" \
        '  virtual_ipaddress {'
      printf '    %s\n' "${vips[@]}"
      printf '  }\n'
      printf '  %s\n' "${lines[@]}"
      printf '}\n'
    } >"$directors_work/$node.conf"
  done
  keepalived_start
}

keepalived_start() {
  local node
  for node in director director2; do
    NETWORK_SHOW='' on $node /usr/sbin/keepalived -P -n -l -D -f "$directors_work/$node.conf" -p "$directors_work/$node.pid" \
      -r "$directors_work/$node.vrrp" </dev/null >"$directors_work/$node.log" 2>&1 &
  done
}

has_vip() { ip -n "$NETWORK$1" -4 -o addr show dev eth0 | grep -q "inet ${directors_vip//./\\.}/"; }

active() {
  local node=$1 other=director end=$((SECONDS + ${2:-40}))
  if [ "$node" = director ]; then other=director2; fi
  until has_vip "$node" && ! has_vip $other; do
    if [ $SECONDS -ge $end ]; then
      echo "$node did not become the active director:" >&2
      tail -n 5 "$directors_work/"*.log >&2
      return 1
    fi
    sleep 0.1
  done
}

cable() {
  ip -n "${NETWORK}switch" link set "$1-eth0" "$2" || return
  if [ "$directors_kind" = nat ]; then ip -n "${NETWORK}switch" link set "$1-eth1" "$2"; fi
}

# hold_serve NODE: returns once the server listens.
hold_serve() {
  local pid
  pid=$(NETWORK_SHOW='' on "$1" /usr/bin/python3 "$directors_tool" serve "$1" 80) || return
  directors_pids+=("$pid")
}

hold_start() {
  local sources=()
  for ((i = 201; i <= 220; i++)); do sources+=("10.0.0.$i"); done
  coproc HOLD { NETWORK_SHOW='' on client /usr/bin/python3 "$directors_tool" hold 10.0.0.100 80 "$1" "${sources[@]}"; }
}

hold() {
  local answer
  echo "$1" >&"${HOLD[1]}"
  IFS= read -r -t 60 answer <&"${HOLD[0]}" || { echo "hold $1: no answer" >&2; return 1; }
  echo "$answer"
}

figure() {
  local word
  for word in $2; do
    if [ "${word%%=*}" = "$1" ]; then echo "${word#*=}"; fi
  done
}
