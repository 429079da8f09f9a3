#!/bin/sh
# After the snapshot: the backup is ended, in the session that began it.
#
# This also runs after a pre-script that failed, was stopped half-way, or never ran.
set -eu
here=/run/azure-backup-postgresql

[ -d "$here" ] || exit 0
holder=
client=
[ ! -s "$here/holder" ] || read -r holder < "$here/holder"
[ ! -s "$here/client" ] || read -r client < "$here/client"

failed=0
if [ -n "$holder" ] && [ -n "$client" ] && kill -0 "$client" 2> /dev/null; then
    echo 'SELECT * FROM pg_backup_stop();' > "$here/in"
fi
# Without the holder the client has nothing more to read, and ends.
[ -z "$holder" ] || kill "$holder" 2> /dev/null || :
waited=0
while [ -n "$client" ] && kill -0 "$client" 2> /dev/null; do
    case $waited in
        10) kill "$client" 2> /dev/null || : ;;
        15) kill -KILL "$client" 2> /dev/null || : ;;
        20)
            echo "the client of PostgreSQL does not end: process $client" >&2
            exit 1
            ;;
    esac
    sleep 1
    waited=$((waited + 1))
done
if grep -q ERROR "$here/out" 2> /dev/null; then
    echo "PostgreSQL says:" >&2
    cat "$here/out" >&2
    failed=1
fi
rm -rf "$here"
exit "$failed"
