#!/bin/sh
# Freezes Caché before the snapshot. The session ends with 5 when it is frozen, with 3 when not.
csession CACHE -U %SYS "##Class(Backup.General).ExternalFreeze()"
status=$?
if [ "$status" -eq 5 ]; then
    echo "Cache is frozen"
    exit 0
fi
echo "Cache could not be frozen: csession ended with $status" >&2
exit 1
