#!/bin/sh
[ "$(redis-cli -s /run/redis/redis-server.sock CLIENT UNPAUSE)" = OK ]
