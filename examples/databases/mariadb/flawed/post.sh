#!/bin/sh
mariadb -u root -e 'UNLOCK TABLES'
