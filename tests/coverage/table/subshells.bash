 |#!/bin/bash
 |(
+|    cd /
+|    exit 3
-|    echo never
 |)
+|( echo one line )
 |(
 |    (
+|        echo deeper
 |    ) 
 |) 
+|echo "$?"
