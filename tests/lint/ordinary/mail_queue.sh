#!/bin/sh
# Holds the mail queue; $1 is hold or release.
set -eu
case ${1-} in
    hold)
        postsuper -h ALL
        postqueue -p | tail -n 1 | grep -q 'Mail queue is empty' || sleep 2
        ;;
    release) postsuper -H ALL ;;
    *)
        echo "usage: $0 hold|release" >&2
        exit 64
        ;;
esac
systemctl is-active --quiet postfix
