 |#!/bin/sh
+|for name in a b
 |do
+|    if [ $name = a ]
 |    then
+|        continue
 |    fi
+|    break
-|    echo never
 |done
+|for x; do
-|    echo never
 |done
+|: behind it
