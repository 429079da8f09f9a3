"""What a test is told of its VM although the verdict does not depend on it: left over, or missing.

Some fail the test, the others are shown; each can be allowed by its name.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


class FindingKind(enum.Enum):
    """What was found; its value is the name by which it is allowed."""

    PROCESSES = "processes"
    SESSIONS = "sessions"
    UNITS = "units"
    FROZEN = "frozen"
    UNEXPECTED_CALL = "unexpected-call"
    MISSING_COMMAND = "missing-command"
    NEVER_CALLED = "never-called"

    @property
    def fails(self) -> bool:
        """Whether it fails a test; otherwise it is only shown."""
        return self not in (FindingKind.MISSING_COMMAND, FindingKind.NEVER_CALLED)


NAMES = tuple(kind.value for kind in FindingKind)
"""Names that can be allowed."""


def permission(kinds: Iterable[FindingKind], where: str = "in @pytest.mark.vm") -> str:
    """What to write so that a test is not told of some kinds of findings.

    Args:
        kinds: the kinds.
        where: where to write it, in words.
    """
    names = [kind.value for kind in kinds]
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"allow=[{quoted}] {where}, or --vmsnapshot-allow={','.join(names)}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found on a VM.

    Args:
        kind: what it is.
        text: what was found and what to do, as a sentence without a full stop.
        about: what it is about, where that has a name: a command, a unit, a mount point.
    """

    kind: FindingKind
    text: str
    about: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.text}"


@dataclass(frozen=True, slots=True)
class LeftProcess:
    """A process that scripts have started and that has not ended.

    Args:
        pid: its number on the VM.
        command: what it runs, as one line.
        made_by: which script and attempt it came from; empty if it has left that one's session.
    """

    pid: int
    command: str
    made_by: str


class Watched(Protocol):
    """Something that scripts can leave in a state it must not stay in."""

    def backup_begins(self) -> None:
        """A backup is about to be taken: what is found later is compared with the state of now."""
        ...

    def findings(self) -> Sequence[Finding]:
        """What the backup that has ended left behind."""
        ...
