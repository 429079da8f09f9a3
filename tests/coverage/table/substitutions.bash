 |#!/bin/bash
+|one=$(echo a)
+|several=$(
+|    echo b
+|    echo c | tr c d
 |
+|    if true; then
+|        echo e
 |    else
-|        printf never
 |    fi
 |)
+|more=$(echo f
+|echo g
 |)
+|echo "$one$several$more"
+|cat <(
+|    echo process
 |)
