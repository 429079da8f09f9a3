#!/bin/sh
# Lets MySQL go on after the snapshot.
mysql --defaults-extra-file="$2" -u "$1" -e 'UNLOCK TABLES'
