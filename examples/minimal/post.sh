#!/bin/sh
# After the snapshot: let the application go on.
set -eu
echo working > /data/state
