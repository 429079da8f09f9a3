 |#!/bin/bash
+|bash ./child.bash
+|bash -c 'echo in
 |a
 |string'
=== child.bash
 |#!/bin/bash
+|echo child
+|exit 0
-|echo never
