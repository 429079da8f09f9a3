#!/bin/sh
# Quiesces MySQL before the snapshot: $1 is the user, $2 the option file with the password.
mysql --defaults-extra-file="$2" -u "$1" -e 'FLUSH TABLES WITH READ LOCK'
if [ $? -ne 0 ]; then
    echo "MySQL could not be locked" >&2
    exit 1
fi
echo "MySQL is locked"
