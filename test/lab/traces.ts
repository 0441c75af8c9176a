/** A script that prints what belongs to volumes on a host that has none: each line by its own evidence. */
export const traces = `
iscsiadm --mode session 2>/dev/null | sed 's/^/session: /'
iscsiadm --mode node 2>/dev/null | sed 's/^/node record: /'
lsblk --noheadings --nodeps --output NAME,TYPE,TRAN | awk '$3 == "iscsi" { print "disk: " $0 }'
ls /dev/disk/by-path 2>/dev/null | grep iscsi | sed 's/^/by-path: /'
findmnt -rn -o TARGET | grep ^/mnt/acs | sed 's/^/mounted: /'
multipath -ll 2>/dev/null | sed 's/^/multipath: /'
true`
