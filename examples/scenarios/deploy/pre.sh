#!/bin/sh
# Before the snapshot: nobody writes to the ledger, and all of it is on the disk.
set -eu

ledgerctl pause "${1:-ledger}"
echo resting > /data/state
sync
echo "paused ${1:-ledger}"
