"""Each check of a script: what it finds, in which words, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_vmsnapshot.lint import ScriptFile, Severity, Subject, lint

from .asking import CONFIG, Asking, places

SH = "#!/bin/sh\n"
WORK = "/opt/app/quiesce\n"

KEEP = (
    "keep one client alive until the post-script: let it read from a FIFO that a process in the "
    "background holds open, and end that process in the post-script"
)
SNAPSHOT = (
    "; a snapshot of all disks at one instant needs no backup mode: CHECKPOINT shortens recovery"
)

WORDS = [
    (
        b"#!/bin/sh\r\nquiesce\r\n",
        "deploy/pre.sh:1: error VMS001: every line ends in CR LF, and a shell takes each CR for a "
        "part of the word before it; save the script with LF line ends (dos2unix; in "
        ".gitattributes: *.sh text eol=lf)",
    ),
    (
        b"#!/bin/sh\na\nquiesce\r\n",
        "deploy/pre.sh:3: error VMS001: 1 of 3 lines end in CR LF, and a shell takes each CR for a "
        "part of the word before it; save the script with LF line ends (dos2unix; in "
        ".gitattributes: *.sh text eol=lf)",
    ),
    (
        b"\xef\xbb\xbf#!/bin/sh\nquiesce\n",
        "deploy/pre.sh:1: error VMS002: the script begins with a byte order mark: its first line "
        "is "
        "no first line, and a shell runs it as a command that does not exist; save it as UTF-8 "
        "without a byte order mark",
    ),
    (
        b"#!/bin/sh\nquiesce",
        "deploy/pre.sh:2: warning VMS003: the last line is not ended: whatever is appended to the "
        "script continues it, and tools that read line by line leave it out; end the script with a "
        "newline",
    ),
    (
        "#!/bin/sh\nquiesce\n".encode("utf-16"),
        "deploy/pre.sh: error VMS004: the script is UTF-16, of which no shell understands a word; "
        "save it as UTF-8 without a byte order mark",
    ),
    (
        b"#!/bin/sh\nqui\0esce\n",
        "deploy/pre.sh:2: error VMS004: there is a NUL byte here, so this is no text: some shells "
        "skip it, others refuse the script; take it out; a program is started by a script of one "
        "line: exec PROGRAM",
    ),
    (
        b"#!/bin/sh\nquiesce Z\xfcrich\n",
        "deploy/pre.sh:2: warning VMS004: the byte 0xfc is not UTF-8: what is printed or compared "
        "here is another text than on a VM with a UTF-8 locale; save the script as UTF-8",
    ),
    (
        b"#!/usr/bin/env python3\nimport os\n",
        "deploy/pre.sh:1: error VMS005: the first line asks for python3, but the extension runs "
        "every script by sh, whatever its first line says: it fails, or does something else than "
        "is "
        "written here; install a script of one line beside it that starts it: exec python3 SCRIPT "
        '"$@"',
    ),
    (
        b"#!/bin/bash\nquiesce\n",
        "deploy/pre.sh:1: warning VMS006: the first line asks for /bin/bash, but the extension "
        "runs "
        "every script by sh, whatever its first line says, and sh is dash (/bin/sh of debian) and "
        "busybox (/bin/sh of alpine): what only bash knows fails there, or is skipped without a "
        "word; write the script for sh, or let it begin with #!/bin/sh and start the other one: "
        'exec /bin/bash SCRIPT "$@"',
    ),
    (
        b"quiesce\n",
        "deploy/pre.sh:1: warning VMS007: there is no first line that says what runs the script: "
        "the extension runs it by sh all the same, but by the documented rules it is executed, and "
        "that fails; begin the script with #!/bin/sh",
    ),
    (
        b"#!/bin/sh -eu\nquiesce\n",
        "deploy/pre.sh:1: warning VMS008: the first line has the options -eu, but the extension "
        "runs every script by sh, whatever its first line says: they have no effect; set them by a "
        "command: set -eu",
    ),
    (
        b"#!/bin/sh\n  ./quiesce --now\n",
        "deploy/pre.sh:2:3: error VMS009: ./quiesce is looked for where the script starts, and "
        "that "
        "is the extension's own directory; give its absolute path; beside the script it is "
        '"$(dirname "$0")/quiesce"',
    ),
    (
        b"#!/bin/sh\nquiesce > log.txt\n",
        "deploy/pre.sh:2:11: warning VMS009: log.txt is written into the directory where the "
        "script "
        "starts, and that is the extension's own, which its next version replaces; give its "
        "absolute path",
    ),
    (
        b"#!/bin/sh\nquiesce < ./list\n",
        "deploy/pre.sh:2:11: error VMS009: ./list is read from the directory where the script "
        "starts, and that is the extension's own, which its next version replaces; give its "
        "absolute path",
    ),
    (
        b"#!/bin/sh\nsource /opt/lib.sh\n",
        "deploy/pre.sh:2:1: error VMS010: source does not exist in dash (/bin/sh of debian): the "
        "line fails, and the script goes on without it; write . /opt/lib.sh",
    ),
    (
        b"#!/bin/sh\n. lib.sh\n",
        "deploy/pre.sh:2:3: error VMS011: lib.sh is looked up on PATH and nowhere else, since it "
        'has no slash; give its path; beside the script it is "$(dirname "$0")/lib.sh"',
    ),
    (
        b'#!/bin/sh\nquiesce "$HOME/.app"\n',
        "deploy/pre.sh:2:9: error VMS012: there is no HOME: the extension starts a script without "
        "it, so $HOME is empty, and under set -u an error; write the directory out, or set it "
        "first: HOME=/root; export HOME",
    ),
    (
        b"#!/bin/sh\nquiesce ~/.app\n",
        "deploy/pre.sh:2:9: error VMS012: there is no HOME: the extension starts a script without "
        "it, and a tilde stays a tilde in dash (/bin/sh of debian) and busybox (/bin/sh of "
        "alpine); "
        "write the directory out, such as /root, or name the user: ~root",
    ),
    (
        b"#!/bin/sh\ncd\nquiesce\n",
        "deploy/pre.sh:2:1: error VMS012: there is no HOME: the extension starts a script without "
        "it, and cd alone goes nowhere; write the directory out: cd /root",
    ),
    (
        b"#!/bin/sh\nquiesce --password=CHANGEME\n",
        "deploy/pre.sh:2:9: error VMS013: CHANGEME looks like text that was meant to be replaced; "
        "write what is meant on your VM",
    ),
    (
        b"#!/bin/sh\nexit 0\n",
        "deploy/pre.sh: warning VMS014: the script does nothing and succeeds: the snapshot is "
        "called application-consistent although no application was told of it; let it bring the "
        "application to rest and its data onto the disk",
    ),
    (
        b"#!/bin/sh\nmysql -e 'FLUSH TABLES WITH READ LOCK'\n",
        "deploy/pre.sh:2:1: error VMS015: this mysql ends at once, and its lock ends with the "
        f"session: at the snapshot nothing is held; {KEEP}",
    ),
    (
        b"#!/bin/sh\npsql -c \"select pg_backup_start('x')\"\n",
        "deploy/pre.sh:2:1: error VMS015: this psql ends at once, and its backup is aborted by the "
        f"server when the session ends: at the snapshot nothing is held; {KEEP}{SNAPSHOT}",
    ),
    (
        b"#!/bin/sh\npsql -c \"select pg_start_backup('x', true)\"\n",
        "deploy/pre.sh:2:1: error VMS015: pg_start_backup outlives its session up to PostgreSQL 14 "
        "only; version 15 knows pg_backup_start alone, whose backup the server aborts when its "
        f"client ends; {KEEP}{SNAPSHOT}",
    ),
    (
        b"#!/bin/sh\nsqlite3 /srv/a.db 'BEGIN IMMEDIATE'\n",
        "deploy/pre.sh:2:1: error VMS015: this sqlite3 ends at once, and its transaction ends with "
        f"the session: at the snapshot nothing is held; {KEEP}",
    ),
    (
        b"#!/bin/sh\nread -p 'Sure? ' a\nquiesce\n",
        "deploy/pre.sh:2:1: error VMS016: read waits for an answer: a script has no terminal, and "
        "nothing on its standard input; take it from a parameter of the script: $1",
    ),
    (
        b"#!/bin/sh\nsu - oracle\nquiesce\n",
        "deploy/pre.sh:2:1: error VMS017: su - oracle starts a shell that finds nothing on its "
        "standard input and ends at once: the commands after it run as root; hand the command to "
        "it: su - oracle -c 'COMMAND'",
    ),
    (
        b"#!/bin/sh\nset -euo pipefail\nquiesce\n",
        "deploy/pre.sh:2:1: error VMS018: dash (/bin/sh of debian) does not know the option "
        "pipefail of set, and ends the script here; leave it out, and write what a pipe hands on "
        "into a file where the status of its first command matters",
    ),
    (
        b"#!/bin/sh\nfsfreeze -f /data\n",
        "deploy/pre.sh:2:1: error VMS028: the extension freezes the file systems itself after the "
        "pre-script; to freeze one that is frozen already fails, and with it the backup "
        '(FsFreezeFailed); leave the freeze to the extension, or write "fsFreezeEnabled": false '
        "into the config",
    ),
]


@pytest.mark.parametrize(("script", "text"), WORDS, ids=[text[14:36] for _, text in WORDS])
def test_what_is_said(ask: Asking, script: bytes, text: str) -> None:
    assert [str(found) for found in ask.script(script)] == [text]


def test_a_post_script_is_told_otherwise(ask: Asking) -> None:
    assert [str(found) for found in ask.script(SH + "exit 0\n", step="post")] == [
        "deploy/pre.sh: note VMS014: the script does nothing and succeeds: whatever the pre-script "
        "took stays taken; let it undo what the pre-script does; if that is nothing, ignore this"
    ]
    script = SH + "mariadb -e 'UNLOCK TABLES'\npsql -c 'SELECT pg_backup_stop()'\n"
    assert [found.text for found in ask.script(script, step="post")] == [
        "this mariadb is another session than the one that took the lock, and ends nothing",
        "this psql is another session than the one that began the backup, and ends nothing",
    ]
    assert ask.script(script, step="pre") == ()


FOUND = [
    ("VMS009", ". ./lib.sh"),
    ("VMS009", "sh lib/run.sh"),
    ("VMS009", "../bin/quiesce"),
    ("VMS009", "exec bin/quiesce"),
    ("VMS009", "cd deploy"),
    ("VMS009", "cd .. && quiesce"),
    ("VMS009", "quiesce >> out"),
    ("VMS009", "f() { ./quiesce; }; f"),
    ("VMS009", "./a; cd /srv"),
    ("VMS009", "x=$(./count)"),
    ("VMS009", "cd -- deploy"),
    ("VMS012", "x=~/bin; a"),
    ("VMS012", "a ${HOME}/x"),
    ("VMS012", "a > $HOME/x"),
    ("VMS012", "a ${HOME%/}"),
    ("VMS012", "PATH=/usr/bin:~/bin; a"),
    ("VMS012", "a <<E\n$HOME\nE"),
    ("VMS013", "/path/to/quiesce"),
    ("VMS013", "quiesce --user your-user"),
    ("VMS013", "quiesce --user=YOUR_USER"),
    ("VMS013", "quiesce '<password>'"),
    ("VMS013", 'quiesce "<your db>"'),
    ("VMS013", "quiesce '<db-name>'"),
    ("VMS013", "url=https://api.example.com/v1; quiesce"),
    ("VMS013", "quiesce admin@example.org"),
    ("VMS013", "quiesce REPLACE_ME"),
    ("VMS014", ""),
    ("VMS014", ": # nothing yet"),
    ("VMS014", "echo done >&2\nexit"),
    ("VMS014", "set -e\nx=1\ntrue"),
    ("VMS015", "mysql -u root -p$1 --execute='flush  tables with read lock;'"),
    ("VMS015", "/usr/bin/mysql -Ne 'FLUSH TABLES orders FOR EXPORT'"),
    ("VMS015", "mysql -e 'LOCK TABLES a READ'"),
    ("VMS015", "mysql -e 'LOCK INSTANCE FOR BACKUP'"),
    ("VMS015", "mysql <<E\nFLUSH TABLES WITH READ LOCK;\nE"),
    ("VMS015", "echo 'FLUSH TABLES WITH READ LOCK;' | mysql -u root"),
    ("VMS015", "mysql <<< 'FLUSH TABLES WITH READ LOCK'"),
    ("VMS015", "SQL='FLUSH TABLES WITH READ LOCK'\nmysql -e \"$SQL\""),
    ("VMS015", "M='mysql -u root'\n$M -e 'FLUSH TABLES WITH READ LOCK'"),
    ("VMS015", "mysql -e 'FLUSH TABLES WITH READ LOCK' &"),
    ("VMS015", "mysql -e 'FLUSH TABLES WITH READ LOCK; SYSTEM sync;'"),
    (
        "VMS015",
        ". /opt/env.sh\n${MYSQL} -e 'FLUSH TABLES WITH READ LOCK; SET GLOBAL read_only = ON'",
    ),
    ("VMS015", 'timeout 9 "$PSQL" -c "SELECT pg_backup_start(\'x\')"'),
    ("VMS015", "ask() { mysql -N \"$@\"; }\nask -e 'FLUSH TABLES WITH READ LOCK'"),
    (
        "VMS015",
        "mysql -e 'SET GLOBAL read_only = 1; FLUSH TABLES WITH READ LOCK; SHOW MASTER STATUS'",
    ),
    ("VMS015", "docker exec db mysql -e 'FLUSH TABLES WITH READ LOCK'"),
    ("VMS015", "docker exec db sh -c \"mysql -e 'FLUSH TABLES WITH READ LOCK'\""),
    ("VMS015", "sudo -u mysql mysql -e 'FLUSH TABLES WITH READ LOCK'"),
    ("VMS015", "ssh db \"mysql -e 'FLUSH TABLES WITH READ LOCK'\""),
    ("VMS015", 'su - postgres -c "psql -Atc \\"SELECT pg_backup_start(\'x\', true)\\""'),
    ("VMS015", "su postgres -c psql <<E\nSELECT pg_backup_start('x');\nE"),
    ("VMS015", "runuser -u postgres -- psql -c \"SELECT pg_start_backup('x', false, false)\""),
    ("VMS015", "if ! psql --command=\"SELECT pg_backup_start('x')\"; then exit 1; fi"),
    ("VMS015", "sqlite3 \"$1\" 'BEGIN EXCLUSIVE;'"),
    ("VMS016", "printf 'Name: '\nread -r name\na"),
    ("VMS016", "mysql -u root -p -e 'SELECT 1'"),
    ("VMS016", "docker exec -u root -ti db sync"),
    ("VMS016", "docker run --rm -i -t app sync"),
    ("VMS016", "a < /dev/tty"),
    ("VMS016", "crontab -e"),
    ("VMS017", "su"),
    ("VMS017", "su -l -s /bin/sh oracle"),
    ("VMS017", 'su - "$OWNER"'),
    ("VMS017", "sudo -i\na"),
    ("VMS017", "sudo su - oracle"),
    ("VMS018", "set -o pipefail; a"),
    ("VMS028", "sudo xfs_freeze -f /data"),
    ("VMS028", "fsfreeze -u /data || :; timeout 5 /sbin/fsfreeze --freeze /data"),
]


@pytest.mark.parametrize(("code", "script"), FOUND)
def test_found(ask: Asking, code: str, script: str) -> None:
    assert [found.code for found in ask.script(f"{SH}{script}\n")] == [code]


QUIET = [
    "cd /srv && ./quiesce > out",
    'cd "$(dirname "$0")" || exit 1\n./quiesce',
    "(cd /srv && ./quiesce)",
    "f() { ./quiesce; }\ncd /srv\nf",
    "tar -C /srv -cf /var/a.tar ./data",
    '"$here/quiesce" > "$out"',
    "$BIN/quiesce 2>&1 >&-",
    ". /etc/os-release; quiesce",
    'lib=/opt/lib.sh\n. "$lib"',
    'source() { . "$1"; }\nsource /x',
    "sh -c './not looked into'",
    "a ~postgres/data ~root x~ '~' \\~ a=~",
    "a ${HOME:-/root} '$HOME' \\$HOME $HOMES ${HOMEDIR}",
    'HOME=/root\nexport HOME\na "$HOME" ~',
    'export HOME=/root; a "$HOME"',
    ': "${HOME:=/root}"; a "$HOME"',
    'if [ -n "$HOME" ]; then a "$HOME"; fi',
    "a <<'E'\n$HOME\nE",
    "echo 'usage: quiesce /path/to/data' >&2; quiesce",
    "# see https://example.com, change-me\nquiesce",
    "grep -q example.com /etc/hosts && quiesce",
    "docker ps --format '{{.Names}}'; docker images -f '<none>'",
    "a yourselves /data/examples.com myexample.community your_",
    "[ \"$x\" = '<password>' ] && quiesce",
    "echo locked > /run/state",
    "exit 1",
    "echo $(date)",
    "mysql -e 'FLUSH TABLES'; mysql -e 'SELECT 1'",
    "mysql -e 'FLUSH TABLES WITH READ LOCK; SELECT SLEEP(100)' &",
    "mysql -e 'FLUSH TABLES WITH READ LOCK; UNLOCK TABLES'",
    "mysql -e 'FLUSH TABLES WITH READ LOCK; system lvcreate -s' ",
    "mysql -e \"SELECT 'FLUSH TABLES WITH READ LOCK'\"",
    "mysql < /run/fifo &",
    "echo 'FLUSH TABLES WITH READ LOCK;' > /run/fifo",
    "grep -e 'FLUSH TABLES WITH READ LOCK' /var/log/mysql.log",
    "{ echo 'FLUSH TABLES WITH READ LOCK;'; sleep 600; } | mysql &",
    "mysql -e 'SET GLOBAL super_read_only = ON'",
    "psql -c 'CHECKPOINT'",
    "psql <<E\nSELECT pg_backup_start('x');\nSELECT pg_backup_stop();\nE",
    "sqlite3 \"$1\" 'BEGIN IMMEDIATE; UPDATE a SET b = 1; COMMIT'",
    'mysql -e "$SQL"',
    "\"$grep\" -e 'UNLOCK TABLES' -c 'LOCK'; $@ -e 'FLUSH TABLES WITH READ LOCK'",
    'while read -r x; do a "$x"; done < /etc/list',
    "cat /etc/list | while read -r x; do a; done",
    "printf 'a\\n' | { read -r x; a; }",
    "read -r x < /proc/uptime; a",
    "read -r pid _ <<E\n$(cat /run/x)\nE\na",
    "echo 'which?'; ask() { read -r x; }; ask < /run/x; a",
    "exec < /run/answers; echo 'Name?'; read -r x; a",
    "docker exec -i db a; docker exec db a -it; docker run -t app",
    "EDITOR=/opt/ed crontab -e",
    "mysql -pSecret -e 'SELECT 1'; mysqldump --password=x a",
    "su - oracle -c a; su oracle --command=a; su -c a oracle",
    "su - oracle <<E\na\nE",
    "echo a | su oracle",
    "su oracle /opt/script",
    "sudo -u oracle a; sudo -i -u oracle a; sudo a; runuser -u x -- a",
    "set -eu; set -- a b; set -o errexit; set -x; a",
    "fsfreeze -f /data && fsfreeze -u /data",
    "a -f fsfreeze; fsfreeze --help",
    "(set -o pipefail) 2> /dev/null && set -o pipefail; a",
    '[ -z "${BASH_VERSION-}" ] || set -o pipefail; a',
]


@pytest.mark.parametrize("script", QUIET)
def test_quiet(ask: Asking, script: str) -> None:
    assert [str(found) for found in ask.script(f"{SH}{script}\n")] == []


@pytest.mark.parametrize(
    ("first", "shells", "codes"),
    [
        ("#!/bin/sh", ("debian",), []),
        ("#! /usr/bin/env sh", ("debian",), []),
        ("#!/bin/bash", ("rhel", "fedora", "bash"), []),
        ("#!/usr/bin/env bash", ("rhel", "ubuntu"), ["VMS006"]),
        ("#!/bin/dash", ("debian", "rhel", "alpine"), []),
        ("#!/bin/ksh", ("ksh",), []),
        ("#!/bin/ksh", ("debian",), ["VMS006"]),
        ("#!/bin/zsh", ("bash",), ["VMS006"]),
        ("#!/bin/busybox sh", ("alpine",), []),
        ("#!/bin/bash -e", ("rhel",), ["VMS008"]),
        ("#!/usr/bin/perl -w", ("rhel",), ["VMS005"]),
        ("#!/usr/bin/env -S node --x", ("rhel",), ["VMS005"]),
        ("#!/bin/csh", ("rhel",), ["VMS005"]),
        ("# no", ("rhel",), ["VMS007"]),
        ("", ("rhel",), ["VMS007"]),
    ],
)
def test_first_lines(ask: Asking, first: str, shells: tuple[str, ...], codes: list[str]) -> None:
    found = ask.script(f"{first}\n{WORK}", shells=shells)
    assert [each.code for each in found] == codes


def test_what_is_no_script_is_not_read_as_one(ask: Asking) -> None:
    python = "#!/usr/bin/python3\nopen(~/x)\nsource\n./a\n"
    assert [found.code for found in ask.script(python)] == ["VMS005"]
    elf = b"\x7fELF\x02\x01\x01\0\0\n./a\n"
    assert [found.code for found in ask.script(elf)] == ["VMS004"]


@pytest.mark.parametrize(
    ("script", "shells", "codes"),
    [
        ("source /x", ("rhel", "alpine"), []),
        ("source /x", ("yash",), ["VMS010"]),
        ("a ~/x", ("rhel", "ksh"), []),
        ("a ~/x", ("alpine",), ["VMS012"]),
        ("set -o pipefail; a", ("rhel", "alpine"), []),
        ("set -Eeu; a", ("debian", "rhel", "alpine"), []),
        ("set -Eeu; a", ("mksh",), ["VMS018"]),
    ],
)
def test_it_depends_on_the_shell(
    ask: Asking, script: str, shells: tuple[str, ...], codes: list[str]
) -> None:
    found = ask.script(f"{SH}{script}\n", shells=shells)
    assert [each.code for each in found] == codes


def test_who_freezes_twice(ask: Asking) -> None:
    hook = f"{SH}case $1 in pre) fsfreeze -f /d;;\npost) fsfreeze -u /d;; esac\n"
    flush = f"{SH}fsfreeze -f /d\nfsfreeze -u /d\n"
    assert places(ask.script(hook, step="both")) == ["VMS028:2:17"]
    assert ask.script(flush, step="both") == ()
    assert ask.script(f"{SH}fsfreeze -f /d\n", step="post") == ()

    script = ScriptFile(Path("a.sh"), f"{SH}fsfreeze -f /d\n".encode(), "/p", "pre")
    off = CONFIG.replace(b"}", b', "fsFreezeEnabled": false}')
    found = lint(Subject(Path("c.json"), off, (script,), ("debian",)))
    assert {each.code for each in found} == {"VMS024", "VMS027"}


def test_what_is_told_can_be_printed_on_a_line(ask: Asking) -> None:
    found = ask.script(b"#!/bin/sh\n./qu\xfc\n'/path/to/a\nb'\n")
    assert [each.code for each in found] == ["VMS004", "VMS009", "VMS013"]
    assert found[1].text.startswith("./qu\\udcfc is looked for")
    assert all(f"{each.text}{each.remedy}".isprintable() for each in found)


def test_crs_hide_nothing_else(ask: Asking) -> None:
    found = ask.script("#!/bin/sh\r\n. lib.sh\r\nset -e \\\r\n -o pipefail\r\n")
    assert places(found) == ["VMS001:1:0", "VMS011:2:3", "VMS018:3:1"]


def test_a_byte_order_mark_hides_nothing_else(ask: Asking) -> None:
    found = ask.script(b"\xef\xbb\xbf#!/bin/bash\n. lib.sh\n")
    assert places(found) == ["VMS002:1:0", "VMS006:1:0", "VMS011:2:3"]


def test_findings_are_sorted_by_line(ask: Asking) -> None:
    found = ask.script("#!/bin/sh\n./a\n. b\n~/c\n./d")
    assert [each.line for each in found] == [2, 3, 4, 5, 5]
    assert {each.severity for each in found} == {Severity.ERROR, Severity.WARNING}
