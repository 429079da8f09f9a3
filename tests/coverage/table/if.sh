 |#!/bin/sh
+|if test -d /nowhere
 |then
-|    echo never
 |fi
+|if ! test -d /nowhere
+|then echo beside then
-|else echo beside else
 |fi
