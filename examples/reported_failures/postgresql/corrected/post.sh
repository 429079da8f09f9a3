#!/bin/sh
# Ends the backup mode after the snapshot, in the session that began it.
set -eu
here=/run/postgresql-backup
[ -d "$here" ] || exit 0
if [ ! -s "$here/client" ]; then
    rm -rf "$here"
    exit 0
fi

client=$(cat "$here/client")
began=no
if [ -e "$here/began" ]; then
    began=yes
    printf '%s\n' 'SELECT * FROM pg_backup_stop();' "SELECT 'ended';" '\q' 1<> "$here/in"
else # the pre-script did not come to its end: the server aborts what it began
    kill "$client" 2> /dev/null || :
fi
waited=0
while kill -0 "$client" 2> /dev/null; do
    [ "$waited" -lt 10 ] || kill "$client"
    if [ "$waited" -ge 20 ]; then
        echo "the client in backup mode does not end" >&2
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done

said=$(cat "$here/out")
rm -rf "$here"
case $began$said in
    no* | *ended*) ;;
    *)
        echo "PostgreSQL did not end the backup: $said" >&2
        exit 1
        ;;
esac
