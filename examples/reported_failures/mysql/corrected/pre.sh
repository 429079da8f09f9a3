#!/bin/sh
# Quiesces MySQL before the snapshot: $1 is the user, $2 the option file with the password.
#
# The lock belongs to the session of the client that takes it. So that client has to live until the
# post-script: it reads from a FIFO that it holds open itself, so that its input never ends.
set -eu
here=/run/mysql-backup

# An earlier try may have left its client, and with it the lock.
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

# timeout ends it, and so unlocks MySQL, even if the post-script never comes.
timeout 600 mysql --defaults-extra-file="$2" -u "$1" <&3 3>&- > "$here/out" 2>&1 &
client=$!
echo "$client" > "$here/client"

echo "FLUSH TABLES WITH READ LOCK; SELECT 'MySQL is locked';" >&3
waited=0
while :; do
    said=$(cat "$here/out")
    case $said in *'MySQL is locked'*) break ;; esac
    if [ "$waited" -ge 20 ] || ! kill -0 "$client" 2> /dev/null; then
        echo "MySQL could not be locked: $said" >&2
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done
