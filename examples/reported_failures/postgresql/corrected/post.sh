#!/bin/sh
# Ends the backup mode after the snapshot, in the session that began it.
here=/run/postgresql-backup
[ -d "$here" ] || exit 0
client=$(cat "$here/client" 2> /dev/null)
if [ -n "$client" ] && kill -0 "$client" 2> /dev/null; then
    echo 'SELECT * FROM pg_backup_stop();' > "$here/in"
fi
kill "$(cat "$here/holder")" 2> /dev/null
waited=0
while [ -n "$client" ] && kill -0 "$client" 2> /dev/null && [ "$waited" -lt 10 ]; do
    sleep 1
    waited=$((waited + 1))
done
failed=0
grep -q ERROR "$here/out" && failed=1
rm -rf "$here"
exit "$failed"
