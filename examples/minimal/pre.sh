#!/bin/sh
# Before the snapshot: bring the application to rest and get its data onto the disk.
set -eu
echo resting > /data/state
sync
