#!/usr/bin/env bash
# Stops what writes, and starts it again: $1 is pre or post.
set -Eeuo pipefail
trap 'echo "snapshot-hook: failed in line $LINENO" >&2' ERR

project=/srv/app/docker-compose.yml
services=(web worker)

case "${1:-}" in
    pre)
        docker compose -f "$project" pause "${services[@]}"
        docker compose -f "$project" exec -T db sh -c 'sync' | tee -a /var/log/snapshot-hook.log
        ;;
    post)
        docker compose -f "$project" unpause "${services[@]}"
        ;;
    *)
        echo "usage: $0 pre|post" >&2
        exit 64
        ;;
esac
