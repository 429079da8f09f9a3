 |#!/bin/bash
+|let n=1
+|((n += 1))
+|if ((n > 5)); then
-|    echo never
 |fi
+|((n > 5)) &&
-|    echo never
+|echo $((n << 1)) $((1 <<
 |    2))
