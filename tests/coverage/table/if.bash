 |#!/bin/bash
+|if [ 1 = 2 ]; then
-|    echo never
+|elif [[ a == b ]]
 |then
-|    echo never
 |else
+|    echo always
 |fi
+|if true; then echo on one line; fi
