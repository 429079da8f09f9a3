 |#!/bin/sh
+|case "${1:-status}" in
 |start)
-|    echo starting
 |    ;;
 |stop | halt)
-|    echo stopping
 |    ;;
 |status)
+|    echo asked
+|    case x in x) echo inner ;; *) echo other ;; esac
 |    ;;
 |esac
