"""Looking at a VM once a backup has ended: what its scripts left running, or held."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import Protocol

from .doubles import Call
from .explain import command, line
from .findings import Finding, FindingKind, LeftProcess

GRACE = 1.0
"""Seconds of the VM's clock in which what is about to end can end: no test may hang on a race."""

_NAMED = 8
"""Processes that are named; a crowd is counted."""


class InspectedGuest(Protocol):
    """A guest that knows what scripts have left running."""

    def backup_begins(self) -> None:
        """What is there when the next script is started is not of the scripts."""
        ...

    def left_behind(self, until: float) -> list[LeftProcess]:
        """What scripts have left running; if anything is, it has time to end.

        Args:
            until: second of the VM's clock up to which that is waited for.
        """
        ...


def of_processes(left: Sequence[LeftProcess], calls: Sequence[Call]) -> Iterator[Finding]:
    """What is to be said of processes that were left running.

    Args:
        left: the processes.
        calls: of all command doubles; one that is still open is a session.
    """
    numbers = {process.pid for process in left}
    sessions = [call for call in calls if call.ended is None and call.pid in numbers]
    clients = {call.pid for call in sessions}
    others = [process for process in left if process.pid not in clients]
    if others:
        named = ", ".join(
            _named(line(process.command), process.pid, process.made_by)
            for process in others[:_NAMED]
        )
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        yield Finding(
            FindingKind.PROCESSES,
            f"still running after the backup: {named}{more}; end in the post-script what the "
            "pre-script started, and start before the backup what is to run on",
        )
    for call in sessions:
        words = (posixpath.basename(call.argv[0]) if call.argv else "?", *call.args)
        yield Finding(
            FindingKind.SESSIONS,
            f"{_named(command(words), call.pid, call.made_by)} has not ended, and whatever it "
            "holds (a lock, a transaction) is still held after the backup; end it in the "
            "post-script",
        )


def _named(words: str, pid: int, made_by: str) -> str:
    origin = f", by {made_by}" if made_by else ""
    return f"{words} (pid {pid}{origin})"
