 |#!/bin/bash
+|true &&
+|    echo and ||
-|    printf never
+|false ||
+|    false ||
+|    echo or
+|[ -d /nowhere ] &&
-|    echo never
+|[[ -d / ]] && {
+|    echo braces
+|    true
 |}
