#!/bin/sh
# One script for both steps: $1 is pre or post, the databases follow. For any POSIX shell.
set -u
step=$1
shift

run_sql() {
    su - oracle -c "ORACLE_SID=$1 sqlplus -s / as sysdba" <<SQL
WHENEVER SQLERROR EXIT FAILURE
$2
EXIT
SQL
}

failed=0
for sid in "$@"; do
    case $step in
        pre) run_sql "$sid" 'ALTER DATABASE BEGIN BACKUP;' || failed=1 ;;
        post) run_sql "$sid" 'ALTER DATABASE END BACKUP;' || failed=1 ;;
        *) echo "the first parameter is '$step', not pre or post" >&2; exit 2 ;;
    esac
done
exit "$failed"
