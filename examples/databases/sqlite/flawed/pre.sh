#!/bin/sh
# The lock ends with the program, before this script does.
sqlite3 -cmd '.timeout 10000' "$1" 'BEGIN IMMEDIATE'
