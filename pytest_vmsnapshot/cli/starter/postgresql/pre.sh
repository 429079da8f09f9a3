#!/bin/sh
# Before the snapshot: PostgreSQL is in backup mode, and everything is on the disk.
#
# The server aborts a backup when the session that began it ends. So the client must live until the
# post-script: it reads from a FIFO whose other end a process in the background keeps open. That one
# ends by itself, so that the backup is aborted even if the post-script never comes.
set -eu
here=/run/azure-backup-postgresql
patience=30 # seconds for the checkpoint
longest=600 # seconds after which the backup is aborted in any case

# An earlier try may have left its client: end it, or its backup goes on beside this one.
for who in holder client; do
    if [ -s "$here/$who" ]; then
        read -r old < "$here/$who"
        kill "$old" 2> /dev/null || :
    fi
done
rm -rf "$here"
mkdir -m 700 "$here"
mkfifo "$here/in"

psql -U postgres -v ON_ERROR_STOP=1 -tA < "$here/in" > "$here/out" 2>&1 &
client=$!
echo "$client" > "$here/client"
exec 3> "$here/in"
sleep "$longest" >&3 2> /dev/null &
holder=$!
echo "$holder" > "$here/holder"

trap '' PIPE # a client that has ended already is told of below
echo "SELECT pg_backup_start('azure', fast => true); SELECT 'in backup mode';" 2> /dev/null >&3 || :
exec 3>&-

waited=0
until grep -q 'in backup mode' "$here/out"; do
    if [ "$waited" -ge "$patience" ] || ! kill -0 "$client" 2> /dev/null; then
        echo "PostgreSQL is not in backup mode:" >&2
        cat "$here/out" >&2
        kill "$holder"
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done
sync
if ! kill -0 "$holder" 2> /dev/null || ! kill -0 "$client" 2> /dev/null; then
    echo "PostgreSQL: the backup mode is lost, because a process that is to live until the post-script has ended" >&2
    exit 1
fi
