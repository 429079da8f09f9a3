 |#!/bin/bash
+|time sleep 0
 |time {
+|    true
 |}
+|command echo a
+|builtin echo b
+|env A=1 true
+|! true
