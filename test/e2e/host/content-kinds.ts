import { gzipSync } from 'node:zlib'
import { writeFile } from 'node:fs/promises'
import { run, writeImage } from './loop-image.js'

/** One kind of content that must never be formatted over. */
export interface ContentKind {
  name: string
  /** Tools that make it; without them the kind is left out, loudly. */
  tools?: readonly string[]
  sizeMiB?: number
  make(file: string, sizeBytes: number): Promise<unknown>
}

const kib = 1024
const mib = 1024 ** 2

function magic(name: string, ...pieces: readonly (readonly [number, Buffer | string])[]): ContentKind {
  return { name, make: (file, sizeBytes) => writeImage(file, sizeBytes, pieces) }
}

function made(name: string, tool: string, args: (file: string) => readonly string[], sizeMiB = 16): ContentKind {
  return {
    name,
    tools: [tool],
    sizeMiB,
    async make(file, sizeBytes) {
      await writeImage(file, sizeBytes)
      await run(tool, [...args(file)])
    },
  }
}

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex')
const luksKey = ['--batch-mode', '--key-file', '/etc/hostname', '--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000']

/** A copy of a file at the start of the disk: how `dd if=backup of=/dev/sdb` leaves it. */
function copied(name: string, content: () => Promise<Buffer> | Buffer): ContentKind {
  return { name, make: async (file, sizeBytes) => writeImage(file, sizeBytes, [[0, await content()]]) }
}

export const contentKinds: readonly ContentKind[] = [
  made('ext2', 'mkfs.ext4', (file) => ['-q', '-t', 'ext2', file]),
  made('ext3', 'mkfs.ext4', (file) => ['-q', '-t', 'ext3', file]),
  made('ext4', 'mkfs.ext4', (file) => ['-q', file]),
  made('ext4 with 1 KiB blocks and no journal', 'mkfs.ext4', (file) => [
    '-q',
    '-b',
    '1024',
    '-O',
    '^has_journal',
    file,
  ]),
  made('xfs', 'mkfs.xfs', (file) => ['-q', file], 320),
  made('btrfs', 'mkfs.btrfs', (file) => ['-q', file], 128),
  made('swap', 'mkswap', (file) => [file]),
  made('LUKS1', 'cryptsetup', (file) => ['luksFormat', '--type', 'luks1', ...luksKey, file]),
  made('LUKS2', 'cryptsetup', (file) => ['luksFormat', '--type', 'luks2', ...luksKey, file], 32),
  {
    name: 'ext4 whose head and tail were zeroed',
    tools: ['mkfs.ext4'],
    sizeMiB: 256,
    async make(file, sizeBytes) {
      await writeImage(file, sizeBytes)
      // Inode tables written out: what remains is the backup superblock at 128 MiB.
      await run('mkfs.ext4', ['-q', '-b', '4096', file])
      const zeros = ['if=/dev/zero', `of=${file}`, 'conv=notrunc', 'bs=1M', 'status=none']
      await run('dd', [...zeros, 'count=2'])
      await run('dd', [...zeros, 'count=1', `seek=${sizeBytes / mib - 1}`])
    },
  },
  magic('LVM physical volume', [512, 'LABELONE'], [512 + 24, 'LVM2 001']),
  magic('LVM label in sector 0', [0, 'LABELONE'], [24, 'LVM2 001']),
  magic('LVM label in sector 3', [3 * 512, 'LABELONE'], [3 * 512 + 24, 'LVM2 001']),
  magic('LVM1', [0, 'HM\x01\x00']),
  magic('md RAID 0.90', [-64 * kib, hex('fc4e2ba9 00000000 5a000000')]),
  magic('md RAID 1.0', [-8 * kib, hex('fc4e2ba9 01000000')]),
  magic('md RAID 1.1', [0, hex('fc4e2ba9 01000000')]),
  magic('md RAID 1.2', [4 * kib, hex('fc4e2ba9 01000000')]),
  magic('GPT', [510, hex('55aa')], [512, 'EFI PART'], [-512, 'EFI PART']),
  magic('GPT whose head was zeroed', [-512, 'EFI PART']),
  magic('MBR', [446, hex('80010100 83fe3f01 3f000000 41000000')], [510, hex('55aa')]),
  magic('empty MBR', [510, hex('55aa')]),
  magic('iso9660', [32 * kib, '\x01CD001\x01'], [34 * kib, '\xffCD001\x01']),
  magic('UDF', [32 * kib, '\x00BEA01\x01'], [34 * kib, '\x00NSR02\x01'], [36 * kib, '\x00TEA01\x01']),
  magic('squashfs', [0, 'hsqs'], [28, hex('04000000')]),
  magic('erofs', [1024, hex('e2e1f5e0')]),
  magic('ZFS', ...[128, 129, 130, 131].map((at) => [at * kib, hex('0cb1ba00 00000000 88130000')] as const), [
    -512 * kib + 128 * kib,
    hex('0cb1ba00 00000000'),
  ]),
  magic('ZFS, last labels only', [-256 * kib + 128 * kib, hex('0cb1ba00 00000000')]),
  magic('bcache', [4 * kib + 24, hex('c68573f6 4e1a45ca 8265f57f 48ba6d81')]),
  magic('bcachefs', [4 * kib + 24, hex('c68573f6 66ce90a9 d96a60cf 803df7ef')]),
  magic('DRBD metadata', [-4 * kib, hex('00000000 00004000')], [-4 * kib + 60, hex('8374026b')]),
  magic('VMFS', [1 * mib, hex('0dd001c0')]),
  magic('Ceph BlueStore', [0, 'bluestore block device\n6f3c0d29-0a8b-4f2e-9a3c-3a8e7a5f0c11\n']),
  magic('ReiserFS', [64 * kib + 0x34, 'ReIsEr2Fs']),
  magic('Reiser4', [64 * kib, 'ReIsEr4']),
  magic('JFS', [32 * kib, 'JFS1\x01']),
  magic('f2fs', [kib, hex('1020f5f2')]),
  magic('nilfs2', [kib + 6, hex('3434')]),
  magic('UFS1', [8 * kib + 1372, hex('54190100')]),
  magic('UFS2', [64 * kib + 1372, hex('19015419')]),
  magic('GFS2', [64 * kib, hex('01161970')]),
  magic('OCFS2', [1024 * 2, 'OCFSV2']),
  magic('HFS+', [kib, 'H+\x00\x04']),
  magic('APFS', [32, 'NXSB']),
  magic('minix', [kib + 16, hex('7f13')]),
  magic('FAT32', [0, hex('eb58906d6b66732e666174')], [82, 'FAT32   '], [510, hex('55aa')]),
  magic('exFAT', [0, hex('eb7690')], [3, 'EXFAT   '], [510, hex('55aa')]),
  magic('NTFS', [0, hex('eb5290')], [3, 'NTFS    '], [510, hex('55aa')]),
  magic('BitLocker', [0, hex('eb5890')], [3, '-FVE-FS-'], [510, hex('55aa')]),
  magic('VDO', [0, 'dmvdo001']),
  magic('Stratis', [512 + 4, '!Stra0tis\x86\xff\x02^\x41rh']),
  magic('Oracle ASM', [32, 'ORCLDISKVOL1']),
  magic('PostgreSQL heap page', [0, hex('00000000 a8519c01 00000000 1c00d81f 00200420')]),
  magic('InnoDB page', [0, hex('9d1e3c5a 00000000 00000000 00000000')], [38, hex('00000001')]),
  magic('data in the last sector only', [-512, 'tail']),
  magic('VHD footer', [-512, 'conectix']),
  copied('ASCII text', () => Buffer.from('Dear diary, this disk is mine.\n')),
  copied('gzip', () => gzipSync('backup')),
  {
    name: 'tar',
    tools: ['tar'],
    async make(file, sizeBytes) {
      await run('tar', ['-cf', `${file}.tar`, '/etc/hostname'])
      await writeImage(file, sizeBytes)
      await run('dd', [`if=${file}.tar`, `of=${file}`, 'conv=notrunc', 'status=none'])
    },
  },
  {
    name: 'SQLite',
    tools: ['sqlite3'],
    async make(file, sizeBytes) {
      await run('sqlite3', [`${file}.db`, 'create table t (a); insert into t values (1);'])
      await writeImage(file, sizeBytes)
      await run('dd', [`if=${file}.db`, `of=${file}`, 'conv=notrunc', 'status=none'])
    },
  },
  ...['qcow2', 'vmdk', 'vhdx', 'vdi'].map((format): ContentKind => ({
    name: `${format} image`,
    tools: ['qemu-img'],
    async make(file, sizeBytes) {
      await run('qemu-img', ['create', '-q', '-f', format, `${file}.${format}`, '8M'])
      await writeImage(file, sizeBytes)
      await run('dd', [`if=${file}.${format}`, `of=${file}`, 'conv=notrunc', 'bs=1M', 'count=8', 'status=none'])
    },
  })),
  {
    name: 'all ones',
    make: (file, sizeBytes) => writeFile(file, Buffer.alloc(sizeBytes, 0xff)),
  },
  {
    name: 'a disk of 1 MiB with one byte in it',
    sizeMiB: 1,
    make: (file, sizeBytes) => writeImage(file, sizeBytes, [[sizeBytes / 2, 'x']]),
  },
]
