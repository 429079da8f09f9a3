 |#!/bin/bash
+|case $BASH_VERSION in
 |    0.*) 
-|        echo old
 |        ;;
 |    [1-9]*) 
+|        echo new
 |        ;;&
+|    *) echo too ;;
 |esac
+|case "a
 |b" in
-|    c) echo c ;;
 |esac
