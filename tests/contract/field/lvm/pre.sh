#!/bin/sh
set -eu
if lvs vg0/data_snap >/dev/null 2>&1; then
    lvremove -f vg0/data_snap
fi
sync
lvcreate -s -L 5G -n data_snap vg0/data
