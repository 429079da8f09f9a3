 |#!/bin/sh
+|cat <<EOF |
 |a body in the middle of a pipeline
 |EOF
+|    tr a-z A-Z
+|cat >/dev/null <<EOF
+|a $(echo b)
 |EOF
+|cat >/dev/null <<\EOF
 |$(echo c
 |EOF
