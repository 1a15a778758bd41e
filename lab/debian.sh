# shellcheck shell=bash
# A bare Debian in a throw-away folder, for trying things. Source this file as root; it requires `set -euo pipefail`.
#
#   debian_root RELEASE     create the root by debootstrap, in $root; $work, its parent, is removed at the end
#   online COMMAND...       run a command in the root, with this machine's network
#   offline COMMAND...      run a command in the root, without a network and without this machine's processes
#   quietly COMMAND...      run a command with its output in $work/log; fail when it fails
#   ok TEXT; fail TEXT      report success; report failure with the end of the log, and exit
#
# Nothing of this machine is changed. The services of installed packages are not started.

name=$(basename "$0")
mirror=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' |
  awk '$1 == "Debian" && !/security/ { print $2; exit }')
[ "$(id -u)" = 0 ] || { echo "$name: debootstrap requires root" >&2; exit 1; }

mapfile -t proxies < <(env | grep -i '^[a-z]*_proxy=' || true)

work=$(mktemp -d "${TMPDIR:-/tmp}/ipvsadm-$name.XXXXXX")
root=$work/root
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM HUP

ok() { echo "ok: $*"; }
fail() { echo "$name: $*" >&2; [ ! -s "$work/log" ] || tail -n 25 "$work/log" >&2; exit 1; }
quietly() { "$@" >"$work/log" 2>&1 || fail "failed: $*"; }

debian_root() {
  quietly debootstrap --variant=minbase "$1" "$root" "$mirror"
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod 755 "$root/usr/sbin/policy-rc.d"
  ok "a bare Debian ($1) from $mirror"
}

# debian_run UNSHARE-OPTION... -- COMMAND...: the root becomes a mount point, which the lab in it requires.
debian_run() {
  local namespaces=()
  while [ "$1" != -- ]; do namespaces+=("$1"); shift; done
  shift
  unshare --mount --pid --fork --kill-child "${namespaces[@]}" \
    sh -c 'mount --bind "$0" "$0" && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' \
    "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "${proxies[@]}" "$@"
}
online() { debian_run -- "$@"; }
offline() { debian_run --net --ipc --uts -- "$@"; }
