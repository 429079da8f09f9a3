 |#!/bin/sh
 |finish() {
+|    status=$?
+|    trap - EXIT
+|    exit "$status"
 |}
+|trap finish EXIT
+|trap 'exit 1' INT TERM
+|trap '' HUP
+|exit 0
