 |#!/bin/sh
+|printf 'a\nb\n' | while read -r line
 |do
+|    echo "$line"
 |done
+|while read -r line; do
+|    echo "$line"
 |done <<END
 |one
 |two
 |END
+|while :; do
+|    break
 |done
