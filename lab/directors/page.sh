# shellcheck shell=bash
# Run the commands of docs/growing.md and check their effect. Sourced by lab/failover.

page=$here/../docs/growing.md

# page_file KIND: print the page's code block of that kind.
page_file() { awk -v kind="\`\`\`$1" '/^```/ { inside = $0 == kind; next } inside' "$page"; }

# page_commands HEADING COUNT: run the lines `NODE#  COMMAND` below a heading, each on its node. There must be COUNT.
page_commands() {
  local line who node nodes ran=0
  while IFS= read -r line <&8; do
    who=${line%%#  *} who=${who#    }
    case $who in
      'every director') nodes='director director2' ;;
      'server '*) nodes=rs${who#server } ;;
      client) nodes=client ;;
      *) fail "docs/growing.md: no node for this command: $line" ;;
    esac
    for node in $nodes; do
      on "$node" bash -ec "${line#*#  }" >"$directors_work/said" 2>&1 </dev/null ||
        fail "docs/growing.md: on $node: ${line#*#  }: $(cat "$directors_work/said")"
    done
    ran=$((ran + 1))
  done 8< <(awk -v heading="## $1" '/^## / { inside = $0 == heading } inside && /^    [a-z]+ ?[a-z0-9]*#  /' "$page")
  [ $ran -ge "$2" ] || fail "docs/growing.md: expected $2 commands below '$1', found $ran"
}

part_page() {
  local name sync=sync service='' quiet='' back=1 late='' least=99 node first report
  count=100
  page_file rules >/etc/ipvsadm.rules
  name='as docs/growing.md says: two'
  directors_up flat 2
  page_commands 'One director becomes two' 8
  for node in rs1 rs2; do hold_serve $node; done
  for node in director director2; do
    same_daemons $node 2
    page_file keepalived >"$directors_work/$node.conf"
  done
  sed -i 's/priority 150/priority 100/' "$directors_work/director2.conf"
  directors_vip=$vip
  keepalived_start
  active director
  failing
  directors_down

  # The client has the route of a router: first to one director, then to the other.
  name='as docs/growing.md says: many'
  directors_up flat 2
  for node in rs1 rs2; do on $node ipvsadm rs-setup $vip >/dev/null; hold_serve $node; done
  page_commands 'Many directors behind routers' 3
  on client ip route add $vip via 10.0.0.1
  hold_start "$count"
  hold open >/dev/null
  hold go >/dev/null
  first=$(settle 20)
  [ "$(figure survive "$first")" = "$count" ] || fail "$name: some connections fail before the failure: $first"
  on client ip route change $vip via 10.0.0.3
  hold mark >/dev/null
  report=$(settle 15)
  printf '%-38s %-5s %4s of %s  %5s s  %5s s\n' "$name" none "$(figure survive "$report")" "$count" \
    "$(figure silence "$report")" "$(figure out "$report")"
  [ "$(figure survive "$report")" -ge $least ] && [ "$(figure moved "$report")" = 0 ] || fail "$name: $report"
  directors_down
}
