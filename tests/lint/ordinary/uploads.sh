#!/bin/sh
# Waits for uploads by what is open, with arithmetic and patterns that are hard to read.
set -f
dir=/srv/uploads
count=0
list=`ls -1 "$dir" 2> /dev/null | wc -l`
if [ "$list" -gt 0 ] && { [ -d "$dir" ] || [ -L "$dir" ]; }; then
    for pid in $(fuser "$dir" 2> /dev/null); do
        count=$(( count + (pid > 1 ? 1 : 0) ))
    done
fi
(
    cd "$dir" || exit 1
    ./finish --quietly
) || exit 1
msg="it's \"${dir##*/}\" with ${count} and `date`"
logger "$msg" '#' not a comment \# neither
exit_status=0
eval "exit_status=\$exit_status"
[ "$exit_status" -eq 0 ]
