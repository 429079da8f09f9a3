"""Command doubles as facts: what one answers, and how it was called."""

from __future__ import annotations

import enum
import signal as signals
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

STDIN_KEPT = 64 * 1024
"""Bytes kept of what a call could read."""

UNEXPECTED = "pytest-vmsnapshot: unexpected call: "
"""What a stand-in prints, before the command, where a call was not expected."""

_MOST_SIGNAL = 64
"""Highest signal number of Linux (signal(7))."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command double does when it is called.

    Args:
        stdout: what it prints.
        stderr: what it prints as errors.
        exit_status: how it ends.
        signal: number of the signal it ends by instead, or None.
        delay: seconds of the VM's clock before it does anything.
        passthrough: it becomes the command it stands in for, or the program at an absolute path
            on the VM; of the rest only the delay counts.
        goes_on: it prints, and then waits for its next line; only for a ``Client``.
    """

    stdout: str | bytes = ""
    stderr: str | bytes = ""
    exit_status: int = 0
    signal: int | None = None
    delay: float = 0.0
    passthrough: bool | str = False
    goes_on: bool = False


def mistakes_of(reply: Reply) -> list[str]:
    """What is wrong with a reply, each a sentence that says what to write."""
    found = []
    for name in ("stdout", "stderr"):
        value = getattr(reply, name)
        if not isinstance(value, str | bytes):
            found.append(f"{name} is {value!r}; write text or bytes")
    status = reply.exit_status
    if isinstance(status, bool) or not isinstance(status, int) or not 0 <= status <= 255:
        found.append(f"exit_status is {status!r}; write a number from 0 to 255")
    number = reply.signal
    if number is not None and (
        isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= _MOST_SIGNAL
    ):
        found.append(f"signal is {number!r}; write a number, such as {int(signals.SIGTERM)}")
    delay = reply.delay
    if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay < 10**9:
        found.append(f"delay is {delay!r}; write a number of seconds from 0 up")
    becomes = reply.passthrough
    if not isinstance(becomes, bool) and not str(becomes).startswith("/"):
        found.append(f"passthrough is {becomes!r}; write True, or an absolute path on the VM")
    return found


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command double.

    Args:
        argv: its arguments, its own name first. Of a call that was killed before it could be looked
            at, only where its stand-in lies.
        stdin: the beginning of what it could read, if that was a file or in a pipe by then.
        cwd: where it was called.
        env: its environment.
        uid: number of the user who called it.
        pid: its number on the VM.
        made_by: which script and attempt it came from, such as ``pre-script, attempt 1``; empty
            for a command of the test, and where it cannot be told.
        started: seconds of the VM's clock since the VM was made.
        ended: the same of its end; None while it lasts.
        exit_status: what it was told to end with; None for a signal or the real command.
        unexpected: whether no pattern and no reply was meant for it.
    """

    argv: tuple[str, ...]
    stdin: bytes
    cwd: str
    env: Mapping[str, str] = field(hash=False)
    uid: int
    pid: int
    made_by: str
    started: float
    ended: float | None
    exit_status: int | None
    unexpected: bool = False

    @property
    def args(self) -> tuple[str, ...]:
        """Its arguments without its own name."""
        return self.argv[1:]

    @property
    def stdin_text(self) -> str:
        """What it could read, as text; bytes that are not UTF-8 are shown as escapes."""
        return self.stdin.decode("utf-8", "backslashreplace")


class Client(Protocol):
    """One client that is talked to while it lives, as a test answers for it.

    Each answer is a ``Reply`` that ends the client, or one that ``goes_on``; None goes on and says
    nothing. Times are seconds of the VM's clock since the VM was made.
    """

    def called(self) -> Reply | None:
        """It was called. As long as it goes on it reads its standard input."""
        ...

    def told(self, line: str, at: float) -> Reply | None:
        """It has read a line, whose end is part of it."""
        ...

    def input_ended(self, at: float) -> Reply | None:
        """There is no more to read: it ends, with status 0 if the answer is None."""
        ...

    def gone(self, at: float) -> None:
        """It has ended, by itself or because it was killed."""
        ...


class Happened(enum.Enum):
    """What has happened to a stand-in that the harness is asked about, or told of."""

    CALLED = "called"
    TOLD = "told"
    INPUT_ENDED = "input ended"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the harness is asked about, or told of.

    Args:
        key: number of the call among all of the VM.
        call: whose.
        happened: what.
        text: the line it has read.
        at: seconds of the VM's clock since the VM was made.
    """

    key: int
    call: Call
    happened: Happened
    text: str
    at: float
