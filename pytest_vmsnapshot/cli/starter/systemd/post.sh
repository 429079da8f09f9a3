#!/bin/sh
# After the snapshot: what the pre-script has stopped is started.
#
# This also runs after a pre-script that failed, was stopped half-way, or never ran. The note goes
# only when the service runs, so that another try starts it.
set -eu
note=/run/azure-backup-stopped

[ -e "$note" ] || exit 0
read -r unit < "$note"
systemctl start "$unit"
rm -f "$note"
