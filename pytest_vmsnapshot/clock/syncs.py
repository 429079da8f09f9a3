"""What programs of the VM make sure of: each sync is seen before the kernel carries it out."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from .machine import Machine
from .places import AT_FDCWD, place_of
from .seccomp import Notification
from .shift import SECOND
from .sync_calls import OPENING, through
from .tracee import Memory, shown

_RENAME_EXCHANGE = 2  # linux/fs.h


class Written(Protocol):
    """Keeps in mind what of a VM's files is on the disk.

    Places are paths that lead to a file from the agent.
    """

    def synced(self, place: str) -> None:
        """All that a file holds now is on the disk.

        Raises:
            OSError: there is no such file.
        """
        ...

    def all_synced(self) -> None:
        """All that any file holds now is on the disk."""
        ...

    def goes_through(self, place: str) -> None:
        """All that is ever written to a file, which may be about to be made, is on the disk."""
        ...

    def emptied(self, place: str) -> None:
        """A file is about to be emptied.

        Raises:
            OSError: there is no such file.
        """
        ...

    def replaces(self, source: str, target: str) -> None:
        """A file is about to get the name of another.

        Raises:
            OSError: there is no such file.
        """
        ...

    def unseen(self, reason: str) -> None:
        """Syncs may have been missed from now on."""
        ...

    def time_passes(self, amount: int) -> None:
        """So many nanoseconds are about to be skipped, or some have passed by themselves."""
        ...

    def patience(self) -> int:
        """Nanoseconds until ``time_passes`` is to be called, though nothing happens."""
        ...


class Unwritten:
    """Keeps nothing in mind: where the VM shares its files with the machine."""

    def synced(self, place: str) -> None:
        """Who cares."""

    def all_synced(self) -> None:
        """Who cares."""

    def goes_through(self, place: str) -> None:
        """Who cares."""

    def emptied(self, place: str) -> None:
        """Who cares."""

    def replaces(self, source: str, target: str) -> None:
        """Who cares."""

    def unseen(self, reason: str) -> None:
        """Who cares."""

    def time_passes(self, amount: int) -> None:
        """Nothing is looked at."""

    def patience(self) -> int:
        """An hour: nothing is ever due."""
        return 3600 * SECOND


def unwritten(_: Callable[[], int]) -> Written:
    """What makes one."""
    return Unwritten()


class Syncs:
    """Takes note of each sync a program asks for.

    Args:
        machine: what this runs on.
        written: what is told.
    """

    def __init__(self, machine: Machine, written: Written) -> None:
        self._machine = machine
        self._through = through(machine)
        self._written = written
        self._memory = Memory()

    def before(self, notified: Notification) -> None:
        """Take note of a call before the kernel carries it out.

        What others write after this is not sure of, though the kernel may yet write it, too.

        Raises:
            OSError: it names no file: the kernel will say so to the program.
        """
        name, thread = self._machine.names[notified.call], notified.thread
        first, second, third, fourth, fifth, _ = notified.arguments
        match name:
            case "fsync" | "fdatasync" | "sync_file_range":
                self._written.synced(self._place(thread, first, 0))
            case "sync" | "syncfs":
                self._written.all_synced()
            case "open" | "openat":
                at = (AT_FDCWD, first) if name == "open" else (first, second)
                self._opens(self._place(thread, *at), notified.arguments[OPENING[name]])
            case "openat2":
                (flags,) = self._memory.unpack(thread, third, "=Q")  # struct open_how
                self._opens(self._place(thread, first, second), flags)
            case "creat":
                self._written.emptied(self._place(thread, AT_FDCWD, first))
            case "truncate":
                self._written.emptied(self._place(thread, AT_FDCWD, first))
            case "ftruncate":
                self._written.emptied(self._place(thread, first, 0))
            case "pwritev2":
                self._written.goes_through(self._place(thread, first, 0))
            case "msync":
                for place in self._mapped(thread, first, second):
                    self._written.synced(place)
            case "rename":
                places = (AT_FDCWD, first), (AT_FDCWD, second)
                self._renames(thread, places)
            case "renameat" | "renameat2":
                if name == "renameat" or not fifth & _RENAME_EXCHANGE:
                    self._renames(thread, ((first, second), (third, fourth)))
            case _:
                self._written.unseen(f"{shown(thread)} uses io_uring, whose syncs are not seen")

    def _opens(self, place: str, flags: int) -> None:
        if place == "/dev/null":  # a shell does so all the time
            return
        if flags & self._through and not flags & os.O_DIRECTORY:
            self._written.goes_through(place)
        else:
            self._written.emptied(place)

    def _renames(self, thread: int, places: tuple[tuple[int, int], tuple[int, int]]) -> None:
        source, target = (self._place(thread, *at) for at in places)
        self._written.replaces(source, target)

    def _mapped(self, thread: int, start: int, size: int) -> list[str]:
        """Files that are mapped into a range of a thread's memory."""
        found: dict[str, None] = {}
        with open(f"/proc/{thread}/maps", "rb") as file:
            for line in file:
                words = line.split(maxsplit=5)
                low, _, high = words[0].partition(b"-")
                if int(low, 16) < start + size and start < int(high, 16) and len(words) == 6:
                    path = os.fsdecode(words[5].removesuffix(b"\n"))
                    found[f"/proc/{thread}/root{path}"] = None
        return [place for place in found if os.path.isfile(place)]

    def _place(self, thread: int, directory: int, address: int) -> str:
        return place_of(self._memory, thread, directory, address)
