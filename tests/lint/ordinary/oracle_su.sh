#!/bin/sh
# Switches to the owner of the database for each command.
set -eu
sid=${1:?the name of the database}
run() {
    su - oracle -c "ORACLE_SID=$sid sqlplus -s / as sysdba" <<SQL
whenever sqlerror exit failure
$1
exit
SQL
}
run 'alter system archive log current;'
run 'alter database begin backup;'
runuser -u oracle -- /usr/local/bin/notify "backup of $sid"
sudo -u oracle /usr/local/bin/notify finished
echo "echo finished" | su oracle
