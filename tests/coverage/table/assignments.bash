 |#!/bin/bash
+|a=1 b=2
+|list[3]=x
+|list+=(y)
 |local_only() {
+|    local -r x=1 y
+|    y=2
 |}
+|declare -i n=3
+|readonly r=4
+|unset a
+|typeset t=5
+|export PATH
+|local_only
