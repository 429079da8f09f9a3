#!/bin/sh
set -e
systemctl is-active --quiet shop.service && echo shop > /run/backup.units
systemctl stop shop.service
systemctl stop shop-worker@1.service shop-worker@2.service
sync
