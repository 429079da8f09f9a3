#!/bin/sh
# Freezes Caché before the snapshot.
csession CACHE -U %SYS "##Class(Backup.General).ExternalFreeze()"
status=$?
if [ $status req 5 ]; then
    echo "Cache is frozen"
elif [ $status -eq 3 ]; then
    echo "Cache could not be frozen" >&2
fi
exit $status
