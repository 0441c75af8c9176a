#!/usr/bin/env bash
# What an administrator types who has no acs: the same effect, without its guarantees (two who do this at once both write).
#   by-hand.sh mount GROUP PLACE     lets this machine in, attaches the group's disk and mounts it at PLACE, step by step as
#                                    the plugin does: is it the group's disk, and is the filesystem all that is on it?
#   by-hand.sh least GROUP PLACE     the same without a look at either
#   by-hand.sh unmount GROUP PLACE   takes it back
#   by-hand.sh create NAME CONTAINER makes a group with one disk of 1 GiB in a storage container, both by UUID
# Both print how long they took, in seconds: bash itself was there before the first line was typed.
# From the environment: PRISM (https://HOST:PORT), CA and NETRC (files for curl), PORTAL (host:port of the data services),
# INITIATOR (an IQN), FOLDER (for the storage daemon's files, one daemon at a time).
set -euo pipefail

prism() { # METHOD PATH [BODY]
  curl --silent --show-error --fail --cacert "$CA" --netrc-file "$NETRC" --request "$1" \
    ${3:+--header 'Content-Type: application/json' --data "$3"} \
    "$PRISM/PrismGateway/services/rest/v2.0$2"
}

url() { echo "iscsi://$PORTAL/iqn.2010-06.com.nutanix:$1/0"; }

client() { printf '{"iscsi_client": {"client_address": "%s"}, "operation": "%s"}' "$INITIATOR" "$1"; }

mount_group() { # GROUP PLACE CARE
  local attached shown target loop serial bytes sectors last
  # Who has it? Nobody, or this stops here. The same answer names the target, and the disk.
  shown=$(prism GET "/volume_groups/$1")
  read -r attached target serial bytes < <(
    jq --raw-output '"\(.attachment_list // [] | length) \(.iscsi_target) \(.disk_list[0] | "\(.vmdisk_uuid) \(.vmdisk_size_bytes)")"' <<<"$shown"
  )
  [ "$attached" = 0 ] || { echo "volume group $1 is attached already" >&2; return 1; }

  # Let this machine in: answered at once, without a task.
  prism POST "/volume_groups/$1/open" "$(client ATTACH)" >/dev/null

  # Is it the disk that Prism tells of?
  if [ "$3" = careful ]; then
    [ "$(iscsi-inq -e 1 -c 128 -i "$INITIATOR" "$(url "$target")" | sed -n 's/^Unit Serial Number:\[\(.*[^ ]\) *\]$/\1/p')" = "$serial" ]
    read -r last sectors < <(iscsi-readcapacity16 -i "$INITIATOR" "$(url "$target")" | awk -F: '
      /RETURNED LOGICAL BLOCK ADDRESS/ { last = $2 }
      /LOGICAL BLOCK LENGTH IN BYTES/ { print last + 0, $2 + 0 }')
    [ $(((last + 1) * sectors)) = "$bytes" ]
  fi

  # Log in and show the disk as a file. The daemon is in the background once that is there.
  : >"$FOLDER/disk"
  qemu-storage-daemon --daemonize --pidfile "$FOLDER/pid" \
    --blockdev "{\"driver\": \"iscsi\", \"node-name\": \"disk\", \"transport\": \"tcp\", \"portal\": \"$PORTAL\",
      \"target\": \"iqn.2010-06.com.nutanix:$target\", \"lun\": 0, \"initiator-name\": \"$INITIATOR\", \"cache\": {\"direct\": true}}" \
    --export "type=fuse,id=fuse,node-name=disk,mountpoint=$FOLDER/disk,writable=on"

  # Make the file a block device.
  loop=$(losetup --find --show "$FOLDER/disk")

  # Is it the filesystem that is expected?
  [ "$(blkid --probe --match-tag TYPE --output value "$loop")" = ext4 ]
  [ "$3" = least ] || [ "$(wipefs --no-act --noheadings --output TYPE "$loop")" = ext4 ]

  # Check it as a boot would.
  e2fsck -p "$loop" >/dev/null

  mkdir -p "$2"
  mount -t ext4 "$loop" "$2"
}

unmount_group() { # GROUP PLACE
  local loop pid
  loop=$(findmnt --noheadings --output SOURCE "$2")
  umount "$2"
  losetup --detach "$loop"
  # Ends the daemon, which logs out, and waits until it has.
  pid=$(<"$FOLDER/pid")
  kill "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
  prism POST "/volume_groups/$1/close" "$(client DETACH)" >/dev/null
}

create_group() { # NAME CONTAINER
  local task status
  task=$(prism POST /volume_groups/ "{\"name\": \"$1\", \"disk_list\":
    [{\"index\": 0, \"create_config\": {\"size\": 1073741824, \"storage_container_uuid\": \"$2\"}}]}" | jq --raw-output .task_uuid)
  # The answer names a task; there is a group once that has succeeded.
  while :; do
    status=$(prism GET "/tasks/$task" | jq --raw-output .progress_status)
    case "$status" in
      Succeeded) return ;;
      Queued | Running) sleep 0.1 ;;
      *) echo "$1: $status" >&2; return 1 ;;
    esac
  done
}

case "$1" in
  mount | least)
    begun=$EPOCHREALTIME
    mount_group "$2" "$3" "${1/mount/careful}"
    ended=$EPOCHREALTIME
    jq --null-input "$ended - $begun"
    ;;
  unmount) unmount_group "$2" "$3" ;;
  create) create_group "$2" "$3" ;;
esac
