#!/bin/sh
# Unlocks the database, by ending the program that has the lock.
here=/run/sqlite-held
[ -d "$here" ] || exit 0
client=$(cat "$here/client")
kill "$(cat "$here/holder")" 2> /dev/null
waited=0
while kill -0 "$client" 2> /dev/null && [ "$waited" -lt 100 ]; do
    sleep 0.1
    waited=$((waited + 1))
done
rm -rf "$here"
