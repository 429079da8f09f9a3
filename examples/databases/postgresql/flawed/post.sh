#!/bin/sh
psql -U postgres -c 'SELECT pg_backup_stop()' || :
