 |#!/bin/sh
+|sh ./child.sh
+|sh -c 'echo in a string; exit 1' || echo failed
=== child.sh
+|echo a child without a first line
+|exec true
-|echo never
