"""What of a VM's files would be on its disk after a crash.

Nobody is told of writes. So the files are looked at: at each sync that is about to be carried out,
and besides every few seconds of the VM's clock, as the kernel's own write-back does. What a look
has seen is on the disk at once after a sync, and otherwise once it is as old as the kernel lets
data become before it writes them.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from ..clock.shift import SECOND
from .losses import CONTENT_LIMIT, Synced, Unsynced
from .lower_files import LowerFiles

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
"""A look that was long is followed by a break of so many times its length."""

_TICK = SECOND // 50
"""Nanoseconds: twice the longest tick by which the kernel counts the times of files."""

_VOLATILE = ("root/run", "root/dev")
"""No part of any disk."""

IsOwn = Callable[[os.stat_result, str], bool]


@dataclass(frozen=True, slots=True)
class _State:
    """A file as it was once.

    Args:
        size: in bytes.
        stamps: times of modification and of change, which differ once it is another; None where
            it may yet change in the same tick of the kernel's clock.
        content: None where it is not kept.
    """

    size: int
    stamps: tuple[int, int] | None
    content: bytes | None

    def is_like(self, other: _State) -> bool:
        """Whether a crash would leave the same of both, as far as is known."""
        return (self.size, self.content) == (other.size, other.content)


@dataclass(frozen=True, slots=True)
class _Look:
    """A state that is not on the disk yet.

    Args:
        at: nanosecond of the VM's clock up to which it was written.
        state: what it was.
        emptied: whether the file was emptied since the state before.
    """

    at: int
    state: _State
    emptied: bool


@dataclass(slots=True)
class _File:
    """One file of the VM's private layer.

    Args:
        durable: what is on the disk; None if nothing is yet.
        looks: later states, the oldest first.
        emptied: whether it was emptied since the last state.
        before: what lay under its name before it, on the disk.
        through: whether all that is written to it is on the disk at once.
        absent: looks at which it had no name, in a row.
    """

    durable: _State | None = None
    looks: list[_Look] = field(default_factory=list)
    emptied: bool = False
    before: _State | None = None
    through: bool = False
    absent: int = 0

    @property
    def last(self) -> _State | None:
        """The last state that is known."""
        return self.looks[-1].state if self.looks else self.durable

    def see(self, state: _State, at: int) -> None:
        """It was found in a state."""
        last = self.last
        if last is None or not state.is_like(last):
            self.looks.append(_Look(at, state, self.emptied))
            self.emptied = False
        elif self.looks:
            self.looks[-1] = replace(self.looks[-1], state=state)
        else:
            self.durable = state

    def settle(self, moment: int) -> None:
        """What was written up to a moment is on the disk."""
        while self.looks and self.looks[0].at <= moment:
            self.durable = self.looks.pop(0).state

    def make_durable(self, state: _State) -> None:
        """It is on the disk in this state."""
        self.durable, self.emptied, self.before = state, False, None
        self.looks.clear()

    def states(self) -> Iterator[_State]:
        """All that is kept of it."""
        yield from (look.state for look in self.looks)
        yield from (state for state in (self.durable, self.before) if state is not None)


class Durable:
    """Keeps in mind what of a VM's files is on the disk.

    Args:
        disk: a descriptor of the file system that holds the private layer.
        skipped: names in its root that are not part of it.
        is_own: tells the files of the layer from the host's.
        lower: the files that lie below the layer.
        now: the VM's clock, in nanoseconds.
    """

    def __init__(
        self,
        disk: int,
        skipped: frozenset[str],
        is_own: IsOwn,
        lower: LowerFiles,
        now: Callable[[], int],
    ) -> None:
        self._top = f"/proc/self/fd/{disk}"
        self._device = os.fstat(disk).st_dev
        self._skipped = frozenset(f"root/{name}" for name in skipped).union(_VOLATILE)
        self._is_own = is_own
        self._lower = lower
        self._now = now
        self._files: dict[int, _File] = {}
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
        if (number := self._own(status, place)) is not None:
            self._readings = 1
            file = self._files.setdefault(number, _File())
            file.make_durable(self._state(place, status, file.last))

    def all_synced(self) -> None:
        """All that any file holds now is on the disk."""
        self._meet()
        self._synced_since = True
        for file in self._see(self._now()):
            if (state := file.last) is not None:
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
        if (number := self._own(status, place)) is not None:
            self._files.setdefault(number, _File()).emptied = True

    def replaces(self, source: str, target: str) -> None:
        """A file is about to get the name of another."""
        self._meet()
        old, new = os.lstat(target), os.lstat(source)
        replaced = self._files.get(self._own(old, target) or 0)
        number = self._own(new, source)
        if replaced is not None and number is not None:
            before = replaced.durable or replaced.before
            self._files.setdefault(number, _File()).before = before

    def unseen(self, reason: str) -> None:
        """Syncs may have been missed from now on."""
        self.blind = self.blind or reason

    def _meet(self) -> None:
        """Look for files that were about to be made when we were told of them."""
        for place in tuple(self._expected):
            with contextlib.suppress(OSError):
                status = os.stat(place)
                number = self._own(status, place)
                if number is not None:
                    self._files.setdefault(number, _File()).through = True
                self._expected.remove(place)

    def _own(self, status: os.stat_result, place: str) -> int | None:
        """The number of a file of the private layer; None for all else."""
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_dev == self._device or self._is_own(status, place):
            return status.st_ino
        # A file of the host that was changed has the number of the host's; below is its own.
        with contextlib.suppress(OSError):
            return os.lstat(f"{self._top}/{self._lower.place(os.path.realpath(place))}").st_ino
        return None

    # -- looking -----------------------------------------------------------------------------

    def patience(self) -> int:
        """Nanoseconds until a look is due."""
        return max(SECOND // 1000, self._looked + PERIOD - self._now())

    def time_passes(self, amount: int) -> None:
        """Look, if one is due before so many nanoseconds are over."""
        if self.blind or not self.begun or self._now() + amount < self._looked + PERIOD:
            return
        began = time.monotonic_ns()
        if began - self._looked_really < _SHARE * self._cost:
            self._late = True
            return
        for _ in self._see(self._written_until()):
            pass
        self._cost = time.monotonic_ns() - began

    def _written_until(self) -> int:
        """When the youngest was written that this look finds, if there is doubt: the earliest."""
        now = self._now()
        if self._late:
            return min(now, self._looked + PERIOD)
        return now - max(0, time.monotonic_ns() - self._looked_really - PERIOD)

    def _see(self, at: int) -> list[_File]:
        """Take note of the states of all files; returns them."""
        now = self._now()
        found = {}
        self._readings = _READINGS
        for path, status in self._scan():
            file = self._files.setdefault(status.st_ino, _File())
            with contextlib.suppress(OSError):  # it was removed meanwhile
                file.see(self._state(f"{self._top}/{path}", status, file.last), at)
            file.absent = 0
            found[status.st_ino] = file
        for number in self._files.keys() - found.keys():
            file = self._files[number]
            file.absent += 1
            if file.absent > 1:  # at the first look it may have been without a name (O_TMPFILE)
                del self._files[number]
        for file in self._files.values():
            file.settle(now - EXPIRES)
        self._looked, self._looked_really = now, time.monotonic_ns()
        self._late = self._synced_since = self._full = False
        return list(found.values())

    def _count(self) -> None:
        states = {id(state): state for file in self._files.values() for state in file.states()}
        self._kept = sum(len(state.content or b"") for state in states.values())

    def _has_room(self, status: os.stat_result) -> bool:
        """Whether the content of a file can be kept; what was let go is counted when needed."""
        if self._kept + status.st_size > _BUDGET and not self._full:
            self._count()
            self._full = self._kept + status.st_size > _BUDGET
        return self._kept + status.st_size <= _BUDGET

    def _scan(self) -> Iterator[tuple[str, os.stat_result]]:
        """Each file of the layer, by its place on the disk."""
        pending = ["root", "upper"]
        while pending:
            here = pending.pop()
            with contextlib.suppress(OSError), os.scandir(f"{self._top}/{here}") as entries:
                for entry in entries:
                    place = f"{here}/{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        if place not in self._skipped:
                            pending.append(place)
                    elif entry.is_file(follow_symlinks=False):
                        with contextlib.suppress(OSError):  # it was removed meanwhile
                            yield place, entry.stat(follow_symlinks=False)

    def _state(self, place: str, status: os.stat_result, last: _State | None) -> _State:
        if last is not None and _is_unchanged(last, status):
            return last
        stamps = status.st_mtime_ns, status.st_ctime_ns
        is_settled = max(stamps) < time.time_ns() - _TICK
        content = None
        if status.st_size <= CONTENT_LIMIT and self._readings > 0 and self._has_room(status):
            content = read_content(place)
            self._kept += len(content)
            self._readings -= 1
        size = status.st_size if content is None else len(content)
        return _State(size, stamps if is_settled else None, content)

    # -- a crash -----------------------------------------------------------------------------

    def unsynced(self, spared: Collection[str]) -> list[Unsynced]:
        """What a crash could take, while no process runs.

        Args:
            spared: paths of files the harness looks after.
        """
        if not self.begun:
            return []
        self._meet()
        until = self._written_until()
        moment = self._now() - EXPIRES
        found = []
        for place, status in self._scan() if until > moment else ():
            path = self._lower.path(place)
            file = self._files.get(status.st_ino, _File())
            file.settle(moment)
            is_whole = file.durable is not None and _is_unchanged(file.durable, status)
            if not (file.through or path in spared or is_whole):
                found.append(self._at_risk(place, path, status, file))
        return found

    def _at_risk(self, place: str, path: str, status: os.stat_result, file: _File) -> Unsynced:
        synced = None
        if file.durable is not None:
            whole = file.emptied or any(look.emptied for look in file.looks)
            synced = Synced(file.durable.size, file.durable.content, whole)
        elif file.before is not None:
            synced = Synced(file.before.size, file.before.content, whole=True)
        elif (lower := self._lower.content(place, CONTENT_LIMIT)) is not None:
            synced = Synced(lower.size, lower.content, whole=True)
        named = bool(file.looks) or self._synced_since or self._late
        return Unsynced(place, path, status.st_ino, synced, named)


def _is_unchanged(state: _State, status: os.stat_result) -> bool:
    stamps = status.st_mtime_ns, status.st_ctime_ns
    return (state.size, state.stamps) == (status.st_size, stamps)


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
