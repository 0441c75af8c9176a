#!/usr/bin/env bash
# The Debian packages acs uses, named once: for the demo, CI and the README.
#   scripts/debian-packages.sh runtime|test|lab           prints the list
#   scripts/debian-packages.sh install runtime|test|lab   installs what is missing, saying so
set -euo pipefail

# Attaching and mounting with the userspace initiator, and the filesystems.
runtime=(qemu-system-common qemu-block-extra libiscsi-bin fuse3 e2fsprogs xfsprogs util-linux)
# What the tests use besides: peers to compare with, disks to refuse, a keyring to store in, engines to serve.
test=("${runtime[@]}" qemu-utils qemu-system-x86 dnsmasq-base genisoimage tgt btrfs-progs lvm2 cryptsetup-bin mdadm open-iscsi
  dbus dbus-x11 gnome-keyring libsecret-1-0 curl jq procps
  docker.io docker-compose busybox-static podman iproute2 systemd perl python3)
# What the lab needs besides to build its guest and to talk to it.
lab=("${test[@]}" debootstrap fdisk extlinux syslinux-common openssh-client)

list() {
  case "${1:-}" in
    runtime) printf '%s\n' "${runtime[@]}" ;;
    test) printf '%s\n' "${test[@]}" ;;
    lab) printf '%s\n' "${lab[@]}" ;;
    *) sed -n '2,4p' "$0" >&2; exit 2 ;;
  esac
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

if [ "${1:-}" != install ]; then
  list "${1:-}"
  exit
fi

missing=()
while read -r package; do installed "$package" || missing+=("$package"); done < <(list "${2:-}")
if [ "${#missing[@]}" -eq 0 ]; then
  echo "All Debian packages are installed."
  exit
fi
echo "Installing from Debian: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
