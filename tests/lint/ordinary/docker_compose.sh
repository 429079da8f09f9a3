#!/bin/sh
# Stops the containers that write, and remembers which.
set -eu
state=/run/compose-backup
mkdir -p "$state"
for service in $(docker compose -f /srv/app/compose.yaml ps --services --filter status=running); do
    case $service in
        db | cache) continue ;;
        web-* | worker-*)
            docker compose -f /srv/app/compose.yaml pause "$service"
            echo "$service" >> "$state/paused"
            ;;
        *) : ;;
    esac
done
docker exec -i app-db-1 psql -U postgres -c 'CHECKPOINT'
docker exec app-cache-1 redis-cli save
