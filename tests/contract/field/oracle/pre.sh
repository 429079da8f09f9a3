#!/bin/sh
set -eu
log=/var/log/azure-oracle.log
exec >> "$log" 2>&1
echo "$(date '+%F %T') begin backup"
out=$(su - oracle -c 'sqlplus -s / as sysdba' <<'SQL'
WHENEVER SQLERROR EXIT FAILURE
ALTER SYSTEM ARCHIVE LOG CURRENT;
ALTER DATABASE BEGIN BACKUP;
EXIT
SQL
)
echo "$out"
case $out in *ORA-*) exit 1;; esac
touch /var/lock/oracle-backup
