# shellcheck shell=bash
# Packets through a director to two real servers that rs-setup set up. Source it after lab/network.sh.
#
# flow NET RS-SETUP-WORDS DIRECTOR-WORDS VIP [SERVER1 SERVER2]
#   NET: flat or nat. RS-SETUP-WORDS: the words after `rs-setup` on the servers, without the VIP.
#   DIRECTOR-WORDS: the words after `-a ... -r SERVER` on the director. Prints the answers, and fails
#   when they are not the expected ones.

# A continuous ARP probe: only the director's MAC address may answer.
probe_start() {
  coproc PROBE { NETWORK_SHOW='' on client /usr/bin/python3 "$FLOW_DIR/arp_probe.py" "$1" 10.0.0.2; }
  # A copy of its output: bash closes the original when the probe ends.
  exec {probe_out}<&"${PROBE[0]}"
  probe_in=${PROBE[1]} probe_pid=$PROBE_PID
  read -r _ <&"$probe_out"
}

probe_stop() {
  eval "exec $probe_in>&-"
  answers=$(cat <&"$probe_out")
  exec {probe_out}<&-
  wait "$probe_pid" || true
}

three_probes() {
  [ "$(arp_answers client "$1" | tr '\n' ' ')" = 'director ' ] || { echo "$2: ARP answered by: $(arp_answers client "$1")" >&2; return 1; }
}

flow() {
  local net=$1 words=$2 forward=$3 vip=$4 service=$4 servers=("${@:5}") node answers asked n
  network_up "$net" 2 || return
  director_vip "$vip"
  case $vip in *:*) service="[$vip]" ;; esac
  if [ ${#servers[@]} = 0 ]; then
    case $net:$vip in
      nat:*:*) servers=('[fd01::11]:80' '[fd01::12]:80') ;;
      nat:*) servers=(10.1.0.11 10.1.0.12) ;;
      *:*:*) servers=('[fd00::11]:80' '[fd00::12]:80') ;;
      *) servers=(10.0.0.11 10.0.0.12) ;;
    esac
  fi
  on director "$IPVSADM" -A -t "$service:80" -s rr
  for n in 0 1; do
    # shellcheck disable=SC2086
    on director "$IPVSADM" -a -t "$service:80" -r "${servers[n]}" $forward
  done
  for node in rs1 rs2; do
    serve $node
    # The previous state: a default route that does not lead to the director, and a strict host.
    if [ "$net" = nat ]; then
      on $node ip route replace default via 10.1.0.77
      on $node ip -6 route replace default via fd01::77
    fi
    on $node sysctl -qw net.ipv4.conf.all.rp_filter="${RP_FILTER:-0}"
  done

  case $vip in *:*) ;; *) three_probes "$vip" before; probe_start "$vip" ;; esac
  # Slowly, so that the probe sees the state between two steps.
  export IPVSADM_RS_SETUP_PAUSE=15
  for node in rs1 rs2; do
    # shellcheck disable=SC2086
    on $node "$IPVSADM" rs-setup $words "$vip"
  done
  case $vip in
    *:*) ;;
    *)
      probe_stop
      echo "ARP while rs-setup ran: $(echo "$answers" | tr '\n' ' ')"
      [ "$(echo "$answers" | grep -v asked | cut -d' ' -f1)" = 02:00:00:00:00:01 ]
      three_probes "$vip" after ;;
  esac

  asked=$(ask client "$vip" 80 10) || { echo "not all answered: $asked" >&2; return 1; }
  echo "answers: $(sort <<<"$asked" | uniq -c | tr -s ' \n' ' ')"
  [ "$(grep -cx rs1 <<<"$asked")" = 5 ] && [ "$(grep -cx rs2 <<<"$asked")" = 5 ]
  on rs1 "$IPVSADM" rs-setup --check
  case $vip in *:*) ;; *) probe_start "$vip" ;; esac
  on rs1 "$IPVSADM" rs-setup --undo
  on rs2 "$IPVSADM" rs-setup --undo
  case $vip in
    *:*) ;;
    *)
      probe_stop
      echo "ARP during undo: $(echo "$answers" | tr '\n' ' ')"
      [ "$(echo "$answers" | grep -v asked | cut -d' ' -f1)" = 02:00:00:00:00:01 ]
      three_probes "$vip" "after undo" ;;
  esac
  # Without the set-up there is no answer.
  if NETWORK_PATIENCE=2 ask client "$vip" 80 1; then echo "answered after --undo" >&2; return 1; fi
  network_down
}
