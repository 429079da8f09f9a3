"""What the harness waits for while an agent works."""

from __future__ import annotations

from dataclasses import dataclass, field

NOBODY = 0
"""In place of a process: somebody waits only for time to pass."""


@dataclass(slots=True)
class Awaited:
    """A program somebody waits for; its times are nanoseconds of the VM's clock.

    Without a program somebody waits for time to pass, or for all of ``others`` to end; with
    ``looks`` to see then what is left of the scripts, and ``others`` are anybody's children.
    """

    pid: int
    before: list[int]
    deadline: int | None
    started: int
    skips_time: bool = True
    others: frozenset[int] = frozenset()
    looks: bool = False
    timed_out: bool = False
    killed: int = 0
    waiting_in: list[str] = field(default_factory=list)
