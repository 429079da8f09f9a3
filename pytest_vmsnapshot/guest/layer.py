"""Copying a VM's private layer: every kind of file, with owners, modes, times and attributes.

Files are cloned where the file system shares blocks, else copied inside the kernel, holes kept.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import time
from dataclasses import dataclass, field
from typing import Protocol

from .. import syscalls


@dataclass(slots=True)
class Tally:
    """A copy while it is made.

    Args:
        deadline: reading of the monotonic clock after which it is given up.
        files: entries copied, directories included.
        bytes: content copied, holes not counted.
        links: first copies of files with several names.
        clones: whether the file system may share blocks; false once it refused.
        one_device: whether files of another device than the top are passed over; false on an
            overlay, whose files may be of another device than its directories.
    """

    deadline: float | None = None
    files: int = 0
    bytes: int = 0
    links: dict[tuple[int, int], str] = field(default_factory=dict)
    clones: bool = True
    one_device: bool = True

    def check_time(self) -> None:
        """Give up when the time is over.

        Raises:
            TimeoutError: it is.
        """
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimeoutError(errno.ETIMEDOUT, "the time for the copy is over")


_SMALL = 256 * 1024
"""Bytes: up to here a file is copied by reading and writing, which is two calls."""

_CHUNK = 64 * 1024 * 1024
"""Bytes copied between two looks at the clock."""


class CopiedLayer(Protocol):
    """What an agent needs for a snapshot."""

    def copy(self, name: str, deadline: float | None) -> Tally:
        """Copy into a recovery point of this name."""
        ...


class CopiedVolumes(Protocol):
    """The volumes of a VM, as its layer sees them."""

    def copy(self, point: str, tally: Tally) -> None:
        """Copy all that lie on a disk into a recovery point."""
        ...


class Layer:
    """The private layer of one VM: all that differs from what every VM starts with.

    What is unchanged since this object was made is not copied: assembling makes it anew.

    Args:
        disk: directory that holds it: ``root``, and ``upper`` with one directory per overlay.
        points: directory that takes recovery points.
        skipped: names in ``root`` that are not part of it.
        volumes: what else lies on the VM's disks.
        booted: whether it came from a recovery point: then assembling makes nothing of it anew.
    """

    def __init__(
        self,
        disk: str,
        points: str,
        skipped: frozenset[str],
        volumes: CopiedVolumes,
        *,
        booted: bool = False,
    ) -> None:
        self._volumes = volumes
        self._disk = disk
        self._points = points
        self._skipped = skipped
        os.chdir(disk)
        self._made = {
            f"{part}/{name}": _mark_directories(f"{part}/{name}")
            for part in ("root", "upper")
            for name in os.listdir(part)
            if part == "upper" or not (name in skipped or os.path.isfile(f"root/{name}"))
        }
        if booted:
            self._made.clear()
        os.chdir("/")

    def copy(self, name: str, deadline: float | None) -> Tally:
        """Copy the layer into a recovery point.

        Args:
            name: of the recovery point.
            deadline: reading of the monotonic clock after which the copy is given up.

        Raises:
            OSError: no space, for instance, or ETIMEDOUT; nothing is left of the copy then.
        """
        point = f"{self._points}/{name}"
        os.mkdir(point, 0o700)
        tally = Tally(deadline)
        try:
            os.chdir(self._disk)  # short paths: these are looked up for every file
            os.mkdir(f"{point}/root", 0o700)
            copy_tree("root", f"{point}/root", tally, self._skipped | self._untouched("root"))
            os.mkdir(f"{point}/upper", 0o700)
            copy_tree("upper", f"{point}/upper", tally, self._untouched("upper"))
            self._volumes.copy(point, tally)
        except BaseException:
            with contextlib.suppress(OSError):
                remove_tree(point)
            raise
        finally:
            os.chdir("/")
        return tally

    def _untouched(self, part: str) -> frozenset[str]:
        return frozenset(
            place.removeprefix(f"{part}/")
            for place, marks in self._made.items()
            if place.startswith(part) and _unchanged(marks)
        )


_Marks = tuple[int, int, int, int, int]


def _mark_directories(top: str) -> dict[str, _Marks]:
    """Date each directory of a tree back and note its facts, to see later whether it changed.

    Dated back, because times are counted in ticks: a change in the very tick in which the
    directory was made would not show otherwise.
    """
    found: dict[str, _Marks] = {}
    before = time.time_ns() - 10**9
    pending = [top]
    while pending:
        here = pending.pop()
        with os.scandir(here) as entries:
            pending += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        os.utime(here, ns=(before, before))
        found[here] = _marks(here)
    return found


def _marks(path: str) -> _Marks:
    facts = os.lstat(path)
    return facts.st_mode, facts.st_uid, facts.st_gid, facts.st_mtime_ns, facts.st_ctime_ns


def _unchanged(marks: dict[str, _Marks]) -> bool:
    try:
        return all(_marks(path) == before for path, before in marks.items())
    except FileNotFoundError:
        return False


def copy_tree(
    source: str, target: str, tally: Tally | None = None, skip: frozenset[str] = frozenset()
) -> Tally:
    """Copy the content of one directory into another that exists.

    Mounts below ``source`` are not entered: they are not part of the layer.

    Args:
        source: directory to copy.
        target: directory to fill; it takes over the mode, owner and times of ``source``.
        tally: where to go on counting.
        skip: names directly in ``source`` that are passed over.

    Raises:
        OSError: the copy could not be made (no space, for instance).
    """
    tally = Tally() if tally is None else tally
    top = os.stat(source)
    pending = [(source, target, top)]
    directories = []
    while pending:
        here, there, facts = pending.pop()
        directories.append((here, there, facts))
        with os.scandir(here) as entries:
            for entry in entries:
                if skip and here == source and entry.name in skip:
                    continue
                facts = entry.stat(follow_symlinks=False)
                if facts.st_dev != top.st_dev and (tally.one_device or stat.S_ISDIR(facts.st_mode)):
                    continue
                made = f"{there}/{entry.name}"
                tally.files += 1
                tally.check_time()
                if stat.S_ISDIR(facts.st_mode):
                    os.mkdir(made, stat.S_IMODE(facts.st_mode))
                    pending.append((entry.path, made, facts))
                else:
                    _copy_entry(entry.path, made, facts, tally)
    for here, there, facts in reversed(directories):
        _copy_facts(here, there, facts)
    return tally


def remove_tree(top: str) -> None:
    """Remove a directory with all in it, however deep.

    ``shutil.rmtree`` recurses before Python 3.13, and needs a descriptor for each level.

    Raises:
        OSError: something cannot be removed.
    """
    directories = [top]
    try:
        for here in directories:  # grows meanwhile
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        directories.append(entry.path)
                    else:
                        os.unlink(entry.path)
        for here in reversed(directories):
            os.rmdir(here)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        shutil.rmtree(top)  # it needs no long paths


def copy_file(source: str, target: str, tally: Tally) -> None:
    """Copy one entry that is no directory, with all its facts.

    Raises:
        OSError: the copy could not be made.
    """
    _copy_entry(source, target, os.lstat(source), tally)


def _copy_entry(source: str, target: str, facts: os.stat_result, tally: Tally) -> None:
    if facts.st_nlink > 1:
        known = tally.links.setdefault((facts.st_dev, facts.st_ino), target)
        if known != target:
            os.link(known, target)
            return
    if stat.S_ISLNK(facts.st_mode):
        os.symlink(os.readlink(source), target)
        os.chown(target, facts.st_uid, facts.st_gid, follow_symlinks=False)
        return
    if stat.S_ISREG(facts.st_mode):
        tally.bytes += _copy_content(source, target, facts, tally)
    else:
        os.mknod(target, facts.st_mode, facts.st_rdev)
    _copy_facts(source, target, facts)


def _copy_facts(source: str, target: str, facts: os.stat_result) -> None:
    """Copy what making the target did not: owner, special bits, attributes, times."""
    if facts.st_uid or facts.st_gid:
        os.chown(target, facts.st_uid, facts.st_gid)
    os.chmod(target, stat.S_IMODE(facts.st_mode))
    try:
        names = os.listxattr(source)
    except OSError:
        names = []
    for name in names:
        with contextlib.suppress(OSError):  # such as security.*, which the kernel sets itself
            os.setxattr(target, name, os.getxattr(source, name))
    os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _copy_content(source: str, target: str, facts: os.stat_result, tally: Tally) -> int:
    read = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        write = os.open(target, flags, stat.S_IMODE(facts.st_mode))
        try:
            if facts.st_size <= _SMALL:
                return _copy_small(read, write)
            if tally.clones and _clone(read, write):
                return facts.st_size
            tally.clones = False
            os.ftruncate(write, facts.st_size)
            return _copy_data(read, write, tally)
        finally:
            os.close(write)
    finally:
        os.close(read)


def _copy_small(read: int, write: int) -> int:
    copied = 0
    while data := os.read(read, _SMALL):
        copied += os.write(write, data)
    return copied


def _clone(read: int, write: int) -> bool:
    """Share the blocks of a file, where the file system can."""
    try:
        fcntl.ioctl(write, syscalls.FICLONE, read)
    except OSError:
        return False
    return True


def _copy_data(read: int, write: int, tally: Tally) -> int:
    """Copy what is not a hole."""
    copied = offset = 0
    while True:
        try:
            start = os.lseek(read, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole up to the end
                return copied
            raise
        offset = os.lseek(read, start, os.SEEK_HOLE)
        while start < offset:
            tally.check_time()
            moved = _copy_range(read, write, start, min(offset - start, _CHUNK))
            if not moved:
                return copied
            start += moved
            copied += moved


def _copy_range(read: int, write: int, start: int, length: int) -> int:
    try:
        return os.copy_file_range(read, write, length, start, start)
    except OSError as refused:
        if refused.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    os.lseek(write, start, os.SEEK_SET)
    return os.sendfile(write, read, start, length)
