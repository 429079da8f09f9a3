#!/bin/sh
# Begins a backup of PostgreSQL: it is aborted when the session that began it ends.
set -eu
here=/run/postgresql-held
rm -rf "$here"
mkdir -m 700 "$here"
mkfifo "$here/in"

psql -U postgres -v ON_ERROR_STOP=1 -tA < "$here/in" > "$here/out" 2>&1 &
echo $! > "$here/client"
# Holds the FIFO open; its end ends the client even if the post-script never comes.
exec 3> "$here/in"
exec sleep 600 >&3 2> /dev/null < /dev/null &
echo $! > "$here/holder"

trap '' PIPE # the client may have ended already: that is told below
echo "SELECT pg_backup_start('azure', fast => true); SELECT 'in a backup';" 2> /dev/null >&3 || :
exec 3>&-
waited=0
until grep -q 'in a backup' "$here/out"; do
    if [ "$waited" -ge 100 ] || ! kill -0 "$(cat "$here/client")" 2> /dev/null; then
        echo "PostgreSQL is in no backup: $(cat "$here/out")" >&2
        kill "$(cat "$here/holder")"
        exit 1
    fi
    sleep 0.1
    waited=$((waited + 1))
done
