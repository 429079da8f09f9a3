#!/bin/sh
# fsyncLock outlives the shell that asks for it.
set -eu
password=$(cat /etc/mongo/backup.password)
mongosh --quiet --username backup --password "$password" --eval 'db.fsyncLock()' admin > /dev/null
mongosh --quiet --username backup --password "$password" --eval '
    const ops = db.currentOp();
    if (!ops.fsyncLock) { quit(1); }
' admin
