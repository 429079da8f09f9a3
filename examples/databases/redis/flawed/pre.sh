#!/bin/sh
# Nobody can write any more, and nothing of it is on the disk.
[ "$(redis-cli -s /run/redis/redis-server.sock CLIENT PAUSE 60000 WRITE)" = OK ]
