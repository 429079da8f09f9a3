"""Making one command of a script fail, or hang, after the other."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..fault_words import ordinal
from ..faults import ScriptFault
from .stand import Stand
from .trial import Trial

MOST = 60
"""Commands of a script that are made to fail; one with more is tried that far."""

MOST_REPEATS = 24
"""Those among them that may be calls of commands that were made to fail before."""

_OFTEN = 2
"""Calls of the same command after which another one is a repetition."""

_IN_A_ROW = 5
"""Repetitions after which some are left out."""

_LONGEST_STEP = 32
"""Commands that are gone on by at once."""

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


class Commands:
    """Takes a backup for each command of a script, and lets a fault happen to it.

    Of commands that come again and again, as in a loop that waits, only some are picked.

    Args:
        stand: where it is tried.
        script: ``pre`` or ``post``.
        fault: what happens to the command.
        wait: seconds that pass between the pre-script and the freeze.
    """

    def __init__(self, stand: Stand, script: str, fault: ScriptFault, wait: float = 0.0) -> None:
        self._wait = wait
        self._stand = stand
        self._script = script
        self._fault = fault
        self._walk = Walk()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of those that were not tried, once all others were."""
        return (self._walk.note,) if self._walk.note else ()

    def __iter__(self) -> Iterator[Failing]:
        """Each backup.

        Raises:
            NoVirtualClock: nothing else sees the commands of a script.
        """
        clock = self._stand.good().backup.clock
        if clock != "virtual":
            raise NoVirtualClock(
                f"the clock is {clock}, and only the virtual clock sees the commands of a script"
            )
        for number in self._walk:
            happens = replace(self._fault, at=number)
            trial = self._stand.backup(
                faults={"pre": happens} if self._script == "pre" else {"post": happens},
                wait=self._wait,
            )
            if "did not come to that" in trial.backup.faults[0]:
                self._walk.overshot(_executed(trial, number))
                continue
            words = _words(trial, number)
            self._walk.met(words)
            yield Failing(number, words, trial)


class Walk:
    """Which command of a script comes next.

    Whoever meets nothing but known commands takes longer and longer steps. Where a step ends at a
    new one, or behind the last, those before it are met from there backwards, until known ones
    come in a row.
    """

    def __init__(self) -> None:
        self.note = ""
        """What is to be said of commands that were not met; empty where there are none."""
        self._met: Counter[str] = Counter()
        self._tried: set[int] = set()
        self._furthest = 0
        self._step = 1
        self._back = 0
        self._in_a_row = 0
        self._repeats = 0
        self._number = 0
        self._ended = False

    def __iter__(self) -> Iterator[int]:
        """Numbers of commands, from 1."""
        while True:
            if self._back in self._tried or (self._back and self._in_a_row >= _IN_A_ROW):
                self._back = self._in_a_row = 0
            self._number = self._back or self._furthest + self._step
            if self._ended and not self._back:
                return
            if len(self._tried) >= MOST:
                self.note = f"only {MOST} commands were tried, of more"
                return
            if self._repeats >= MOST_REPEATS:
                self.note = f"of commands that are repeated, only {MOST_REPEATS} calls were tried"
                return
            yield self._number

    def overshot(self, last: int) -> None:
        """There is no command of this number.

        Args:
            last: the number of the last one.
        """
        self._ended = True
        self._back, self._in_a_row = last, 0

    def met(self, words: str) -> None:
        """The command of this number is told.

        Args:
            words: the command.
        """
        known = self._met[words] >= _OFTEN
        self._met[words] += 1
        self._repeats += known
        self._tried.add(self._number)
        self._in_a_row = self._in_a_row + 1 if known else 0
        if self._number > self._furthest:
            skipped = self._number - self._furthest > 1
            self._furthest = self._number
            if known and self._in_a_row >= _IN_A_ROW:
                self._step = min(2 * self._step, _LONGEST_STEP)
            elif skipped and not known:
                self._step, self._back = 1, self._number - 1
        elif self._back:
            self._back -= 1


def _executed(trial: Trial, number: int) -> int:
    """How many commands a script has executed in which there is none of a number."""
    told = re.search(r"executed (\d+) command", trial.backup.faults[0])
    return int(told[1]) if told else number - 1


def _words(trial: Trial, number: int) -> str:
    head = f"  fault: the {ordinal(number)} command, "
    told = next(event.text for event in trial.backup.events if event.text.startswith(head))
    return told.removeprefix(head).rpartition(", ")[0]
