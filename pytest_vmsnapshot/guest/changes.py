"""One change of the in-place guest to the real file system, and how it is undone."""

from __future__ import annotations

import contextlib
import enum
import errno
import os
import shutil
import stat
from dataclasses import dataclass

from .tally import Tally
from .trees import copy_file, copy_tree


class Change(enum.Enum):
    """What is about to be done to a path."""

    MADE = "made"
    """Nothing is there yet; whatever comes to lie there is ours."""

    REPLACED = "replaced"
    """Something is there; it is kept in the store."""

    ALTERED = "altered"
    """A directory gets another owner or mode."""

    DATED = "dated"
    """A directory gets other times, because names in it come and go."""


@dataclass(frozen=True, slots=True)
class Record:
    """One change.

    Args:
        change: its kind.
        path: absolute path, links in its parents resolved.
        kept: where the original is, for ``REPLACED``.
        uid: owner before, for ``ALTERED``.
        gid: group before, for ``ALTERED``.
        mode: permission bits before, for ``ALTERED``.
        times: access and modification time before in nanoseconds, for ``DATED``.
    """

    change: Change
    path: str
    kept: str = ""
    uid: int = 0
    gid: int = 0
    mode: int = 0
    times: tuple[int, int] = (0, 0)


def undo(record: Record) -> None:
    """Put back what one change has changed.

    Raises:
        OSError: it cannot be put back.
    """
    _UNDO[record.change](record)


def is_to_be_undone(record: Record) -> bool:
    """Whether anything is left of a change."""
    match record.change:
        case Change.MADE:
            return os.path.lexists(record.path)
        case Change.REPLACED:
            return os.path.lexists(record.kept)
        case Change.ALTERED:
            return os.path.lexists(record.path)
        case Change.DATED:
            return False


def is_within(place: str, top: str) -> bool:
    """Whether a path is another or lies below it."""
    return place == top or place.startswith(top.rstrip("/") + "/")


def _undo_made(record: Record) -> None:
    _remove(record.path)


def _undo_replaced(record: Record) -> None:
    kept, place = record.kept, record.path
    if not os.path.lexists(kept):
        return  # it was put back before
    if _same_file(kept, place):  # the change was never made
        os.unlink(kept)
        return
    is_directory = os.path.isdir(kept) and not os.path.islink(kept)
    if is_directory or (os.path.isdir(place) and not os.path.islink(place)):
        _remove(place)
    os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
    try:
        os.rename(kept, place)
        return
    except OSError as refused:
        if refused.errno != errno.EXDEV:
            raise
    draft = f"{os.path.dirname(place)}/.vmsnapshot-original"
    _remove(draft)
    if is_directory:
        os.mkdir(draft, 0o700)
        copy_tree(kept, draft, Tally(one_device=False))
    else:
        copy_exactly(kept, draft)
    os.rename(draft, place)
    _remove(kept)


def _undo_altered(record: Record) -> None:
    if os.path.isdir(record.path):
        os.chown(record.path, record.uid, record.gid)
        os.chmod(record.path, record.mode)


def _undo_dated(record: Record) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.utime(record.path, ns=record.times)


_UNDO = {
    Change.MADE: _undo_made,
    Change.REPLACED: _undo_replaced,
    Change.ALTERED: _undo_altered,
    Change.DATED: _undo_dated,
}


def _remove(path: str) -> None:
    try:
        facts = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISDIR(facts.st_mode):
        os.unlink(path)
        return
    refuse_mounts(path)
    shutil.rmtree(path)


def refuse_mounts(path: str) -> None:
    """What is mounted on or below a directory is not ours to empty."""
    for point in _mount_points():
        if is_within(point, path):
            raise OSError(errno.EBUSY, f"a file system is mounted at {point}", path)


def refuse_mount(path: str) -> None:
    """What is mounted at a path cannot be replaced."""
    if path in _mount_points():
        raise OSError(errno.EBUSY, f"a file system is mounted at {path}", path)


def _mount_points() -> list[str]:
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return [line.split()[4].replace("\\040", " ") for line in file]


def _same_file(one: str, other: str) -> bool:
    try:
        return os.path.samestat(os.lstat(one), os.lstat(other))
    except (FileNotFoundError, NotADirectoryError):
        return False


def copy_exactly(source: str, target: str) -> None:
    """Copy one entry exactly, or not at all."""
    copy_file(source, target, Tally())
    before, after = os.lstat(source), os.lstat(target)
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns), follow_symlinks=False)
    alike = (before.st_mode, before.st_uid, before.st_gid) == (
        after.st_mode,
        after.st_uid,
        after.st_gid,
    )
    if not alike or _attributes(source) != _attributes(target):
        os.unlink(target)
        raise OSError(errno.EPERM, "it cannot be copied with its owner and attributes", source)


def _attributes(path: str) -> dict[str, bytes]:
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
    except OSError:
        return {}
