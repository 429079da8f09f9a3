 |#!/bin/sh
+|x=`echo a`
+|y=$(echo b; echo "$(echo deep)")
+|echo "first $(
+|    echo inner
 |)" \
 |    last
+|echo "$x $y"
+|z=$(
+|    false ||
+|        echo or
 |)
