#!/bin/sh
# After the snapshot: take orders again. This runs after a pre-script that failed, too.
set -eu

/usr/local/bin/orders resume
