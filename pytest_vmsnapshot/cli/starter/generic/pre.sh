#!/bin/sh
# Before the snapshot: nothing is written any more, and everything is on the disk.
#
# "orders pause" stands for what brings your application to rest. It must come back only when the
# application rests, and do no harm when it rests already: this script may be tried again.
set -eu

/usr/local/bin/orders pause
sync
