#!/bin/sh
# Puts PostgreSQL into backup mode before the snapshot.
#
# The server aborts a backup when the session that began it ends. So its psql lives until the
# post-script: it reads from a FIFO whose other end a process in the background holds open.
set -eu
here=/run/postgresql-backup
rm -rf "$here"
mkdir -m 700 "$here"
mkfifo "$here/in"

psql -U postgres -v ON_ERROR_STOP=1 -tA < "$here/in" > "$here/out" 2>&1 &
echo $! > "$here/client"
# Holds the FIFO open; its end aborts the backup even if the post-script never comes.
exec 3> "$here/in"
exec sleep 600 >&3 2> /dev/null < /dev/null &
echo $! > "$here/holder"

trap '' PIPE # the client may have ended already: that is told below
echo "SELECT pg_backup_start('azure', fast => true); SELECT 'in backup mode';" 2> /dev/null >&3 || :
exec 3>&-
waited=0
until grep -q 'in backup mode' "$here/out"; do
    if [ "$waited" -ge 20 ] || ! kill -0 "$(cat "$here/client")" 2> /dev/null; then
        echo "PostgreSQL is not in backup mode: $(cat "$here/out")" >&2
        kill "$(cat "$here/holder")"
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done
