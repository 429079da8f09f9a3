"""Becoming root of a user namespace: alone in it, or among subordinate ids."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import shutil
import subprocess

from .. import syscalls
from .steps import StepFailed, step

SUBIDS_STEP = "map subordinate ids"
_TABLES = (("newuidmap", "/etc/subuid"), ("newgidmap", "/etc/subgid"))
_MOST = 65535
"""Ids mapped besides our own: 1 to 65535, so that "nobody" (65534) has a number inside."""


def why_no_subordinate_ids() -> tuple[str, str]:
    """Say what an ordinary user lacks for subordinate ids.

    Returns:
        Reason and remedy; both empty if nothing is missing. Whether mapping works, only trying
        can tell.
    """
    if os.geteuid() == 0:
        return "", ""  # root writes the maps itself
    uid = os.getuid()
    name = _name(uid)
    for program, table in _TABLES:
        if shutil.which(program) is None:
            return f"{program} is not installed", "sudo apt-get install uidmap"
        if _range(table, name, uid) is None:
            return (
                f"{name} has no range in {table}",
                "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + name,
            )
    return "", ""


def enter(*, subordinate: bool) -> None:
    """Become root of a user namespace of our own.

    Args:
        subordinate: whether other owners shall be real.

    Raises:
        StepFailed: it was refused.
    """
    uid, gid = os.geteuid(), os.getegid()
    if subordinate:
        _enter_mapped_from_outside(uid, gid)
        return
    _unshare()
    with step("write the id maps"):
        with contextlib.suppress(FileNotFoundError):
            _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {uid} 1")
        _write("/proc/self/gid_map", f"0 {gid} 1")


def _unshare() -> None:
    with step("unshare the user namespace"):
        syscalls.unshare(syscalls.CLONE_NEWUSER)


def _enter_mapped_from_outside(uid: int, gid: int) -> None:
    """Only a process outside the namespace can map more than one id."""
    parent = os.getpid()
    ready, go = os.pipe2(os.O_CLOEXEC)
    heard, said = os.pipe2(os.O_CLOEXEC)
    mapper = os.fork()
    if mapper == 0:
        os.close(go)
        code = errno.EPERM
        with contextlib.suppress(BaseException):
            if os.read(ready, 1):
                refused = _map_as_root(parent) if uid == 0 else _map_as_user(parent, uid, gid)
                os.write(said, refused.encode("utf-8", "backslashreplace")[:4096])
                code = errno.EPERM if refused else 0
        os._exit(code)
    os.close(ready)
    os.close(said)
    try:
        _unshare()
        os.write(go, b"1")
    finally:
        os.close(go)
        with open(heard, "rb") as file:
            refused = file.read().decode("utf-8", "backslashreplace")
        _, status = os.waitpid(mapper, 0)
    if status:
        raise StepFailed(SUBIDS_STEP, errno.EPERM, refused)
    with contextlib.suppress(OSError):
        os.setgroups([])  # groups of the host have no number inside


def _map_as_root(pid: int) -> str:
    """Map every id onto itself, as far as root itself has them."""
    try:
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/self/{name}", encoding="ascii") as file:
                rows = [line.split() for line in file]
            if sum(int(count) for _, _, count in rows) == 1:
                return "root is alone here: a user namespace without any other id"
            same = "".join(f"{first} {first} {count}\n" for first, _, count in rows)
            _write(f"/proc/{pid}/{name}", same)
    except OSError as refused:
        return f"root may not map ids here ({refused.strerror})"
    return ""


def _map_as_user(pid: int, uid: int, gid: int) -> str:
    name = _name(uid)
    for (program, table), own in zip(_TABLES, (uid, gid), strict=True):
        found = _range(table, name, uid)
        if found is None:
            return f"{name} has no range in {table}"
        first, count = found
        words = [program, str(pid), "0", str(own), "1", "1", str(first), str(count)]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode:
            return done.stderr.decode("utf-8", "backslashreplace").strip() or f"{program} failed"
    return ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _range(table: str, name: str, uid: int) -> tuple[int, int] | None:
    """The first range of a user, as first id and number of ids."""
    with contextlib.suppress(OSError), open(table, encoding="utf-8") as file:
        for line in file:
            fields = line.strip().split(":")
            if len(fields) == 3 and fields[0] in (name, str(uid)):
                return int(fields[1]), min(int(fields[2]), _MOST)
    return None


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
