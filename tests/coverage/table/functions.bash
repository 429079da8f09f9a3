 |#!/bin/bash
 |never() {
-|    echo never
 |}
 |function twice {
+|    local text=$1
+|    echo "$text$text"
+|    [ "$text" = a ] || return 0
+|    twice b
 |}
 |in_subshell() (
+|    cd /
+|    twice c
 |)
+|twice a
+|in_subshell
