"""Commands that scripts of this kind call, by name; and names that are nearly one of them."""

from __future__ import annotations

CLIENTS = (
    *("docker", "docker-compose", "podman", "kubectl", "crictl", "lxc", "virsh"),
    *(
        "mysqldump",
        "mysqlpump",
        "mysqladmin",
        "mariadb-dump",
        "mariadb-admin",
        "pg_dump",
        "pg_dumpall",
    ),
    *("pg_ctl", "pg_ctlcluster", "pg_basebackup", "mongo", "mongosh", "mongodump", "redis-cli"),
    *("sqlplus", "rman", "lsnrctl", "csession", "iris", "hdbsql", "db2", "isql", "sqlcmd"),
    *("cqlsh", "nodetool", "influx", "curl", "wget", "ssh", "scp", "rsync", "nc", "ftp", "sftp"),
    *("az", "azcopy", "aws", "gcloud", "mail", "mailx", "sendmail", "logger", "wall"),
    *("rabbitmqctl", "supervisorctl", "pm2", "monit", "initctl", "rc-service", "crm", "pcs"),
    *("lvcreate", "lvremove", "lvs", "vgs", "zfs", "zpool", "multipath", "dmsetup"),
    *("sysctl", "modprobe", "iptables", "nft"),
)
"""Commands that talk to something a VM here has not: a server, a daemon, a network, a disk. They
are doubled even where the machine has them, so that a gate says the same everywhere.
"""

READY_MADE = {
    "mysql": ("mysql", "mariadb"),
    "postgresql": ("psql",),
    "systemctl": ("systemctl", "service"),
    "switch_user": ("su", "sudo", "runuser"),
    "fsfreeze": ("fsfreeze", "xfs_freeze"),
}
"""Commands for which there are doubles that know what is held."""

_UTILITIES = (
    *("awk", "basename", "chgrp", "chmod", "chown", "cksum", "date", "dirname", "expr", "find"),
    *("flock", "grep", "gzip", "install", "kill", "killall", "logrotate", "mkdir", "mkfifo"),
    *("mktemp", "mount", "mountpoint", "nohup", "pgrep", "pkill", "python3", "readlink"),
    *("realpath", "rmdir", "sleep", "sqlite3", "stat", "sync", "tail", "timeout", "touch"),
    *("umount", "uname", "xargs", "echo", "printf", "source", "return"),
)
"""What any Linux has, and shells do themselves: to be misspelt only."""

_KNOWN = sorted({*CLIENTS, *_UTILITIES, *(name for names in READY_MADE.values() for name in names)})

_SHORTEST = 5
"""Letters of a name; of shorter ones too many are alike."""


def meant(name: str) -> str:
    """The known command whose name this nearly is: one letter is wrong, missing, or too many, or
    two are the other way round; empty if there is none.

    Args:
        name: of a command that nobody knows.
    """
    if name in _KNOWN or len(name) < _SHORTEST:
        return ""
    return next((known for known in _KNOWN if _is_slip(name, known)), "")


def _is_slip(name: str, known: str) -> bool:
    if name.startswith(known) or known.startswith(name) or len(known) < _SHORTEST:
        return False  # mysqld is not mysql misspelt
    start = next(at for at, pair in enumerate(zip(name, known, strict=False)) if len({*pair}) > 1)
    rest, wanted = name[start:], known[start:]
    wrong = rest[1:] == wanted[1:]
    missing, too_many = rest == wanted[1:], rest[1:] == wanted
    swapped = rest[:2] == wanted[1::-1] and rest[2:] == wanted[2:]
    return wrong or missing or too_many or swapped
