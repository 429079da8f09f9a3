#!/bin/sh
# The session ends with psql, and the server aborts the backup; psql says nothing of it.
psql -U postgres -c "SELECT pg_backup_start('azure', fast => true)"
