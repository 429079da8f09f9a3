#!/bin/sh
# Flushes every index; the body says what is wanted.
set -eu
url=http://localhost:9200
answer=$(curl --silent --show-error --fail --max-time 20 -X POST "$url/_flush?force=true" \
    -H 'Content-Type: application/json' --data-binary @- <<'JSON'
{ "wait_if_ongoing": true, "comment": "<before the snapshot>" }
JSON
)
case "$answer" in
    *'"failed":0'*) echo "flushed" ;;
    *)
        echo "not flushed: $answer" >&2
        exit 1
        ;;
esac
