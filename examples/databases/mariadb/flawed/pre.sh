#!/bin/sh
# The lock ends with the client, before this script does.
mariadb -u root -e 'FLUSH TABLES WITH READ LOCK'
