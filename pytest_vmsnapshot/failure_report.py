"""What is added to the report of a test that failed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Protocol

from . import explain
from .backup import Backup
from .findings import Finding, FindingKind


class HasBackups(Protocol):
    """A VM, as far as a report is concerned."""

    @property
    def backups(self) -> tuple[Backup, ...]:
        """All backups taken so far."""
        ...

    @property
    def double_findings(self) -> tuple[Finding, ...]:
        """What is to be said of its command doubles, allowed or not."""
        ...

    @property
    def allowed(self) -> frozenset[FindingKind]:
        """Kinds of findings that are not told."""
        ...


def named(machine: HasBackups) -> Iterator[tuple[str, Finding]]:
    """All that was found on a VM, each with the backup it belongs to; or with nothing.

    Args:
        machine: the VM.
    """
    for backup in machine.backups:
        for finding in backup.findings:
            yield f"backup {backup.number}", finding
    for finding in machine.double_findings:
        yield "", finding


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
        if of_doubles := machine.double_findings:
            text = "\n".join(explain.line(str(finding)) for finding in of_doubles)
            found.append((f"{which}command doubles", text))
    return found
