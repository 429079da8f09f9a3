#!/bin/sh
# Lets Caché go on after the snapshot.
csession CACHE -U %SYS "##Class(Backup.General).ExternalThaw()"
exit $?
