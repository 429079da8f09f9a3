#!/bin/sh
set -eu
exec >> /var/log/azure-oracle.log 2>&1
su - oracle -c 'sqlplus -s / as sysdba' <<'SQL'
WHENEVER SQLERROR EXIT FAILURE
ALTER DATABASE END BACKUP;
EXIT
SQL
rm -f /var/lock/oracle-backup
