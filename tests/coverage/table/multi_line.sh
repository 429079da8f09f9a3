 |#!/bin/sh
+|text='one
 |two'
+|printf '%s\n' \
 |    "$text" \
 |    >/dev/null
+|export A=1 \
 |    B=2
+|set -- a \
 |    b
+|A=1 B=2 C=3
+|D=4 \
 |    env >/dev/null
