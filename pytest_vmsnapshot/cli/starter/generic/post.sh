#!/bin/sh
# After the snapshot: go on.
#
# This also runs after a pre-script that failed, was stopped half-way, or never ran. So
# "orders resume" must do no harm when the application does not rest.
set -eu

/usr/local/bin/orders resume
