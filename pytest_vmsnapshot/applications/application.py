"""What an application is to a consistency check: commands that write, read and ask."""

from __future__ import annotations

import unittest
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..completed import Completed
from ..errors import HarnessError
from ..machine import VirtualMachine

START_LIMIT = 60.0
"""Seconds of the VM's clock that a server has to become ready, its recovery included."""

NUMBER, RECORD = "{n}", "{record}"
"""What stands in a command for a record: its number, and its whole text."""

_SHOWN = 2000
"""Characters of what a command printed that a message shows; what matters stands last."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that an application needs.

    Args:
        place: where it usually lies; may have ``*`` in it, as for a shell.
        package: the Debian package that has it.
    """

    place: str
    package: str


class ProgramMissing(HarnessError, unittest.SkipTest):
    """A VM has not what an application needs; in a test it skips, as pytest does for SkipTest."""


class Application(Protocol):
    """An application that can be written to, and asked whether its data is whole.

    Commands are for the shell of the VM, and run as root.
    """

    @property
    def name(self) -> str:
        """What it is, for messages."""
        ...

    @property
    def place(self) -> str:
        """Directory or file of its data, absolute."""
        ...

    @property
    def programs(self) -> Sequence[Program]:
        """What it needs."""
        ...

    @property
    def write(self) -> str:
        """Appends a record: ``{n}`` is its number, ``{record}`` its text. Exit status 0
        acknowledges it.
        """
        ...

    @property
    def probe(self) -> str:
        """Writes something that is no record, and fails while the application is at rest; it waits
        for a lock no longer than a few seconds. A probe that asks for something else than a write
        prints the answer. Empty if there is no such thing.
        """
        ...

    @property
    def read(self) -> str:
        """Prints all records, the oldest first, each on a line: its text, or its number."""
        ...

    def set_up(self, vm: VirtualMachine) -> None:
        """Make data without records; nothing runs afterwards.

        Raises:
            ProgramMissing: the VM has not what it needs.
            CommandFailed: it could not be made.
        """
        ...

    def start(self, vm: VirtualMachine) -> str:
        """Start it on the data that is there, and wait until it answers.

        Returns:
            What it said of a recovery; empty if it needed none.

        Raises:
            ServerFailed: it does not answer.
        """
        ...

    def integrity(self, vm: VirtualMachine) -> str:
        """Let it check its own data, while it runs.

        Returns:
            What is wrong; empty if nothing is.
        """
        ...


def require(vm: VirtualMachine, programs: Sequence[Program]) -> None:
    """Make sure that a VM has some programs.

    Args:
        vm: the VM.
        programs: what is needed.

    Raises:
        ProgramMissing: some are not there; in a test it skips.
    """
    places = " ".join(program.place for program in programs)
    found = vm.run(f'for p in {places}; do [ -x "$p" ]; echo $?; done').stdout.split()
    # A pattern that matches nothing stays as it is; one that matches several is one program.
    if "1" not in found:
        return
    missing = [
        program
        for program in programs
        if vm.run(f'for p in {program.place}; do [ -x "$p" ] && exit; done; exit 1').exit_status
    ]
    if missing:
        needs = ", ".join(program.place for program in missing)
        packages = " ".join(dict.fromkeys(program.package for program in missing))
        raise ProgramMissing(f"needs {needs}: apt install {packages}")


def synced(directory: str) -> str:
    """A command that brings a file system to its disk, and leaves all others alone.

    Args:
        directory: on that file system.
    """
    return f"sync -f {directory}"


def done_or_said(done: Completed, expected: str = "") -> str:
    """What a check that should print nothing but something expected has found.

    Args:
        done: the check.
        expected: what it prints if nothing is wrong.

    Returns:
        What it printed instead, or how it ended; empty if nothing is wrong.
    """
    printed = done.stdout.strip()
    if done.exit_status == 0 and (not expected or printed == expected):
        return ""
    said = "\n".join(part for part in (printed, done.stderr.strip()) if part)
    return said[-_SHOWN:] or f"it ended with exit status {done.exit_status}"
