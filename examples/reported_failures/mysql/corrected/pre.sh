#!/bin/sh
# Quiesces MySQL before the snapshot: $1 is the user, $2 the option file with the password.
#
# The lock belongs to the session of the client that takes it. So that client has to live until the
# post-script: it reads from a FIFO whose other end a process in the background holds open.
set -eu
here=/run/mysql-backup
rm -rf "$here"
mkdir -m 700 "$here"
mkfifo "$here/in"

mysql --defaults-extra-file="$2" -u "$1" < "$here/in" > "$here/out" 2>&1 &
echo $! > "$here/client"
# Holds the FIFO open; its end unlocks MySQL even if the post-script never comes.
exec 3> "$here/in"
exec sleep 600 >&3 2> /dev/null < /dev/null &
echo $! > "$here/holder"

trap '' PIPE # the client may have ended already: that is told below
echo "FLUSH TABLES WITH READ LOCK; SELECT 'MySQL is locked';" 2> /dev/null >&3 || :
exec 3>&-
waited=0
until grep -q 'MySQL is locked' "$here/out"; do
    if [ "$waited" -ge 20 ] || ! kill -0 "$(cat "$here/client")" 2> /dev/null; then
        echo "MySQL could not be locked: $(cat "$here/out")" >&2
        kill "$(cat "$here/holder")"
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done
