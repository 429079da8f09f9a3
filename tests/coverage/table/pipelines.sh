 |#!/bin/sh
 |{
+|    echo a
+|    echo b
+|} | while read -r x; do
+|    echo "$x"
 |done
+|false | true
+|echo c | {
+|    read -r x
+|    echo "$x"
 |}
