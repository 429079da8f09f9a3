#!/bin/sh
# Writes a report, with lines in it that look like commands.
set -eu
cat > /var/tmp/report.txt <<EOF
Report of $(hostname), $(date)
    source ./lib.sh
    read -p "Are you sure?" answer
    mysql -e 'FLUSH TABLES WITH READ LOCK'
    cd ~/somewhere
EOF
cat >> /var/tmp/report.txt <<-'END'
	$HOME is written as it stands here: ~
	# vmsnapshot: this is text
	END
awk -v limit=90 '
    # a comment of awk; source nothing
    $5 + 0 > limit { print $6; found = 1 }
    END { exit found }
' /var/tmp/report.txt
sync -f /var/tmp/report.txt
