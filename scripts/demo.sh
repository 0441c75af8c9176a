#!/usr/bin/env bash
# The main job of acs, on this machine, in about half a minute: a simulated Prism cluster, a volume on it,
# attached over iSCSI, formatted, mounted, written, detached, attached again, and the file is still there.
# As root on Debian it installs the system packages it lacks. Without root it does all but the mount.
#   npm run demo -- --hosts boots a Docker host instead: scripts/demo-hosts.sh
#   npm run demo            DEMO_KEEP=1 leaves the simulator running
set -euo pipefail
cd "$(dirname "$0")/.."
[ "${1:-}" != --hosts ] || exec bash scripts/demo-hosts.sh

. scripts/demo-tools.sh

root=false
[ "$(id -u)" = 0 ] && root=true

if $root; then
  say 'System packages for attaching in user space, and for filesystems'
  bash scripts/debian-packages.sh install runtime
else
  say 'Not root: this demo leaves out attaching and mounting on this machine (sudo npm run demo does all)'
fi

# Everything the demo makes lies in one folder, so that nothing of yours is touched.
demo=$(mktemp -d "${TMPDIR:-/tmp}/acs-demo.XXXXXX")
export ACS_CONFIG_HOME=$demo/config ACS_STATE_DIR=$demo/state ACS_RUN_DIR=$demo/run
mount_point=$demo/db
simulator=false
finish() {
  status=$?
  trap - EXIT
  if [ "$status" -ne 0 ]; then
    printf '\nThe demo stopped with exit code %s; cleaning up.\n' "$status" >&2
    if $root && $simulator; then acs volume unmount db --no-input >/dev/null 2>&1 || true; fi
  fi
  if $simulator && [ -z "${DEMO_KEEP:-}" ]; then acs sim stop --data "$demo/cluster" >/dev/null || true; fi
  if [ -z "${DEMO_KEEP:-}" ]; then rm -rf "$demo"; fi
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say 'A Prism cluster on this machine: REST with TLS, and real iSCSI disks'
ports=()
free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
if ! { free 9440 && free 3260 && free 3205; }; then ports=(--listen 127.0.0.1:0 --iscsi 127.0.0.1:0); fi
run acs sim start --detach --data "$demo/cluster" "${ports[@]}"
simulator=true
printf '%s$ eval "$(acs sim env)"%s\n' "$bold" "$reset"
eval "$(acs sim env --data "$demo/cluster")"

say 'A volume is a volume group; formatting waits for its first mount'
run acs container list
run acs volume create db --size 1G --fs xfs --description 'orders database'
run acs volume list

if $root; then
  say 'Attached exclusively to this host over iSCSI, proven blank, formatted once, mounted'
  run acs volume mount db --path "$mount_point"
  run df -h "$mount_point"

  say 'Some data'
  run dd if=/dev/urandom of="$mount_point/orders.dat" bs=1M count=64 conv=fsync status=none
  checksum=$(sha256sum <"$mount_point/orders.dat")
  echo "sha256 $checksum"
  run acs volume explain db

  say 'Unmounted, detached: this host has nothing of it any more'
  run acs volume unmount db
  run acs volume list

  say 'Attached and mounted again: not formatted, the file is there'
  run acs volume mount db --path "$mount_point"
  again=$(sha256sum <"$mount_point/orders.dat")
  echo "sha256 $again"
  if [ "$checksum" != "$again" ]; then
    echo 'The file changed!' >&2
    exit 1
  fi
  printf '%sThe same file.%s\n' "$green" "$reset"

  say 'Grown while mounted'
  run acs volume resize db 2G
  run df -h "$mount_point"
  run acs volume unmount db
else
  say 'Exclusive attach: the first initiator wins, the second is told who holds the volume'
  run acs volume attach db --initiator iqn.1994-05.com.example:host-a
  run acs volume attach db --initiator iqn.1994-05.com.example:host-b || echo "(exit code $?)"
  run acs volume detach db --initiator iqn.1994-05.com.example:host-a
fi

say 'A snapshot, then away with it all'
run acs volume snapshot create db before-lunch
run acs volume snapshot list db
run acs volume snapshot delete db@before-lunch --yes
run acs volume delete db --confirm db

printf '\n%sDone.%s Next:\n' "$green" "$reset"
if [ -n "${DEMO_KEEP:-}" ]; then
  printf '  the simulator still runs: eval "$(acs sim env --data %s/cluster)"\n' "$demo"
fi
cat <<'NEXT'
  acs sim start --detach && eval "$(acs sim env)"     a cluster of your own to play with
  acs context add lab --endpoint prism.example.com --username admin
                                                      or a real one
  acs volume create data --size 20G && acs volume mount data /srv/data
  acs help
NEXT
