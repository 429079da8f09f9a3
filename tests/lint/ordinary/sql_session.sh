#!/bin/sh
# Holds a lock in a client that lives on, and lets go by itself in the end.
set -eu
mysql --defaults-extra-file=/etc/mysql/backup.cnf <<'SQL' > /run/lock.out 2>&1 &
FLUSH TABLES WITH READ LOCK;
SELECT 'locked';
SELECT SLEEP(120);
SQL
echo $! > /run/lock.pid
psql -U postgres -Atc 'SELECT pg_is_in_recovery()' | grep -qx f
psql -U postgres -v ON_ERROR_STOP=1 <<'SQL'
BEGIN;
SELECT pg_backup_start('check');
SELECT * FROM pg_backup_stop();
COMMIT;
SQL
n=0
until grep -q locked /run/lock.out; do
    n=$((n + 1))
    [ "$n" -lt 20 ] || exit 1
    sleep 1
done
