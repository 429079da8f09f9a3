#!/bin/sh
# Locks MariaDB until the post-script: a lock lives as long as the client that took it.
set -eu
here=/run/mariadb-held
rm -rf "$here"
mkdir -m 700 "$here"
mkfifo "$here/in"

mariadb -u root -n < "$here/in" > "$here/out" 2>&1 &
echo $! > "$here/client"
# Holds the FIFO open; its end ends the client even if the post-script never comes.
exec 3> "$here/in"
exec sleep 600 >&3 2> /dev/null < /dev/null &
echo $! > "$here/holder"

trap '' PIPE # the client may have ended already: that is told below
echo "FLUSH TABLES WITH READ LOCK; SELECT 'it is locked';" 2> /dev/null >&3 || :
exec 3>&-
waited=0
until grep -q 'it is locked' "$here/out"; do
    if [ "$waited" -ge 100 ] || ! kill -0 "$(cat "$here/client")" 2> /dev/null; then
        echo "MariaDB could not be locked: $(cat "$here/out")" >&2
        kill "$(cat "$here/holder")"
        exit 1
    fi
    sleep 0.1
    waited=$((waited + 1))
done
