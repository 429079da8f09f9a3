#!/bin/sh
# Stops what writes, and starts it again: $1 is pre or post. For any POSIX shell.
set -eu

project=/srv/app/docker-compose.yml

case "${1:-}" in
    pre)
        docker compose -f "$project" pause web worker
        # No pipe: without pipefail its status would be that of tee.
        docker compose -f "$project" exec -T db sh -c 'sync' >> /var/log/snapshot-hook.log
        ;;
    post)
        docker compose -f "$project" unpause web worker
        ;;
    *)
        echo "usage: $0 pre|post" >&2
        exit 64
        ;;
esac
