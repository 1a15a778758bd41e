# shellcheck shell=bash
# A small network for load balancing. Source this file as root in the lab (lab/run).
#
# Every node is a network namespace with a cable (veth pair) to a bridge in the namespace `switch`.
# The addresses are always the same:
#
#   node      front                   inside (network_up nat)  MAC address
#   director  10.0.0.1   fd00::1      10.1.0.1   fd01::1       02:00:00:00:00:01 (inside 02:01:00:00:00:01)
#   client    10.0.0.2   fd00::2                               02:00:00:00:00:02
#   rs1       10.0.0.11  fd00::11     10.1.0.11  fd01::11      02:00:00:00:00:11
#   rs2       10.0.0.12  fd00::12     10.1.0.12  fd01::12      02:00:00:00:00:12, and so on up to rs9
#
# By convention the VIP of a virtual service is 10.0.0.100 or fd00::100 (director_vip adds it).
#
#   network_up [flat|nat] [N]           create the network, with N real servers (default 2, at most 9)
#   network_down                        remove it
#   on NODE COMMAND...                  run a command on a node
#   director_vip VIP...                 add VIPs to the director
#   real_server_dr NODE VIP...          prepare a real server for direct routing (-g), without `ipvsadm rs-setup`
#   real_server_tunnel NODE VIP...      the same for IPIP tunnels (-i)
#   serve NODE [PORT] [tcp|http]        start a server that answers with its node's name and closes
#   serve_stop NODE [PORT]              stop it
#   ask NODE ADDRESS PORT COUNT [tcp|http]   open COUNT connections in turn; print who answered each, one per line
#   arp_answers NODE ADDRESS            print the nodes that answer ARP requests for an IPv4 address, one per line
#
# A shell can have one network at a time. Networks in different shells require different values of NETWORK, a prefix of
# the namespaces' names. With NETWORK_SHOW set, `on` prints each command after a prompt with its node.

NETWORK=${NETWORK-}
NETWORK_SHOW=${NETWORK_SHOW-}
declare -g network_nodes=
declare -gA network_servers=()
network_server=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/server.py

# on NODE COMMAND...
on() {
  local node=$1; shift
  if [ -n "$NETWORK_SHOW" ]; then printf '%s# %s\n' "$node" "$*"; fi
  ip netns exec "$NETWORK$node" "$@"
}

# network_up [flat|nat] [N]
#   flat: director, real servers and client share one subnet (direct routing, tunnels).
#   nat:  the real servers have a subnet behind the director, which is their default gateway.
network_up() {
  local kind=${1:-flat} count=${2:-2} node i
  case $kind in flat|nat) ;; *) echo "network_up: unknown kind '$kind' (flat or nat)" >&2; return 2 ;; esac
  network_nodes="director client"
  for ((i = 1; i <= count; i++)); do network_nodes+=" rs$i"; done

  { for node in switch $network_nodes; do echo "netns add $NETWORK$node"; done
    for node in front inside; do
      echo "link add $node netns ${NETWORK}switch type bridge forward_delay 0 mcast_snooping 0"
    done
  } | ip -batch - || return
  ip -n "${NETWORK}switch" -batch - <<<$'link set front up\nlink set inside up' || return

  network_join director front eth0 1 02:00:00:00:00:01 || return
  network_join client front eth0 2 02:00:00:00:00:02 || return
  if [ "$kind" = nat ]; then network_join director inside eth1 1 02:01:00:00:00:01 || return; fi
  for ((i = 1; i <= count; i++)); do
    if [ "$kind" = flat ]; then
      network_join "rs$i" front eth0 "1$i" "02:00:00:00:00:1$i" || return
    else
      network_join "rs$i" inside eth0 "1$i" "02:00:00:00:00:1$i" || return
      ip -n "${NETWORK}rs$i" -batch - <<<$'route add default via 10.1.0.1\nroute add default via fd01::1' || return
    fi
  done
  ip netns exec "${NETWORK}director" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# network_join NODE front|inside DEVICE NUMBER MAC: connect a node to a bridge, with the device up and its addresses set.
network_join() {
  local node=$1 bridge=$2 device=$3 number=$4 mac=$5 net=0
  if [ "$bridge" = inside ]; then net=1; fi
  ip link add "$device" netns "$NETWORK$node" address "$mac" type veth peer name "$node-$device" netns "${NETWORK}switch" &&
  ip -n "${NETWORK}switch" link set "$node-$device" master "$bridge" up &&
  ip -n "$NETWORK$node" -batch - <<END
link set lo up
link set $device up
addr add 10.$net.0.$number/24 dev $device
addr add fd0$net::$number/64 dev $device nodad
END
}

# network_down: stop the servers and remove the network.
network_down() {
  local node
  for node in "${!network_servers[@]}"; do kill "${network_servers[$node]}"; done
  network_servers=()
  for node in switch $network_nodes; do echo "netns del $NETWORK$node"; done | ip -batch -
  network_nodes=
}

# network_vip NODE DEVICE VIP: add VIP/32, or VIP/128 without duplicate address detection.
network_vip() {
  local node=$1 device=$2 vip=$3
  case $vip in
    *:*) on "$node" ip addr add "$vip/128" dev "$device" nodad ;;
    *) on "$node" ip addr add "$vip/32" dev "$device" ;;
  esac
}

# director_vip VIP...
# An IPv6 VIP is deprecated as a source address: a tunnel packet from it would look to the real server like its own.
director_vip() {
  local vip
  for vip in "$@"; do
    network_vip director eth0 "$vip" || return
    case $vip in *:*) on director ip addr change "$vip/128" dev eth0 preferred_lft 0 || return ;; esac
  done
}

# real_server_dr NODE VIP...
# The sysctls come first, because otherwise the server answers ARP requests for the VIP in between.
real_server_dr() {
  local node=$1 vip; shift
  on "$node" sysctl -qw net.ipv4.conf.{all,lo}.arp_ignore=1 net.ipv4.conf.{all,lo}.arp_announce=2 || return
  for vip in "$@"; do network_vip "$node" lo "$vip" || return; done
}

# real_server_tunnel NODE VIP... (IPv4)
# rp_filter=0 on tunl0 and on all: packets arrive through the tunnel while the route back is eth0.
real_server_tunnel() {
  local node=$1 vip; shift
  on "$node" modprobe ipip &&
  on "$node" ip link set tunl0 up &&
  on "$node" sysctl -qw net.ipv4.conf.{all,tunl0}.arp_ignore=1 net.ipv4.conf.{all,tunl0}.arp_announce=2 \
    net.ipv4.conf.{all,tunl0}.rp_filter=0 || return
  for vip in "$@"; do network_vip "$node" tunl0 "$vip" || return; done
}

# serve NODE [PORT] [tcp|http]: returns once the server listens, on all IPv4 and IPv6 addresses.
serve() {
  local node=$1 port=${2:-80} how=${3:-tcp} pid
  # The server moves to the background and prints its process id.
  pid=$(NETWORK_SHOW='' on "$node" /usr/bin/python3 "$network_server" "$node" "$port" "$how") || return
  network_servers[$node:$port]=$pid
}

# serve_stop NODE [PORT]
serve_stop() {
  local key=$1:${2:-80}
  kill "${network_servers[$key]}" && unset "network_servers[$key]"
}

# ask NODE ADDRESS PORT COUNT [tcp|http]
# Prints "nobody" for a connection that was refused or got no answer; the status is then 1.
# The status is 124 when it takes longer than NETWORK_PATIENCE seconds (20).
ask() {
  # shellcheck disable=SC2016 # for the inner shell
  NETWORK_SHOW='' on "$1" timeout "${NETWORK_PATIENCE:-20}" bash -c '
    status=0
    for ((i = 0; i < $3; i++)); do
      answer=
      if { exec 3<>"/dev/tcp/$1/$2"; } 2>/dev/null; then
        if [ "$4" = http ]; then
          printf "GET / HTTP/1.0\r\n\r\n" >&3
          while IFS= read -r line <&3 && [ "$line" != $'\''\r'\'' ]; do :; done
        fi
        read -r answer <&3
        exec 3>&-
      fi
      [ -n "$answer" ] || status=1
      echo "${answer:-nobody}"
    done
    exit $status' ask "$2" "$3" "$4" "${5:-tcp}"
}

# arp_answers NODE ADDRESS: takes a second.
arp_answers() {
  local mac
  # arping fails unless it gets as many answers as it sent requests, which does not matter here.
  NETWORK_SHOW='' on "$1" arping -b -w 1 -I eth0 "$2" | grep -o '\[..:..:..:..:..:..\]' | sort -u |
    while read -r mac; do
      case $mac in
        *:00:01]) echo director ;;
        *:00:02]) echo client ;;
        *:00:1?]) mac=${mac%]}; echo "rs${mac: -1}" ;;
      esac
    done
}
