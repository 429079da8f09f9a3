 |#!/bin/sh
+|set -eu
+|: "${1:-nothing}"
+|printf '%s\n' done
