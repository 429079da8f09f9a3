 |#!/bin/bash
+|for word in one \
 |    two three; do
+|    [ "$word" = two ] && continue
+|    echo "$word"
 |done
+|for word in; do
-|    echo never
 |done
+|for ((i = 0; i < 2; i++)); do
+|    echo "$i"
 |done
+|select name in a b; do
-|    echo never
 |done </dev/null
