 |#!/bin/bash
+|exec 3>/dev/null
+|echo a >&3
 |>/dev/null
+|echo b \
 |    2>/dev/null \
 |    >&2
+|exec 3>&-
 |{
+|    echo c
 |} >/dev/null
+|: >/dev/null
