#!/bin/bash
set -euo pipefail
LOG=/var/log/backup-pre.log
log() { echo "$(date '+%Y-%m-%dT%H:%M:%S') $*" | tee -a "$LOG"; }
log "starting"
trap 'log "failed in line $LINENO"' ERR
appctl quiesce 2>&1 | tee -a "$LOG"
log "done"
