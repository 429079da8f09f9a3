"""Making one command of a script fail, or hang, after the other."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..fault_words import ordinal
from ..faults import ScriptFault
from .stand import Stand
from .trial import Trial

MOST = 60
"""Commands of a script that are made to fail; one with more is tried that far."""

_SHOWN = 60
"""Characters of a command in a message."""


class NoVirtualClock(Exception):
    """The commands of a script are not seen here; says why."""


@dataclass(frozen=True, slots=True)
class Failing:
    """A backup in which one command of a script was made to fail.

    Args:
        number: which command, from 1.
        words: the command, as it would be typed.
        trial: the backup.
    """

    number: int
    words: str
    trial: Trial

    @property
    def name(self) -> str:
        """The bare name of the command."""
        try:
            return shlex.split(self.words)[0].rpartition("/")[2]
        except (ValueError, IndexError):
            return self.words

    @property
    def shown(self) -> str:
        """The command with its number, cut short."""
        words = self.words if len(self.words) <= _SHOWN else f"{self.words[:_SHOWN]}..."
        return f"{ordinal(self.number)} command ({words})"


def most_commands(stand: Stand, script: str, fault: ScriptFault) -> Iterator[Failing]:
    """Take a backup for each command of a script, and let the fault happen to it.

    Args:
        stand: where it is tried.
        script: ``pre`` or ``post``.
        fault: what happens to the command.

    Raises:
        NoVirtualClock: nothing else sees the commands of a script.
    """
    clock = stand.good().backup.clock
    if clock != "virtual":
        raise NoVirtualClock(
            f"the clock is {clock}, and only the virtual clock sees the commands of a script"
        )
    for number in range(1, MOST + 1):
        happens = replace(fault, at=number)
        trial = stand.backup(faults={"pre": happens} if script == "pre" else {"post": happens})
        if "did not come to that" in trial.backup.faults[0]:
            return
        yield Failing(number, _words(trial, number), trial)


def _words(trial: Trial, number: int) -> str:
    head = f"  fault: the {ordinal(number)} command, "
    told = next(event.text for event in trial.backup.events if event.text.startswith(head))
    return told.removeprefix(head).rpartition(", ")[0]
