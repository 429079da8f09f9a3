#!/bin/sh
# Before the snapshot: the service is stopped, and everything is on the disk.
#
# What this stops is noted down, so that the post-script starts just that: a service that its owner
# has stopped stays stopped. Tried again, it finds the service stopped and the note written.
set -eu
unit=orders.service
note=/run/azure-backup-stopped

state=$(systemctl is-active "$unit") || :
case $state in
    active | activating | reloading)
        echo "$unit" > "$note"
        systemctl stop "$unit"
        ;;
    inactive | failed | deactivating) ;;
    *)
        echo "the state of $unit cannot be told: ${state:-systemctl says nothing}" >&2
        exit 1
        ;;
esac
sync
