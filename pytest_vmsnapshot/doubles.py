"""Command doubles as facts: what one answers, and how it was called."""

from __future__ import annotations

import signal as signals
from collections.abc import Mapping
from dataclasses import dataclass, field

STDIN_KEPT = 64 * 1024
"""Bytes kept of what a call could read."""

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
        passthrough: it becomes the command it stands in for; nothing else of it counts.
    """

    stdout: str | bytes = ""
    stderr: str | bytes = ""
    exit_status: int = 0
    signal: int | None = None
    delay: float = 0.0
    passthrough: bool = False


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
    return found


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command double.

    Args:
        argv: its arguments, its own name first.
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

    @property
    def args(self) -> tuple[str, ...]:
        """Its arguments without its own name."""
        return self.argv[1:]

    @property
    def stdin_text(self) -> str:
        """What it could read, as text; bytes that are not UTF-8 are shown as escapes."""
        return self.stdin.decode("utf-8", "backslashreplace")
