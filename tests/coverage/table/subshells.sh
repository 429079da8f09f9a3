 |#!/bin/sh
 |(
+|    umask 077
+|    : 
 |) >/dev/null
+|(echo a; echo b) | cat
 |{
+|    echo group
 |} 2>&1
 |if (
+|    exit 1
 |); then
-|    echo never
 |fi
