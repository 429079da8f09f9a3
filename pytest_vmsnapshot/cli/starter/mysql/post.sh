#!/bin/sh
# After the snapshot: MySQL is unlocked, by ending the client that holds the lock.
#
# This also runs after a pre-script that failed, was stopped half-way, or never ran.
set -eu
here=/run/azure-backup-mysql

[ -d "$here" ] || exit 0
holder=
client=
[ ! -s "$here/holder" ] || read -r holder < "$here/holder"
[ ! -s "$here/client" ] || read -r client < "$here/client"

# Without the holder the client has nothing more to read, and ends.
[ -z "$holder" ] || kill "$holder" 2> /dev/null || :
waited=0
while [ -n "$client" ] && kill -0 "$client" 2> /dev/null; do
    case $waited in
        5) kill "$client" 2> /dev/null || : ;;
        10) kill -KILL "$client" 2> /dev/null || : ;;
        15)
            echo "the client of MySQL does not end: process $client" >&2
            exit 1
            ;;
    esac
    sleep 1
    waited=$((waited + 1))
done
rm -rf "$here"
