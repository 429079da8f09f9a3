#!/bin/sh
# Does the right thing on each distribution.
set -eu
ID=unknown
# shellcheck source=/dev/null
[ -r /etc/os-release ] && . /etc/os-release
case "$ID${VERSION_ID:+-$VERSION_ID}" in
    debian* | ubuntu*) unit=cron ;;
    rhel* | centos* | rocky* | almalinux*) unit=crond ;;
    alpine*) unit=crond ;;
    *) echo "unknown system: $ID" >&2; exit 1 ;;
esac
if command -v systemctl > /dev/null 2>&1; then
    systemctl stop "$unit"
elif command -v rc-service > /dev/null; then
    rc-service "$unit" stop
fi
