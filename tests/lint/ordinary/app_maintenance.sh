#!/bin/sh
# Puts a web application into maintenance mode and waits until its workers are idle.
set -eu
umask 077

app=/opt/shop
flag=$app/shared/maintenance
log=/var/log/backup-hooks.log

say() {
    printf '%s %s\n' "$(date +%FT%TZ)" "$*" >> "$log"
}

trap 'say "ended with $?"' EXIT
touch "$flag"
say "maintenance on"
tries=0
while [ "$("$app/bin/workers" --busy)" -gt 0 ]; do
    tries=$((tries + 1))
    if [ "$tries" -ge 10 ]; then
        say "workers are still busy"
        rm -f "$flag"
        exit 1
    fi
    sleep 1
done
sync
