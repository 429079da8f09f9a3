 |#!/bin/sh
 |(
+|    echo a
 |) &
+|wait
+|{ echo b; } &
+|wait $!
+|sleep 0 &
+|wait
