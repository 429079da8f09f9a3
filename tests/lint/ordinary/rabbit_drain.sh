#!/bin/sh
# Lets consumers finish; gives up in time.
set -eu
limit=20
start=$(date +%s)
queues() { rabbitmqctl -q list_queues name messages_unacknowledged | awk '$2 > 0 { n++ } END { print n + 0 }'; }
rabbitmqctl -q suspend_all_listeners
until [ "$(queues)" -eq 0 ]; do
    now=$(date +%s)
    if [ $((now - start)) -gt $limit ]; then
        rabbitmqctl -q resume_all_listeners
        exit 1
    fi
    sleep 1
done
rabbitmqctl -q sync_queue orders || true
