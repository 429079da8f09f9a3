#!/bin/sh
# Reads settings from files beside it, whatever the directory it starts in.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
[ -r "$here/settings.sh" ] || { echo "no settings in $here" >&2; exit 1; }
# shellcheck source=/dev/null
. "$here/settings.sh"
cd "$here/.." || exit 1
./bin/quiesce --all > state.txt
[ -s state.txt ] || exit 1
