"""File operations inside a VM: put a file in place, state its facts, list a tree."""

from __future__ import annotations

import errno
import os
import stat
from typing import Any

_COPY_SIZE = 16 * 1024 * 1024

_PASSWD = "/etc/passwd"

_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def install(request: dict[str, Any], content: int, names: Names) -> dict[str, Any]:
    """Write a file beside its place, give it owner and mode, and rename it into place.

    A directory in its place is an error; anything else there is replaced.

    Returns:
        The file's facts, and whether the owner could not be set.
    """
    path: str = request["path"]
    parent, name = os.path.split(path)
    os.makedirs(parent, mode=0o755, exist_ok=True)
    draft = request.get("draft") or f"{parent}/.{name[:100]}.{os.urandom(4).hex()}"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        while os.sendfile(fd, content, None, _COPY_SIZE):
            pass
        refused = set_owner(fd, request["owner"])
        os.fchmod(fd, request["mode"])
        os.rename(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
    finally:
        os.close(fd)
    return {**examine(path, names), "owner_refused": refused}


def make_directory(request: dict[str, Any], names: Names) -> dict[str, Any]:
    """Make a directory and its parents, or take the one that is there, and set owner and mode."""
    path: str = request["path"]
    os.makedirs(path, mode=0o755, exist_ok=True)
    refused = set_owner(path, request["owner"])
    os.chmod(path, request["mode"])
    return {**examine(path, names), "owner_refused": refused}


def set_owner(file: int | str, owner: str) -> int:
    """Give a file to an owner and the owner's group.

    Args:
        file: a descriptor or path.
        owner: name or number.

    Returns:
        errno when the owner could not be set, else 0.

    Raises:
        OSError: ENOENT, the VM knows no user of this name.
    """
    uid, gid = _ids(owner)
    try:
        os.chown(file, uid, gid)
    except OSError as refused:
        if refused.errno not in (errno.EINVAL, errno.EPERM):
            raise
        return refused.errno
    return 0


def _ids(owner: str) -> tuple[int, int]:
    if owner in ("root", "0"):
        return 0, 0
    for row in _users():
        if owner in (row[0], row[2]):
            return int(row[2]), int(row[3])
    if owner.isdigit():
        return int(owner), int(owner)
    raise OSError(errno.ENOENT, f"the VM has no user {owner!r}", owner)


def examine(path: str, names: Names, read_limit: int = 0) -> dict[str, Any]:
    """State the facts of a path, links followed.

    Args:
        path: absolute path.
        names: of the VM's users.
        read_limit: how many bytes of a regular file to read; 0 for none.

    Returns:
        The facts. They have ``kind`` ("absent" when nothing is there); where looking or reading
        was refused they have ``error`` (errno) as well.
    """
    try:
        facts = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"kind": "absent", "dangling": _is_link(path)}
    except OSError as error:
        return {"kind": "unreadable", "error": error.errno}
    except ValueError:  # a NUL character, or a character no path can have
        return {"kind": "absent"}
    answer: dict[str, Any] = {
        "kind": _KINDS.get(stat.S_IFMT(facts.st_mode), "device"),
        "mode": stat.S_IMODE(facts.st_mode),
        "owner": names.of(facts.st_uid),
        "uid": facts.st_uid,
        "size": facts.st_size,
        "inode": facts.st_ino,
        "device": facts.st_dev,
    }
    if not read_limit or answer["kind"] != "file":
        return answer
    try:
        with open(open_regular(path), "rb", buffering=0) as file:
            answer["content"] = file.read(read_limit).decode("latin-1")
    except OSError as error:
        answer["error"] = error.errno
    return answer


def open_regular(path: str) -> int:
    """A descriptor for reading a regular file, never blocking.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    kind = stat.S_IFMT(os.fstat(fd).st_mode)
    if kind == stat.S_IFREG:
        return fd
    os.close(fd)
    number = errno.EISDIR if kind == stat.S_IFDIR else errno.EINVAL
    raise OSError(number, os.strerror(number), path)


class Names:
    """Names of the VM's users, from its passwd file; that is read again when it has changed."""

    def __init__(self) -> None:
        self._found: dict[int, str] = {}
        self._rows: list[list[str]] = []
        self._read_from: tuple[int, ...] | None = None

    def refresh(self) -> None:
        """Look whether the file has changed."""
        try:
            facts = os.stat(_PASSWD)
            now = (facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
        except OSError:
            now = (0, 0, 0, 0)
        if now != self._read_from:
            self._read_from, self._found, self._rows = now, {}, _users()

    def of(self, uid: int) -> str:
        """The name of a user, or the number where there is none."""
        if uid not in self._found:
            otherwise = "root" if not self._rows and uid == 0 else str(uid)
            rows = (row[0] for row in self._rows if row[2] == str(uid))
            self._found[uid] = next(rows, otherwise)
        return self._found[uid]


def _users() -> list[list[str]]:
    """Rows of the VM's own passwd file."""
    try:
        with open(_PASSWD, encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.rstrip("\n").split(":") for line in file]
    except OSError:
        return []
    return [row for row in rows if len(row) >= 4]


def _is_link(path: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def walk(top: str) -> list[str]:
    """Every path below a directory, sorted, other mounts included but links not followed."""
    found: list[str] = []
    pending = [top]
    while pending:
        here = pending.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                found.append(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
    return sorted(found)
