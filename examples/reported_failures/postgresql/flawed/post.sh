#!/bin/sh
# Ends the backup mode after the snapshot.
psql -U postgres -c 'SELECT * FROM pg_backup_stop()'
