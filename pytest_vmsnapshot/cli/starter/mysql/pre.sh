#!/bin/sh
# Before the snapshot: MySQL is locked, and everything is on the disk.
#
# The lock belongs to the session that takes it, and ends with it. So the client must live until the
# post-script: it reads from a FIFO whose other end a process in the background keeps open. That one
# ends by itself, so that MySQL is unlocked even if the post-script never comes.
#
# The user and the password are in an option file that only root can read.
set -eu
here=/run/azure-backup-mysql
options=/etc/mysql/azure-backup.cnf
patience=30 # seconds for the lock; a query that runs for long delays it
longest=600 # seconds after which MySQL is unlocked in any case

# An earlier try may have left its client: end it, or it holds its lock for ever.
for who in holder client; do
    if [ -s "$here/$who" ]; then
        read -r old < "$here/$who"
        kill "$old" 2> /dev/null || :
    fi
done
rm -rf "$here"
mkdir -m 700 "$here"
mkfifo "$here/in"

mysql --defaults-extra-file="$options" < "$here/in" > "$here/out" 2>&1 &
client=$!
echo "$client" > "$here/client"
exec 3> "$here/in"
sleep "$longest" >&3 2> /dev/null &
holder=$!
echo "$holder" > "$here/holder"

trap '' PIPE # a client that has ended already is told of below
echo "FLUSH TABLES WITH READ LOCK; SELECT 'MySQL is locked';" 2> /dev/null >&3 || :
exec 3>&-

waited=0
until grep -q 'MySQL is locked' "$here/out"; do
    if [ "$waited" -ge "$patience" ] || ! kill -0 "$client" 2> /dev/null; then
        echo "MySQL could not be locked:" >&2
        cat "$here/out" >&2
        kill "$holder"
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done
sync
if ! kill -0 "$holder" 2> /dev/null || ! kill -0 "$client" 2> /dev/null; then
    echo "MySQL: the lock is lost, because a process that is to live until the post-script has ended" >&2
    exit 1
fi
