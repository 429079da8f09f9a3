#!/bin/sh
# Puts PostgreSQL into backup mode before the snapshot.
set -e
psql -U postgres -c 'CHECKPOINT'
psql -U postgres -c "SELECT pg_backup_start('azure', fast => true)"
