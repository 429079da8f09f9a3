#!/bin/bash
# One script for both steps: $1 is pre or post.
SIDS=("ORCL" "HR")

function run_sql {
    su - oracle -c "ORACLE_SID=$1 sqlplus -s / as sysdba" <<SQL
WHENEVER SQLERROR EXIT FAILURE
$2
EXIT
SQL
}

for sid in "${SIDS[@]}"; do
    case $1 in
        pre) run_sql "$sid" "ALTER DATABASE BEGIN BACKUP;" ;;
        post) run_sql "$sid" "ALTER DATABASE END BACKUP;" ;;
    esac
done
