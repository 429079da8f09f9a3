#!/bin/sh
# Stops services in order, and starts again what was stopped if one does not.
services='nginx orders-api orders-worker'
stopped=
undo() {
    for one in $stopped; do
        systemctl start "$one"
    done
}
for one in $services; do
    if systemctl is-active --quiet "$one"; then
        if ! systemctl stop "$one"; then
            undo
            exit 1
        fi
        stopped="$one $stopped"
    fi
done
printf '%s\n' "$stopped" > /run/backup-stopped
ps -e -o comm= | grep -c '^java$' > /run/backup-java || :
