#!/bin/sh
set -e
sudo -u shdadm /usr/sap/hostctrl/exe/sapcontrol -nr 00 -function StartWait 10 2
