#!/bin/sh
# only stop what runs, and remember it
set -eu
STATE=/run/shop-backup
mkdir -p "$STATE"
for unit in shop nginx; do
    if systemctl is-active --quiet "$unit"; then
        echo "$unit" >> "$STATE/stopped"
        systemctl stop "$unit"
    fi
done
logger -t backup "stopped" || true
