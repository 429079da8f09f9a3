 |#!/bin/sh
+|x=1
+|y=$x z=
+|: "${w:=default}"
+|IFS=: read -r a b <<END
 |1:2
 |END
+|export x y
+|readonly z
+|echo $((x + 1))
