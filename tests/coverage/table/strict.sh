 |#!/bin/sh
+|set -eu
!|echo "$undefined"
-|echo never
