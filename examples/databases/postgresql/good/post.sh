#!/bin/sh
# Ends the backup of PostgreSQL, in the session that began it.
here=/run/postgresql-held
[ -d "$here" ] || exit 0
client=$(cat "$here/client")
if kill -0 "$client" 2> /dev/null; then
    echo "SELECT pg_backup_stop();" > "$here/in"
fi
kill "$(cat "$here/holder")" 2> /dev/null
waited=0
while kill -0 "$client" 2> /dev/null && [ "$waited" -lt 100 ]; do
    sleep 0.1
    waited=$((waited + 1))
done
failed=0
grep -q ERROR "$here/out" && failed=1
rm -rf "$here"
exit "$failed"
