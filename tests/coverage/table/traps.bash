 |#!/bin/bash
 |cleanup() {
+|    echo cleaning
 |}
 |never() {
-|    echo never
 |}
+|trap cleanup EXIT
+|trap never TERM
+|trap 'echo first
 |echo second
 |cleanup' USR1
+|[ a = b ] && exit 1
+|kill -USR1 $BASHPID
+|trap 'echo failed
 |echo here' ERR
+|false
+|:
