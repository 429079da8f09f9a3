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
import os
import platform
import re
import stat
import struct
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from .instant import Instant, Reads

_STAMPS_ATTRIBUTES = (6, 2)
"""Linux from which on a tmpfs notes the time at which an attribute changed."""

Note = tuple[bytes, int, int, bool]
"""Of one file: its facts, packed; its time of access; its copy's inode number; whether a later
change must show in the first two. A plain tuple, as there may be a hundred thousand."""

_pack = struct.Struct("=IQQQIIQqq").pack
"""Mode, inode, device, links, owner, group, size, times of modification and of change."""


def _stamps_attributes() -> bool:
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    return release is not None and tuple(map(int, release.groups())) >= _STAMPS_ATTRIBUTES


class Verdict(enum.Enum):
    """What is known of a file."""

    UNCHANGED = enum.auto()
    IN_DOUBT = enum.auto()
    CHANGED = enum.auto()


_NEVER = (-1, -1)
"""Times no directory has."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in a directory of the VM.

    Args:
        times: the directory's, of modification and of change, in nanoseconds.
        regular: names of the regular files.
        others: names of what is neither that nor a directory.
        directories: names of the directories.
    """

    times: tuple[int, int]
    regular: tuple[str, ...]
    others: tuple[str, ...]
    directories: tuple[str, ...]

    @staticmethod
    def of(place: str, facts: os.stat_result) -> Listing:
        """Look into a directory.

        Raises:
            OSError: it cannot be read.
        """
        found: tuple[list[str], list[str], list[str]] = ([], [], [])
        regular, others, directories = found
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    regular.append(entry.name)
                elif entry.is_dir(follow_symlinks=False):
                    directories.append(entry.name)
                else:
                    others.append(entry.name)
        return Listing((facts.st_mtime_ns, facts.st_ctime_ns), *map(tuple, found))

    def without(self, names: Collection[str]) -> Listing:
        """The same but for some names; never taken for all there is another time."""
        kept = (
            tuple(name for name in part if name not in names)
            for part in (self.regular, self.others, self.directories)
        )
        return Listing(_NEVER, *kept)


@dataclass(slots=True)
class Held:
    """One directory of a recovery point.

    Args:
        place: where it lies.
        listing: what was in the VM's.
        stamp: its facts when it was complete; something was exchanged if they differ.
        notes: of the files in it.
    """

    place: str
    listing: Listing
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
        if not certain or packed != _pack(*facts[:7], modified, changed):
            return False
        if read == facts.st_atime_ns and (
            self.reads is Reads.EACH or self._shows_reads(read, modified, changed)
        ):
            return True
        return not stat.S_ISREG(facts.st_mode)

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

    def listing(self, directory: os.stat_result) -> Listing | None:
        """What is in a directory, if nothing can have come or gone since the last recovery point.

        Args:
            directory: what stat(2) says of it.
        """
        held = self.before.get((directory.st_dev, directory.st_ino))
        # A stamp was given only if the directory was not of the last ticks.
        if held is None or not held.stamp:
            return None
        same = held.listing.times == (directory.st_mtime_ns, directory.st_ctime_ns)
        return held.listing if same else None

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
