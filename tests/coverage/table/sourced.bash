 |#!/bin/bash
+|. ./library.bash
+|source "./library.bash" again
+|greet world
=== library.bash
 |# read by another
+|greeting=hello
 |greet() {
+|    echo "$greeting $1"
 |}
 |unused() {
-|    echo never
 |}
+|if [ "${1:-}" = again ]; then
+|    return 0
 |fi
+|echo first time
