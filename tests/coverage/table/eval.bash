 |#!/bin/bash
 |say() {
+|    echo "said $1"
 |}
+|code='say a
 |say b
 |echo c'
+|if false; then
-|    echo never
-|    echo c
-|    echo c
 |fi
+|eval "$code"
+|[ a = b ] && echo c
+|eval 'echo d; echo e'
