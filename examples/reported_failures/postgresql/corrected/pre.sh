#!/bin/sh
# Puts PostgreSQL into backup mode before the snapshot.
#
# The server aborts a backup when the session that began it ends. So its psql lives until the
# post-script: it reads from a FIFO that it holds open itself, so that its input never ends.
set -eu
here=/run/postgresql-backup

# An earlier try may have left its client, and with it the backup.
if [ -s "$here/client" ]; then
    earlier=$(cat "$here/client")
    kill "$earlier" 2> /dev/null || :
fi
rm -rf "$here"
mkdir -m 700 "$here"
mkfifo "$here/in"
: > "$here/out"
# Opened for both, a FIFO does not block, and has no end as long as somebody has it open.
exec 3<> "$here/in"

# timeout ends it, and the server aborts the backup, even if the post-script never comes.
timeout 600 psql -U postgres -v ON_ERROR_STOP=1 -tA <&3 3>&- > "$here/out" 2>&1 &
client=$!
echo "$client" > "$here/client"

echo "SELECT pg_backup_start('azure', fast => true); SELECT 'in backup mode';" >&3
waited=0
while :; do
    said=$(cat "$here/out")
    case $said in *'in backup mode'*) break ;; esac
    if [ "$waited" -ge 20 ] || ! kill -0 "$client" 2> /dev/null; then
        echo "PostgreSQL is not in backup mode: $said" >&2
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done
: > "$here/began"
