#!/bin/bash
set -euo pipefail
appctl resume 2>&1 | tee -a /var/log/backup-post.log
