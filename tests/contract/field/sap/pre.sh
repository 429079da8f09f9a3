#!/bin/sh
set -e
. /etc/sysconfig/sap
sudo -u "${SAPADM}" /usr/sap/hostctrl/exe/sapcontrol -nr 00 -function StopWait 10 2
