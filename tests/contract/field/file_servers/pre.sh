#!/bin/sh
set -eu
for unit in smbd nmbd nfs-server; do
    if systemctl is-active --quiet "$unit"; then
        systemctl stop "$unit"
    fi
done
exportfs -ua
