"""Listing what a VM has of its own, for those who compare two moments."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable, Collection, Iterator
from typing import Any

_READ = 1024 * 1024
"""Bytes up to which a file's content is looked at; of a larger one, size and time are."""

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}
"""What an inventory calls what lies at a path, by file type bits; else ``device``."""


def _nothing(place: str) -> int:  # noqa: ARG001
    return 0


def census(
    top: str,
    shown: str,
    since: int,
    below: Callable[[str], int] = _nothing,
    *,
    skip: Collection[str] = (),
) -> Iterator[list[Any]]:
    """List all below a directory, mounts not entered.

    Args:
        top: the directory.
        shown: what the VM calls it, without a slash at its end.
        since: the content of a file that has not changed since this second of the machine's clock,
            in nanoseconds, is not looked at.
        below: gives the file type bits of what the machine has at a place of an overlay; a
            directory that is in both is no news.
        skip: names directly in it that are passed over.

    Yields:
        Rows of path, kind, mode, owner, size, digest, and whether the machine has something there.

    Raises:
        OSError: the directory cannot be listed.
    """
    device = os.lstat(top).st_dev
    pending = [(top, shown)]
    while pending:
        here, name = pending.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                if here == top and entry.name in skip:
                    continue
                try:
                    facts = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # a program of the VM was faster
                    continue
                path = f"{name}/{entry.name}"
                is_directory, lower = stat.S_ISDIR(facts.st_mode), below(entry.path)
                if not (is_directory and stat.S_ISDIR(lower)):
                    yield [path, *_state(entry.path, facts, since), lower != 0]
                if is_directory and facts.st_dev == device:
                    pending.append((entry.path, path))


def _state(path: str, facts: os.stat_result, since: int) -> tuple[str, int, int, int, str]:
    kind = KINDS.get(stat.S_IFMT(facts.st_mode), "device")
    if kind == "device" and facts.st_rdev == 0:  # how an overlay notes a removal
        return "removed", 0, 0, 0, ""
    is_file = kind == "file"
    size = facts.st_size if is_file else 0
    content = _content(path, kind, facts) if facts.st_ctime_ns > since else ""
    return kind, stat.S_IMODE(facts.st_mode), facts.st_uid, size, content


def _content(path: str, kind: str, facts: os.stat_result) -> str:
    try:
        if kind == "link":
            return os.readlink(path)
        if kind != "file":
            return ""
        if facts.st_size > _READ:
            return f"at {facts.st_mtime_ns}"
        with open(path, "rb", buffering=0) as file:
            return f"{zlib.crc32(file.read(_READ)):08x}"
    except OSError:  # it is gone, or nobody may read it
        return ""
