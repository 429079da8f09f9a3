#!/bin/sh
# Lets writers of Redis wait, and has what it holds in memory written to the disk.
set -eu
redis="redis-cli -s /run/redis/redis-server.sock"
[ "$($redis CLIENT PAUSE 60000 WRITE)" = OK ]
[ "$($redis SAVE)" = OK ]
