/** Which Debian package brings a tool; for the hint of EACSTOOLMISSING and for `acs doctor`. */
const packages: Readonly<Record<string, string>> = {
  iscsiadm: 'open-iscsi',
  'qemu-storage-daemon': 'qemu-system-common qemu-block-extra',
  'iscsi-inq': 'libiscsi-bin',
  'iscsi-readcapacity16': 'libiscsi-bin',
  'mkfs.ext4': 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  resize2fs: 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  xfs_growfs: 'xfsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  btrfs: 'btrfs-progs',
  blkid: 'util-linux',
  wipefs: 'util-linux',
  blockdev: 'util-linux',
  fsfreeze: 'util-linux',
  flock: 'util-linux',
  blkdiscard: 'util-linux',
  losetup: 'mount',
  mount: 'mount',
  umount: 'mount',
  multipath: 'multipath-tools',
  multipathd: 'multipath-tools',
  dmsetup: 'dmsetup',
  dd: 'coreutils',
  stat: 'coreutils',
  cat: 'coreutils',
  sync: 'coreutils',
}

/** Debian package(s) of a tool, separated by blanks. */
export function packageOf(tool: string): string | undefined {
  return packages[tool]
}
