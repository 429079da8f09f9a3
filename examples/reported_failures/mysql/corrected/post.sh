#!/bin/sh
# Lets MySQL go on after the snapshot; harmless if it was never locked.
here=/run/mysql-backup
[ -d "$here" ] || exit 0
client=$(cat "$here/client" 2> /dev/null)
kill "$(cat "$here/holder")" 2> /dev/null
waited=0
while [ -n "$client" ] && kill -0 "$client" 2> /dev/null; do
    if [ "$waited" -ge 10 ]; then
        kill "$client"
    fi
    sleep 1
    waited=$((waited + 1))
done
rm -rf "$here"
