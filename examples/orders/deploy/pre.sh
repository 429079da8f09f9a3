#!/bin/sh
# Before the snapshot: no new orders, and every order that was taken is on the disk.
#
# "orders pause" comes back when the service has written what it still had in memory, emptied
# SQLite's write-ahead log into the database, and stopped. It stays so until "orders resume".
set -eu

/usr/local/bin/orders pause
sync
