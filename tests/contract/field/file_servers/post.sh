#!/bin/sh
rc=0
exportfs -ra || rc=1
for unit in nfs-server nmbd smbd; do
    systemctl start "$unit" || rc=1
done
exit $rc
