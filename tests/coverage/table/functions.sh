 |#!/bin/sh
 |usage() {
-|    echo "usage: $0" >&2
-|    exit 64
 |}
 |log() { 
+|    echo "log: $*"
 |}
+|log one && log two
+|log three | cat
+|false && usage
+|exit 0
-|log unreachable
