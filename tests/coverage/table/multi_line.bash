 |#!/bin/bash
+|echo a \
 |    b \
 |    c
+|echo "a
 |b
 |c"
+|list=(one
 |    two # a comment in it
 |    three
 |)
+|declare -A map=(
 |    [a]=1
 |    [b]=2
 |)
+|[[ a == a &&
 |    b == b ]]
+|((1 +
 |    2))
+|echo "${list[@]}" \
 |    "${map[a]}"
