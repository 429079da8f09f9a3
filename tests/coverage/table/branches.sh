 |#!/bin/sh
 |# Branches that shells go through in every way they have.
 |find_it() {
+|    echo "$1" | grep -q a &&
+|        return 0
+|    if echo "$1" |
+|        grep -q b; then
+|        return 1
 |    fi
 |}
+|if find_it a; then
+|    echo yes
 |fi
+|find_it b ||
+|    echo no
+|find_it c
+|for x in a b; do
+|    case $x in
 |    a)
+|        echo first
 |        ;;
 |    b) ;;
 |    c)
-|        echo never
 |        ;;
 |    esac
 |done
+|if [ -e / ]; then
!|    for y in; do
-|        echo never
 |    done
 |fi
+|if [ -e / ]; then
+|    true &
+|fi; wait
+|if [ -e / ] &&
+|    [ -e /nowhere ] ||
+|    [ -e / ]; then
+|    echo both
 |else
-|    echo neither
 |fi
 |(
+|    [ -e /nowhere ] &&
-|        exit 1
+|    [ -e / ] || {
-|        exit 2
 |    }
 |)
+|if [ -e /nowhere ]; then
-|    exit 3
 |fi
