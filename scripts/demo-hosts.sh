#!/usr/bin/env bash
# A Docker host on a simulated cluster, booted while you watch: the simulator's hypervisor is QEMU, the host is Debian with
# the kernel's own iSCSI initiator, and its container keeps its data on a volume of the cluster.
#   npm run demo -- --hosts            as root, on Debian; the host's image is built at the first run, which takes minutes
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/demo-tools.sh

[ "$(id -u)" = 0 ] || { echo 'The hosts of this demo need root, for their network: sudo npm run demo -- --hosts' >&2; exit 8; }

say 'System packages: QEMU, and what builds a Debian image'
bash scripts/debian-packages.sh install lab

say 'The image of a Docker host: Debian 12, cloud-init, open-iscsi, Docker (kept for the next time)'
image=$(node --import tsx test/lab/guest-image-process.ts)

demo=$(mktemp -d "${TMPDIR:-/tmp}/acs-demo.XXXXXX")
export ACS_CONFIG_HOME=$demo/config ACS_STATE_DIR=$demo/state
simulator=false
finish() {
  status=$?
  trap - EXIT
  [ "$status" -eq 0 ] || printf '\nThe demo stopped with exit code %s; cleaning up.\n' "$status" >&2
  if $simulator; then acs sim stop --data "$demo/cluster" >/dev/null || true; fi
  rm -rf "$demo"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say 'A Prism cluster on this machine whose machines boot'
run acs sim start --detach --data "$demo/cluster" --listen 127.0.0.1:0 --hypervisor qemu --subnet 10.38.77.0/24
simulator=true
eval "$(acs sim env --data "$demo/cluster")"
port=${ACS_ENDPOINT##*:}

say 'The image, and a machine of it'
run acs image create debian-docker --file "$image"
ssh-keygen -q -t ed25519 -N '' -f "$demo/key"
printf '#cloud-config\nhostname: host1\ndisable_root: false\nssh_authorized_keys:\n  - %s\n' "$(cat "$demo/key.pub")" >"$demo/host1.yaml"
run acs vm create host1 --image debian-docker --memory 1G --network machines --cloud-init "$demo/host1.yaml" --start
address=$(acs vm ip host1)

say "It boots ($address); its serial console, as acs vm console-log shows it:"
on_host() {
  ssh -i "$demo/key" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
    -o ConnectTimeout=5 -o ControlMaster=auto -o ControlPersist=60 -o "ControlPath=$demo/ssh" "root@$address" "$@"
}
# Not the function: its process would be the child of the one that is ended below.
node "$repository/bin/run.js" vm console-log host1 --follow --timeout 0 &
watcher=$!
SECONDS=0
until on_host systemctl is-active --quiet docker 2>/dev/null; do
  [ "$SECONDS" -lt 300 ] || { echo 'The host does not answer.' >&2; exit 1; }
  sleep 1
done
kill "$watcher" 2>/dev/null || true
wait "$watcher" 2>/dev/null || true
echo "Docker answers on host1 after $SECONDS s."

say 'acs on the host, with the volume plugin as a service'
npm pack --silent --pack-destination "$demo" >/dev/null
on_host 'mkdir -p /opt/acs && tar -xz -C /opt/acs --strip-components 1 && ln -sf /opt/acs/bin/run.js /usr/local/bin/acs' <"$demo"/acs-*.tgz
on_host acs plugin install --endpoint "${ACS_DATA_SERVICES%%:*}:$port" --username "$ACS_USERNAME" --password-stdin --no-input \
  --fingerprint "$(acs sim status --data "$demo/cluster" --json | node -pe 'JSON.parse(require("fs").readFileSync(0)).result.fingerprint')" \
  <"$ACS_PASSWORD_FILE"
on_host 'docker import /opt/busybox.tar busybox' >/dev/null

say 'A container with a volume of the cluster, and another one that finds its data'
docker_on_host() {
  printf '%shost1$ docker %s%s\n' "$bold" "$*" "$reset"
  on_host "docker $(printf '%q ' "$@")"
}
docker_on_host volume create --driver nutanix --opt size=256M data
docker_on_host run --rm -v data:/data busybox sh -c 'echo "written on $(date)" > /data/note; df -h /data'
docker_on_host run --rm -v data:/data busybox cat /data/note
run acs volume list

printf '\n%sA host, its Docker, and a container whose data is on the cluster.%s\n' "$green" "$reset"
