"""An application that a test describes by commands of its own."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError
from ..machine import VirtualMachine
from .application import NUMBER, RECORD, START_LIMIT, Program, done_or_said, require
from .checking import Checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands(Checkable):
    """An application in shell commands, which run as root.

    Args:
        name: what it is, for messages.
        place: directory or file of its data, absolute.
        write: appends a record, ``{n}`` being its number and ``{record}`` its text; exit status 0
            acknowledges it.
        read: prints all records, the oldest first, each on a line: its text, or its number.
        probe: writes something that is no record, and fails while the application is at rest; it
            waits for a lock no longer than a few seconds. If it asks for something else than a
            write, it prints the answer.
        make: makes data without records.
        server: runs it in the foreground, if it is a server.
        ready: succeeds as soon as the server answers.
        verify: checks its data while it runs; anything but exit status 0 tells of damage.
        programs: what it needs.

    Raises:
        UsageError: it cannot be meant so; all mistakes are named.
    """

    name: str
    place: str
    write: str
    read: str
    probe: str = ""
    make: str = ""
    server: str = ""
    ready: str = ""
    verify: str = ""
    programs: tuple[Program, ...] = ()

    def __post_init__(self) -> None:
        mistakes = []
        if NUMBER not in self.write and RECORD not in self.write:
            mistakes.append(same_each_time(self.write))
        if not self.place.startswith("/"):
            mistakes.append(f"place is {self.place!r}; write an absolute path")
        if self.ready and not self.server:
            mistakes.append("ready is for a server; give its command as server=, or leave it out")
        if mistakes:
            raise UsageError(mistakes)

    def set_up(self, vm: VirtualMachine) -> None:
        """Run ``make``.

        Args:
            vm: where.
        """
        require(vm, self.programs)
        if self.make:
            vm.run(self.make, timeout=START_LIMIT, check=True)

    def start(self, vm: VirtualMachine) -> str:
        """Start the server, if there is one. What it says of a recovery nobody knows.

        Args:
            vm: where.
        """
        if self.server:
            vm.start(self.server, ready=self.ready or None, timeout=START_LIMIT)
        return ""

    def integrity(self, vm: VirtualMachine) -> str:
        """Run ``verify``.

        Args:
            vm: where.
        """
        return done_or_said(vm.run(self.verify, timeout=START_LIMIT)) if self.verify else ""


def same_each_time(write: str) -> str:
    """What is said of a command that writes no numbered record."""
    return (
        f"write is {write!r}, which writes the same each time; put {NUMBER} or {RECORD} where the "
        "record's number or text belongs"
    )
