 |#!/bin/sh
+|command=echo
+|$command hello
+|"$command" quoted
+|'echo' quoted
+|\echo escaped
+|ec''ho joined
+|eval "$command evaluated"
