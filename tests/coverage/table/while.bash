 |#!/bin/bash
+|n=0
+|while [ $n -lt 2 ]; do
+|    n=$((n + 1))
 |done
+|until [ $n -eq 0 ]
 |do
+|    ((n--))
 |done
+|while false; do
-|    echo never
 |done
