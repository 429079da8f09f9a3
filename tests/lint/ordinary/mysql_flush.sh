#!/bin/sh
# Makes recovery short, and asks for no lock; checks what the server thinks of it.
set -eu
mysql="mysql --defaults-extra-file=/etc/mysql/backup.cnf -N -B"
$mysql -e 'FLUSH ENGINE LOGS'
$mysql -e "SET GLOBAL innodb_max_dirty_pages_pct = 0"
for _ in 1 2 3 4 5; do
    dirty=$($mysql -e "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'" | cut -f 2)
    [ "$dirty" -gt 100 ] || break
    sleep 1
done
$mysql <<'SQL'
SELECT COUNT(*) FROM information_schema.processlist; -- LOCK TABLES is not wanted here
SQL
