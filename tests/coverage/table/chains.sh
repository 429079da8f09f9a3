 |#!/bin/sh
+|test -d /nowhere || {
+|    echo missing
 |}
+|test -d / || {
-|    echo missing
-|    exit 1
 |}
+|true && echo same line || echo same line
+|! false &&
+|    echo not
