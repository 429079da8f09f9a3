"""What is added to the report of a test that failed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Protocol

from . import explain
from .backup import Backup


class HasBackups(Protocol):
    """A VM, as far as a report is concerned."""

    @property
    def backups(self) -> tuple[Backup, ...]:
        """All backups taken so far."""
        ...

    @property
    def never_called(self) -> tuple[str, ...]:
        """Where command doubles lie that nobody has called so far."""
        ...


def sections(nodeid: str, machines: Sequence[HasBackups]) -> list[tuple[str, str]]:
    """A section per backup: verdict, timeline, output, and how to replay it.

    Args:
        nodeid: the test.
        machines: its VMs.

    Returns:
        Titles and texts.
    """
    found = []
    for index, machine in enumerate(machines, 1):
        which = f"vm {index}, " if len(machines) > 1 else ""
        for backup in machine.backups:
            replay = f"replay: pytest {shlex.quote(nodeid)}"
            text = "\n".join((explain.whole(backup, headed=False), "-" * explain.WIDTH, replay))
            found.append((which + explain.heading(backup), text))
        if machine.never_called:
            found.append((f"{which}command doubles never called", "\n".join(machine.never_called)))
    return found
