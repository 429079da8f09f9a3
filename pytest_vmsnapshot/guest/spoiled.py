"""Files of a VM that are not as they should be for a while, and are put back as they were."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import files
from .trees import remove_tree

_COPY_SIZE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Original:
    """What lay at a path.

    Args:
        path: where.
        facts: lstat(2) of it; None where there was nothing.
        link: where it led, if it was a link.
        content: a descriptor of the content, if it was a file: it outlives the file's removal.
    """

    path: str
    facts: os.stat_result | None
    link: str = ""
    content: int = -1


class Spoiled:
    """Spoils files, and mends them.

    Args:
        see_to_time: brings the time of a file to the VM's clock, or is told that it is right.
    """

    def __init__(self, see_to_time: Callable[[str, bool], None]) -> None:
        self._see_to_time = see_to_time
        self._originals: dict[str, _Original] = {}
        self.ever: set[str] = set()
        """All paths at which something was spoiled, mended or not."""

    def spoil(self, row: dict[str, Any], content: int | None) -> int:
        """Let something else lie at a path.

        Args:
            row: ``path``; ``place``, what lies there instead of a file, or empty; ``mode`` and
                ``owner``, or None where they stay.
            content: a descriptor of what the file holds instead, or None where that stays.

        Returns:
            errno where the owner could not be set, else 0.

        Raises:
            OSError: it cannot be done.
        """
        path: str = row["path"]
        if not row["place"]:
            path = os.path.realpath(path)
        self._keep(path)
        if row["place"]:
            _PLACES[row["place"]](path)
            return 0
        if content is not None:
            _rewrite(path, content)
        refused = 0 if row["owner"] is None else files.set_owner(path, row["owner"])
        if row["mode"] is not None:
            os.chmod(path, row["mode"])
        return refused

    def replace(self, path: str, content: int) -> None:
        """Let an executable file lie at a path.

        Args:
            path: where.
            content: a descriptor of its content.
        """
        self._keep(path)
        _clear(path)
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        _write(path, content)
        os.chmod(path, 0o755)

    def set_aside(self, path: str) -> str:
        """Keep what lies at a path where it can be executed; says where, or nothing.

        A copy beside it, because a rootless VM cannot rename what belongs to the host.
        """
        if not os.path.exists(path):
            return ""
        if os.path.islink(path):
            return os.path.realpath(path)
        aside = f"{path}.real"
        with open(path, "rb", buffering=0) as file:
            self.replace(aside, file.fileno())
        return aside

    def mend(self) -> list[dict[str, Any]]:
        """Put everything back; states the new facts of each path."""
        for original in reversed(self._originals.values()):
            with contextlib.suppress(OSError):  # a script may have removed the directory
                _put_back(original)
                self._see_to_time(original.path, True)
            if original.content >= 0:
                os.close(original.content)
        names = files.Names()
        rows = [{"path": path, **files.examine(path, names)} for path in self._originals]
        self._originals.clear()
        return rows

    def _keep(self, path: str) -> None:
        if path in self._originals:
            return
        self.ever.add(path)
        self._see_to_time(path, False)
        try:
            facts = os.lstat(path)
        except FileNotFoundError:
            self._originals[path] = _Original(path, None)
            return
        if stat.S_ISLNK(facts.st_mode):
            self._originals[path] = _Original(path, facts, link=os.readlink(path))
            return
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", path)
        content = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._originals[path] = _Original(path, facts, content=content)


def _rewrite(path: str, content: int) -> None:
    """Let another file lie at a path, with the same facts: the first one is put back later."""
    facts = os.stat(path)
    os.unlink(path)
    _write(path, content)
    _restore_facts(path, facts)


def _restore_facts(path: str, facts: os.stat_result) -> None:
    with contextlib.suppress(OSError):  # without subordinate ids it cannot belong to others
        os.chown(path, facts.st_uid, facts.st_gid)
    os.chmod(path, stat.S_IMODE(facts.st_mode))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _write(path: str, content: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        while os.sendfile(fd, content, None, _COPY_SIZE):
            pass
    finally:
        os.close(fd)


def _clear(path: str) -> None:
    """Remove what lies at a path."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            remove_tree(path)
        else:
            os.unlink(path)


def _directory(path: str) -> None:
    _clear(path)
    os.makedirs(path, mode=0o755)


def _unreadable(path: str) -> None:
    """A link to itself: ELOOP, for root as well."""
    _clear(path)
    os.symlink(os.path.basename(path), path)


def _dangling(path: str) -> None:
    _clear(path)
    os.symlink(f"{path}.gone", path)


_PLACES = {
    "missing": _clear,
    "directory": _directory,
    "unreadable": _unreadable,
    "dangling": _dangling,
}


def _put_back(original: _Original) -> None:
    path, facts = original.path, original.facts
    if facts is None:
        _clear(path)
        return
    if original.link:
        _clear(path)
        os.symlink(original.link, path)
        return
    if not _is_same(path, original.content):
        os.lseek(original.content, 0, os.SEEK_SET)
        _clear(path)
        _write(path, original.content)
    _restore_facts(path, facts)


def _is_same(path: str, content: int) -> bool:
    """Whether a path still leads to the file of a descriptor."""
    with contextlib.suppress(OSError):
        found, kept = os.lstat(path), os.fstat(content)
        return (found.st_ino, found.st_dev) == (kept.st_ino, kept.st_dev)
    return False
