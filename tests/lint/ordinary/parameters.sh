#!/bin/sh
# Reads its parameters.
set -eu
verbose=
name=all
while [ $# -gt 0 ]; do
    case $1 in
        -v) verbose=yes ;;
        --name=*) name=${1#--name=} ;;
        --) shift; break ;;
        -*) echo "unknown option $1" >&2; exit 2 ;;
        *) break ;;
    esac
    shift
done
: "${HOME:=/root}"
export HOME
[ -z "$verbose" ] || echo "name: $name, home: $HOME"
for path in "$@"; do
    [ -e "$path" ] || { echo "no $path" >&2; exit 1; }
    tar -C / -cf "/var/backups/$name.tar" ./etc "./${path#/}"
done
find /srv/"$name" -name '*.tmp' -exec rm -f {} +
