 |#!/bin/sh
+|set -eu
+|. "$(dirname "$0")/functions.sh"
+|say hello
=== functions.sh
 |say() {
+|    printf '%s\n' "$*"
 |}
 |shout() {
-|    say "$*" | tr a-z A-Z
 |}
