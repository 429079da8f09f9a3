"""Which files are as the last recovery point of the same VM holds them.

Such a file is not copied once more: the new recovery point gets a link to the copy. Files of a
recovery point are never written to, so they can be shared, and each point can be removed by itself.

The rule. A file is unchanged if its device, inode number, kind, mode, owner, links, size, time of
modification and time of change are what they were, and nobody can have changed it without a trace
in these. Where somebody might have, the contents are compared (small files) or copied anew:

* Times are counted in ticks. A file that was touched in the last ticks before a recovery point may
  be changed again in the same tick.
* A program that has mapped a file may write to it through memory. On a tmpfs that leaves no trace
  in the time of modification once the page is in place. So whatever is mapped, shared, while a
  recovery point is made is in doubt at the next one.
* A program may map a file, change it and unmap it, all between two recovery points. But mapping
  counts as reading, so the time of access tells, provided that the mount notes it: each time with
  ``strictatime``, but with ``relatime`` (the usual) only the first time after a change, and never
  with ``noatime``. So every file that was read since is in doubt, and those of which reading would
  not have been noted.
* A file with several names is in doubt always: what is mapped is known by name and inode number,
  and on an overlay neither is certain for these.

Not seen: a program that opens with ``O_NOATIME`` and maps, reads, then changes, and unmaps a file
between two recovery points; or that does so through a file it has bound elsewhere by itself.

The time of access is not compared by itself: a file that was only read since is shared, and its
copy shows when it was read before.
"""

from __future__ import annotations

import enum
import errno
import os
import platform
import re
import stat
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_TICK = 20_000_000
"""Nanoseconds: two ticks of a kernel with the coarsest clock (CONFIG_HZ=100)."""

_STAMPS_ATTRIBUTES = (6, 2)
"""Linux from which on a tmpfs notes the time at which an attribute changed."""

Note = tuple[bytes, int, int, bool]
"""Of one file: its facts, packed; its time of access; its copy's inode number; whether a later
change must show in the first two. A plain tuple, as there may be a hundred thousand."""

_pack = struct.Struct("=IQQQIIQqq").pack
"""Mode, inode, device, links, owner, group, size, times of modification and of change."""

_MAPPED = re.compile(rb" [r-][w-][x-]s [0-9a-f]+ \S+ (\d+) +(/.*)")
"""A shared mapping of a file in /proc/PID/maps (proc(5)): inode and path."""


def _stamps_attributes() -> bool:
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    return release is not None and tuple(map(int, release.groups())) >= _STAMPS_ATTRIBUTES


class Reads(enum.IntEnum):
    """Which reads show in a file's time of access."""

    NONE = 0
    FIRST = 1
    EACH = 2


class Verdict(enum.Enum):
    """What is known of a file."""

    UNCHANGED = enum.auto()
    IN_DOUBT = enum.auto()
    CHANGED = enum.auto()


@dataclass(frozen=True, slots=True)
class Instant:
    """What of the moment of a recovery point matters for the next one.

    Args:
        reads: which reads show on every mount.
        recent: files touched later than this, in nanoseconds, may be touched again in that tick.
        inodes: of files that programs have mapped.
        names: theirs.
        unseen: whether the files of some program could not be looked at.
    """

    reads: Reads
    recent: int
    inodes: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    unseen: bool = False

    @staticmethod
    def now() -> Instant:
        """This moment, in which every process of the VM is paused."""
        recent = time.time_ns() - _TICK
        inodes: set[int] = set()
        names: set[str] = set()
        try:
            for inode, path in _mapped():
                inodes.add(inode)
                names.add(os.path.basename(path))
            reads = _reads()
        except OSError:
            return Instant(Reads.NONE, recent, unseen=True)
        return Instant(reads, recent, frozenset(inodes), frozenset(names))


@dataclass(slots=True)
class Held:
    """One directory of a recovery point.

    Args:
        place: where it lies.
        stamp: its facts when it was complete; something was exchanged if they differ.
        notes: of the files in it.
    """

    place: str
    stamp: tuple[int, ...] = ()
    notes: dict[str, Note] = field(default_factory=dict)

    def restamp(self) -> None:
        """Nothing was exchanged, though its facts differ.

        Raises:
            OSError: it is gone.
        """
        if self.stamp:
            self.stamp = _stamp(os.stat(self.place))

    def is_as_left(self) -> bool:
        """Whether nothing in it can have been exchanged.

        Raises:
            OSError: it is gone.
        """
        return self.stamp == _stamp(os.stat(self.place))


@dataclass(frozen=True, slots=True)
class Deferred:
    """Links that a directory of a recovery point has yet to get.

    Args:
        before: the same directory in the recovery point before it.
        held: the directory.
        names: of the files.
        times: the directory's, of access and of modification, in nanoseconds.
    """

    before: str
    held: Held
    names: tuple[str, ...]
    times: tuple[int, int]


@dataclass(slots=True)
class Unchanged:
    """What one recovery point holds, and the one before it.

    Args:
        instant: when the VM was paused for it.
        before: what the recovery point before it holds, by the device and inode of the VM's
            directory.
        reads: which reads have shown since then.
        held: the same of this one.
        stamps_attributes: whether a change of an attribute shows in a file's time of change;
            otherwise an unchanged file must have none.
    """

    instant: Instant
    before: dict[tuple[int, int], Held] = field(default_factory=dict)
    reads: Reads = Reads.NONE
    held: dict[tuple[int, int], Held] = field(default_factory=dict)
    stamps_attributes: bool = field(default_factory=_stamps_attributes)

    @staticmethod
    def since(last: Unchanged | None, instant: Instant) -> Unchanged:
        """Begin a recovery point, every process being paused.

        Args:
            last: the one before it, if there is one.
            instant: what is seen now.
        """
        if last is None:
            return Unchanged(instant)
        return Unchanged(instant, last.held, min(instant.reads, last.instant.reads))

    def complete(self) -> None:
        """Forget the one before: all files are in place."""
        self.before = {}

    def exchange(self, places: Iterable[str]) -> None:
        """Forget files of this recovery point that are not as they were copied any more.

        Args:
            places: their paths in the recovery point.

        Raises:
            OSError: a directory of theirs is gone.
        """
        directories = {held.place: held for held in self.held.values()}
        for place in places:
            directory, _, name = place.rpartition("/")
            held = directories.get(directory)
            if held is not None:
                held.notes.pop(name, None)
                held.restamp()

    def holds(self, note: Note, facts: os.stat_result) -> bool:
        """Whether a file is unchanged for certain.

        Args:
            note: of the last recovery point.
            facts: what lstat(2) says now.
        """
        packed, read, _, certain = note
        changed, modified = facts.st_ctime_ns, facts.st_mtime_ns
        return (
            certain
            and packed == _pack(*facts[:7], modified, changed)
            and (
                (read == facts.st_atime_ns and self._shows_reads(read, modified, changed))
                or not stat.S_ISREG(facts.st_mode)
            )
        )

    def _shows_reads(self, read: int, modified: int, changed: int) -> bool:
        """Whether the next read of a file must have changed its time of access."""
        return self.reads is Reads.EACH or (
            self.reads is Reads.FIRST and (read <= modified or read <= changed)
        )

    def verdict(self, note: Note, facts: os.stat_result) -> Verdict:
        """Compare a file with what was noted of it.

        Args:
            note: of the last recovery point.
            facts: what lstat(2) says now.
        """
        if self.holds(note, facts):
            return Verdict.UNCHANGED
        packed = _pack(*facts[:7], facts.st_mtime_ns, facts.st_ctime_ns)
        same = stat.S_ISREG(facts.st_mode) and note[0] == packed
        return Verdict.IN_DOUBT if same else Verdict.CHANGED

    def note(self, name: str, facts: os.stat_result, copy: int, *, attributes: bool) -> Note:
        """Note a file for the next recovery point.

        Args:
            name: its name.
            facts: what lstat(2) says of it.
            copy: inode number of its copy.
            attributes: whether it has extended attributes.
        """
        modified, changed, read = facts.st_mtime_ns, facts.st_ctime_ns, facts.st_atime_ns
        instant = self.instant
        recent = instant.recent
        certain = (
            modified < recent
            and changed < recent
            and read < recent
            and facts.st_nlink == 1
            and facts.st_ino not in instant.inodes
            and name not in instant.names
            and not instant.unseen
            and (self.stamps_attributes or not attributes)
        )
        return _pack(*facts[:7], modified, changed), read, copy, certain

    def is_settled(self, directory: os.stat_result) -> bool:
        """Whether exchanging a file in the copy of a directory must change the copy's times.

        The copy gets the time of modification the directory has. If that is of the last ticks, it
        could get the same once more.
        """
        return directory.st_mtime_ns < self.instant.recent

    def directory_is_complete(self, directory: os.stat_result, held: Held) -> None:
        """Note a directory for the next recovery point, once nothing of its copy changes any more.

        Args:
            directory: the VM's.
            held: its copy.

        Raises:
            OSError: the copy cannot be looked at.
        """
        if self.is_settled(directory):
            held.stamp = _stamp(os.stat(held.place))
        self.held[directory.st_dev, directory.st_ino] = held


def _stamp(facts: os.stat_result) -> tuple[int, ...]:
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns


def _mapped() -> Iterator[tuple[int, str]]:
    """Every file that a process has mapped so that others see what it writes.

    Raises:
        OSError: a process cannot be looked at.
    """
    own = str(os.getpid())
    pids = os.listdir("/proc")
    if own not in pids:
        raise OSError(errno.ENOENT, "no processes are seen: something lies over /proc")
    for pid in pids:
        if pid.isdigit() and pid != own:
            for inode, path in _MAPPED.findall(_maps(pid)):
                yield int(inode), os.fsdecode(path.removesuffix(b" (deleted)"))
                yield int(inode), os.fsdecode(path).replace("\\012", "\n")


def _maps(pid: str) -> bytes:
    """The mappings of a process, which it has even if its first thread has ended."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        for thread in threads:
            with open(f"/proc/{pid}/task/{thread}/maps", "rb") as file:
                if text := file.read():
                    return text
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        pass
    return b""


def _reads() -> Reads:
    """Which reads show on every mount of this mount namespace that may hold files of the VM.

    Raises:
        OSError: the table of mounts cannot be read.
    """
    found = Reads.EACH
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            mount, _, source = line.partition(" - ")
            options = mount.split(" ", 6)[5].split(",")
            if source.split(" ", 1)[0] not in ("overlay", "tmpfs") or "ro" in options:
                continue
            if "noatime" in options:
                return Reads.NONE
            if "relatime" in options:
                found = Reads.FIRST
    return found
