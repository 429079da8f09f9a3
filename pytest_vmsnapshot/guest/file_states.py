"""What is known of one file: what of it is on the disk, and what was written since."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class FileState:
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

    def is_unchanged(self, status: os.stat_result) -> bool:
        """Whether a file is surely as it was then."""
        stamps = status.st_mtime_ns, status.st_ctime_ns
        return (self.size, self.stamps) == (status.st_size, stamps)

    def is_like(self, other: FileState) -> bool:
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
    state: FileState
    emptied: bool


@dataclass(slots=True)
class KnownFile:
    """One file of the VM's private layer.

    Args:
        durable: what is on the disk; None if nothing is yet.
        looks: later states, the oldest first.
        emptied: whether it was emptied since the last state.
        before: what lay under its name before it, on the disk.
        through: whether all that is written to it is on the disk at once.
        absent: looks at which it had no name, in a row.
    """

    durable: FileState | None = None
    looks: list[_Look] = field(default_factory=list)
    emptied: bool = False
    before: FileState | None = None
    through: bool = False
    absent: int = 0

    @property
    def last(self) -> FileState | None:
        """The last state that is known."""
        return self.looks[-1].state if self.looks else self.durable

    def see(self, state: FileState, at: int) -> None:
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

    def make_durable(self, state: FileState) -> None:
        """It is on the disk in this state."""
        self.durable, self.emptied, self.before = state, False, None
        self.looks.clear()

    def states(self) -> Iterator[FileState]:
        """All that is kept of it."""
        yield from (look.state for look in self.looks)
        yield from (state for state in (self.durable, self.before) if state is not None)
