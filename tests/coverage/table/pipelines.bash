 |#!/bin/bash
+|echo a |
+|    tr a b |
+|    cat
+|echo a \
+|    | tr a b \
+|    | cat >/dev/null
+|if echo a |
+|    grep -q a; then
+|    echo found
 |fi
+|echo a |& cat
