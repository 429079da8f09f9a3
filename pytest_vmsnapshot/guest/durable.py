"""What of a VM's files would be on its disk after a crash.

Nobody is told of writes. So the files are looked at: at each sync that is about to be carried out,
and besides every few seconds of the VM's clock, as the kernel's own write-back does. What a look
has seen is on the disk at once after a sync, and otherwise once it is as old as the kernel lets
data become before it writes them.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterable

from ..clock.shift import SECOND, kernel_stamp
from ..frozen_mounts import FrozenMounts
from .disk_files import DiskFiles, FoundFile, Key
from .file_states import FileState, KnownFile
from .losses import CONTENT_LIMIT, Synced, Unsynced

EXPIRES = 30 * SECOND
"""Nanoseconds after which the kernel writes what changed (/proc/sys/vm/dirty_expire_centisecs)."""

PERIOD = 5 * SECOND
"""Nanoseconds between looks: how often the kernel writes data (vm/dirty_writeback_centisecs), and
ext4 names (mount option ``commit``)."""

_BUDGET = 64 * 1024 * 1024
"""Bytes of content that are kept; of files beyond only the size is."""

_READINGS = 1000
"""Files whose content is read at one look; of the others only the size is kept."""

_EXPECTED = 64
"""Files that may yet be made by a call we were told of: those that come to nothing stay."""

_SHARE = 4
"""A look that was costly is followed by a break of so many times its cost."""

_CHEAP = SECOND // 500
"""Nanoseconds of processor time for a look that is never put off."""

_TICK = SECOND // 50
"""Nanoseconds: twice the longest tick by which the kernel counts the times of files."""


class Durable:
    """Keeps in mind what of a VM's files is on the disk.

    Args:
        disk: the files on the disks.
        now: the VM's clock, in nanoseconds.
    """

    def __init__(self, disk: DiskFiles, now: Callable[[], int]) -> None:
        self._disk = disk
        self._now = now
        self._files: dict[Key, KnownFile] = {}
        self._expected: list[str] = []
        self._kept = self._readings = 0
        self._looked = self._looked_really = self._cost = 0
        self._late = self._full = False
        self.begun = False
        """Whether a program has run; until then all is on the disk."""
        self._synced_since = False
        self.blind = ""
        """Why syncs may have been missed, or empty."""

    # -- what programs do --------------------------------------------------------------------

    def begin(self) -> None:
        """A program is about to start: what is there before the first is on the disk."""
        if self.begun:
            self.time_passes(0)  # before it writes: nobody may have looked for long
        else:
            self.begun = True
            self.all_synced()

    def synced(self, place: str) -> None:
        """All that a file holds now is on the disk."""
        self._meet()
        self._synced_since = True
        status = os.stat(place)
        if (key := self._disk.key(status, place)) is not None:
            self._readings = 1
            file = self._files.setdefault(key, KnownFile())
            # Nothing dates what is written by way of memory, so what was known is no help.
            file.make_durable(self._state(place, status))

    def all_synced(self, frozen: FrozenMounts | None = None) -> None:
        """All that any file holds now is on the disk.

        Args:
            frozen: what was made sure of; without it, everything.
        """
        self._meet()
        synced = self._see(self._now(), afresh=frozen is None)
        for path, file in synced:
            if (state := file.last) is not None and (frozen is None or frozen.holds(path)):
                file.make_durable(state)

    def goes_through(self, place: str) -> None:
        """All that is ever written to a file, which may be about to be made, is on the disk."""
        self._expected.append(os.path.realpath(place))
        del self._expected[:-_EXPECTED]
        self._meet()

    def emptied(self, place: str) -> None:
        """A file is about to be emptied."""
        self._meet()
        status = os.stat(place)
        if (key := self._disk.key(status, place)) is not None:
            self._files.setdefault(key, KnownFile()).emptied = True

    def replaces(self, source: str, target: str) -> None:
        """A file is about to get the name of another."""
        self._meet()
        old, new = os.lstat(target), os.lstat(source)
        replaced, key = self._disk.key(old, target), self._disk.key(new, source)
        if replaced in self._files and key is not None:
            file = self._files[replaced]
            before = file.durable or file.before
            if file.through:
                self._readings = 1
                before = self._state(target, old)
            self._files.setdefault(key, KnownFile()).before = before

    def unseen(self, reason: str) -> None:
        """Syncs may have been missed from now on."""
        self.blind = self.blind or reason

    def _meet(self) -> None:
        """Look for files that were about to be made when we were told of them."""
        for place in tuple(self._expected):
            with contextlib.suppress(OSError):
                status = os.stat(place)
                if (key := self._disk.key(status, place)) is not None:
                    self._files.setdefault(key, KnownFile()).through = True
                self._expected.remove(place)

    # -- looking -----------------------------------------------------------------------------

    def patience(self) -> int:
        """Nanoseconds until a look is due."""
        return max(SECOND // 1000, self._looked + PERIOD - self._now())

    def time_passes(self, amount: int) -> None:
        """Look, if one is due before so many nanoseconds are over."""
        if self.blind or not self.begun or self._now() + amount < self._looked + PERIOD:
            return
        is_costly = self._cost > _CHEAP
        if is_costly and time.monotonic_ns() - self._looked_really < _SHARE * self._cost:
            self._late = True
            return
        began = time.thread_time_ns()
        self._see(self._written_until())
        self._cost = time.thread_time_ns() - began
        self._looked += amount  # nobody writes while time is skipped

    def _written_until(self) -> int:
        """When the youngest was written that this look finds, if there is doubt: the earliest."""
        now = self._now()
        if self._late:
            return min(now, self._looked + PERIOD)
        return now - max(0, time.monotonic_ns() - self._looked_really - PERIOD)

    def _see(self, at: int, *, afresh: bool = False) -> Iterable[tuple[str, KnownFile]]:
        """Take note of the states of all files; returns them with their paths."""
        now = self._now()
        found: dict[Key, tuple[str, KnownFile]] = {}
        self._readings = _READINGS
        for entry in self._disk.scan():
            file = self._files.get(entry.key)
            if file is None:
                file = self._files[entry.key] = KnownFile()
            known = None if afresh else file.last
            if known is None or not known.is_unchanged(entry.status):
                with contextlib.suppress(OSError):  # it was removed meanwhile
                    file.see(self._state(entry.real, entry.status), at)
            file.absent = 0
            found[entry.key] = entry.path, file
        for key in self._files.keys() - found.keys():
            file = self._files[key]
            file.absent += 1
            if file.absent > 1:  # at the first look it may have been without a name (O_TMPFILE)
                del self._files[key]
        for file in self._files.values():
            file.settle(now - EXPIRES)
        self._looked, self._looked_really = now, time.monotonic_ns()
        self._late = self._synced_since = self._full = False
        return found.values()

    def _count(self) -> None:
        states = {id(state): state for file in self._files.values() for state in file.states()}
        self._kept = sum(len(state.content or b"") for state in states.values())

    def _has_room(self, status: os.stat_result) -> bool:
        """Whether the content of a file can be kept; what was let go is counted when needed."""
        if self._kept + status.st_size > _BUDGET and not self._full:
            self._count()
            self._full = self._kept + status.st_size > _BUDGET
        return self._kept + status.st_size <= _BUDGET

    def _state(self, place: str, status: os.stat_result) -> FileState:
        stamps = status.st_mtime_ns, status.st_ctime_ns
        is_settled = max(stamps) < min(time.time_ns() - _TICK, kernel_stamp())
        content = None
        if status.st_size <= CONTENT_LIMIT and self._readings > 0 and self._has_room(status):
            content = read_content(place)
            self._kept += len(content)
            self._readings -= 1
        size = status.st_size if content is None else len(content)
        return FileState(size, stamps if is_settled else None, content)

    # -- a crash -----------------------------------------------------------------------------

    def unsynced(self, frozen: FrozenMounts, spared: Collection[str]) -> list[Unsynced]:
        """What a crash could take, while no process runs.

        Args:
            frozen: what was made sure of.
            spared: paths of files the harness looks after.
        """
        if not self.begun:
            return []
        self._meet()
        until = self._written_until()
        moment = self._now() - EXPIRES
        found = []
        for entry in self._disk.scan() if until > moment else ():
            file = self._files.get(entry.key, KnownFile())
            file.settle(moment)
            is_whole = file.durable is not None and file.durable.is_unchanged(entry.status)
            is_spared = entry.path in spared or frozen.holds(entry.path)
            if not (file.through or is_whole or is_spared):
                found.append(self._at_risk(entry, file))
        return found

    def _at_risk(self, entry: FoundFile, file: KnownFile) -> Unsynced:
        synced = None
        if file.durable is not None:
            whole = file.emptied or any(look.emptied for look in file.looks)
            synced = Synced(file.durable.size, file.durable.content, whole)
        elif file.before is not None:
            synced = Synced(file.before.size, file.before.content, whole=True)
        elif (lower := self._disk.below(entry, CONTENT_LIMIT)) is not None:
            synced = Synced(lower.size, lower.content, whole=True)
        named = bool(file.looks) or self._synced_since or self._late
        return Unsynced(entry.place, entry.path, entry.key, synced, named)


def read_content(place: str) -> bytes:
    """The content of a small file.

    Raises:
        OSError: it cannot be read.
    """
    fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.read(fd, CONTENT_LIMIT)
    finally:
        os.close(fd)
