"""The extension's other configuration files below /etc/azure, as far as they decide a backup."""

from __future__ import annotations

import configparser

VMBACKUP_PATH = "/etc/azure/vmbackup.conf"
"""Options of the snapshot."""

WORKLOAD_PATH = "/etc/azure/workload.conf"
"""Which database the extension backs up by itself."""

_SIZE_LIMIT = 16 * 1024

_DATABASES = ("mysql", "oracle", "mssql", "postgres")
"""Databases the extension knows (template of workload.conf)."""

_ROLES = ("master", "slave")


def mounts_to_skip(content: bytes | None) -> frozenset[str]:
    """The mount points that are not frozen.

    Args:
        content: of vmbackup.conf; None where there is none.
    """
    value = _option(content, "SnapshotThread", "MountsToSkip")
    return frozenset(word.strip() for word in value.split(",") if word.strip())


def thaw_limit(content: bytes | None, otherwise: float) -> float:
    """Seconds after which frozen file systems thaw by themselves.

    Args:
        content: of vmbackup.conf; None where there is none.
        otherwise: where it does not say.
    """
    value = _option(content, "SnapshotThread", "timeout")
    return float(value) if value.isdecimal() and len(value) <= 6 else otherwise


def workload(content: bytes | None) -> tuple[str, str] | None:
    """The database that replaces the scripts, and what is wrong with its role.

    Args:
        content: of workload.conf; None where there is none.

    Returns:
        Its name, and a fault or nothing; None where no database is named that the extension knows.
    """
    name = _option(content, "workload", "workload_name").lower()
    if not any(name.startswith(known) for known in _DATABASES):
        return None
    role = _option(content, "workload", "role").lower()
    return name, "" if role in _ROLES else f"the role {role!r} is none of {', '.join(_ROLES)}"


def _option(content: bytes | None, section: str, name: str) -> str:
    """An option, or nothing where there is none or the file cannot be read."""
    if not content or len(content) > _SIZE_LIMIT:
        return ""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(content.decode("utf-8"))
    except (configparser.Error, UnicodeDecodeError):
        return ""
    return parser.get(section, name, fallback="").strip().strip("'\"")
