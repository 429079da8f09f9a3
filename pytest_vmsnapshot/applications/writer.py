"""Records that are written while backups are taken, and what of them was acknowledged."""

from __future__ import annotations

import contextlib
import itertools
import math
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from ..at_moment import AtMoment
from ..backup import Backup
from ..errors import CommandTimeout, GuestDied, UsageError
from ..explain import printable
from ..machine import VirtualMachine
from ..moments import Moment
from .answers import Answers
from .application import NUMBER, RECORD, Application, done_or_said
from .checking import check
from .commands import same_each_time
from .records import Asked, Written, text

PAUSE = 0.2
"""Seconds of the VM's clock between two records: enough of them, and most of the machine free."""

PROBE_LIMIT = 20.0
"""Seconds of the VM's clock after which a probe hangs: more than any lock timeout of a few."""

STOP_LIMIT = 10.0
"""Seconds of the VM's clock in which the record that is being written can still be acknowledged."""

_OPEN_MOMENTS = (
    Moment.BEFORE_PRE,
    Moment.AFTER_PRE,
    Moment.THAWED,
    Moment.BEFORE_POST,
    Moment.AFTER_POST,
)
"""Moments at which a function can write: nothing is frozen."""

Write = Callable[[AtMoment, int], bool]
"""Writes the record of a number at a moment of a backup; true acknowledges it."""

_SENT, _TAKEN = "begun", "acknowledged"
"""Names of the files with the numbers of records that were sent, and acknowledged."""

# Below /run all is memory of the VM: no recovery point has it. Descriptor 9 is a lock that nobody
# but the loop holds, so that its end can be waited for. The loop is a session of its own, so that
# it can be killed with the client that it waits for.
_LOOP = """cd {here} || exit
exec 9> running
flock -n 9 || exit
echo $$ > session
n={last}
while [ ! -e stop ]; do
    n=$((n + 1))
    echo "$n" >> begun
    if ( eval {command} ) 9>&- < /dev/null > said 2>&1; then
        echo "$n" >> acknowledged
    else
        echo "$n" >> refused
    fi
    sleep {pause:.3f} 9>&-
done
"""


@dataclass(frozen=True, slots=True)
class _Notes:
    """What a writer has written so far.

    Args:
        acknowledged: numbers of what was acknowledged.
        begun: the last number that was sent.
    """

    acknowledged: tuple[int, ...] = ()
    begun: int = 0


class Writer:
    """Appends numbered records to an application while backups of its VM are taken.

    It runs from ``with`` to its end, also between backups, and asks the application after each
    pre-script whether it is at rest.

    Args:
        vm: the VM.
        application: what is written to; it runs already.
        write: writes a record, instead of the application's own command: a command with ``{n}`` or
            ``{record}`` in it, or a function ``f(at, n)`` that is called at the moments of a backup
            at which nothing is frozen, and whose truth acknowledges the record.
        pause: seconds of the VM's clock between two records of a command.

    Raises:
        UsageError: an argument cannot be meant.
    """

    def __init__(
        self,
        vm: VirtualMachine,
        application: Application,
        *,
        write: str | Write | None = None,
        pause: float = PAUSE,
    ) -> None:
        __tracebackhide__ = True
        self._vm = vm
        self.application = application
        """What is written to."""
        self._write = application.write if write is None else write
        mistakes = []
        given: object = self._write
        if isinstance(given, str):
            if NUMBER not in given and RECORD not in given:
                mistakes.append(same_each_time(given))
        elif not callable(given):
            mistakes.append(f"write is {given!r}; write a command, or a function f(at, n)")
        if not isinstance(pause, int | float) or not 0.001 <= pause < math.inf:
            mistakes.append(f"pause is {pause!r}; write seconds, at least 0.001")
        if mistakes:
            raise UsageError(mistakes)
        self._pause = pause
        self._here = ""
        self._watches = False
        self._runs = False
        self._noted = _Notes()
        self._called: list[tuple[int, bool]] = []
        self._before: dict[int, tuple[int, ...]] = {}
        self._asked: dict[int, Asked] = {}

    def __repr__(self) -> str:
        return f"<Writer to {self.application.name}, {len(self.acknowledged)} acknowledged>"

    # -- from its start to its end -----------------------------------------------------------

    def __enter__(self) -> Self:
        """Begin to write.

        Raises:
            UsageError: the application refuses the probe though nobody holds it, so that its
                refusal would say nothing later on.
            CommandFailed: the loop could not be started.
        """
        __tracebackhide__ = True
        if self._runs:
            raise UsageError(["this writer writes already; make a second one"])
        self._check_probe()
        if not self._watches:
            self._watch()
        if isinstance(self._write, str):
            self._start(self._write)
        self._runs = True
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Write no more. What was acknowledged stays known, when the VM is closed as well."""
        __tracebackhide__ = True
        if not self._runs:
            return
        self._runs = False
        if isinstance(self._write, str):
            with contextlib.suppress(GuestDied):  # then nothing writes any more
                self._vm.run(
                    f"cd {self._here} && : > stop && {{ flock -w {STOP_LIMIT:g} running true "
                    '|| { kill -KILL "-$(cat session)"; flock running true; }; }',
                    timeout=2 * STOP_LIMIT,
                )
                self._noted = self._read_notes()

    # -- what it knows -----------------------------------------------------------------------

    @property
    def acknowledged(self) -> tuple[int, ...]:
        """Numbers of the records that were acknowledged so far.

        Raises:
            GuestDied: the VM was closed before the writer's end.
        """
        return self._notes().acknowledged

    def written(self, number: int) -> Written | None:
        """What it knew when the snapshot of a backup was taken, and what it knows by now.

        Args:
            number: of the backup; the VM's first is 1.

        Returns:
            None if it did not watch that backup, or no snapshot was begun.
        """
        before = self._before.get(number)
        if before is None:
            return None
        notes = self._notes()
        known = set(before)
        after = tuple(number for number in notes.acknowledged if number not in known)
        return Written(before, after, notes.begun)

    def asked(self, number: int) -> Asked | None:
        """What became of the probe of a backup.

        Args:
            number: of the backup.

        Returns:
            None if nothing was asked: it did not watch that backup, or no pre-script ran.
        """
        return self._asked.get(number)

    def check(self, backup: Backup) -> Answers:
        """Boot the recovery point of a backup that it has watched, and ask the application there.

        ``backup.recovery_point.check(writer)`` is the same.

        Args:
            backup: the backup.

        Raises:
            ProgramMissing: the VM has not what the application needs; in a test it skips.
            UsageError: the backup left no recovery point, or it cannot be booted.
            GuestDied: the VM that was backed up is closed.
        """
        __tracebackhide__ = True
        return check(backup, self.application, self)

    # -- parts -------------------------------------------------------------------------------

    def _check_probe(self) -> None:
        __tracebackhide__ = True
        if not self.application.probe:
            return
        done = self._vm.run(self.application.probe, timeout=PROBE_LIMIT)
        if done.exit_status != 0:
            raise UsageError(
                [
                    f"{self.application.name} refuses the probe before any script has run: "
                    f"{printable(done_or_said(done))}; start it, or correct the probe "
                    f"{self.application.probe!r}: only a probe that is accepted now says anything "
                    "if it is refused later"
                ]
            )

    def _watch(self) -> None:
        self._watches = True
        for number in itertools.count(1):
            self._here = f"/run/vmsnapshot-writer-{number}"
            if not self._vm.path(self._here).exists():
                break
        for name, content in (("probe", self.application.probe), (_SENT, ""), (_TAKEN, "")):
            self._vm.write(f"{self._here}/{name}", content)
        self._vm.on(Moment.AFTER_PRE.value, self._ask)
        self._vm.on(Moment.BEFORE_SNAPSHOT.value, self._note)
        if not isinstance(self._write, str):
            for moment in _OPEN_MOMENTS:
                self._vm.on(moment.value, self._call)

    def _start(self, write: str) -> None:
        loop = _LOOP.format(
            here=self._here, last=self._notes().begun, command=_quoted(write), pause=self._pause
        )
        self._vm.write(f"{self._here}/loop", loop)
        self._vm.run(
            f"rm -f {self._here}/stop; setsid sh {self._here}/loop < /dev/null > /dev/null 2>&1 &",
            check=True,
        )

    def _notes(self) -> _Notes:
        """What was written so far."""
        if not isinstance(self._write, str):
            taken = tuple(number for number, taken in self._called if taken)
            return _Notes(taken, len(self._called))
        if self._runs:
            return self._read_notes()
        return self._noted

    def _read_notes(self) -> _Notes:
        acknowledged, begun = (
            _numbers(self._vm.path(f"{self._here}/{name}").read_bytes()) for name in (_TAKEN, _SENT)
        )
        return _Notes(acknowledged, max(begun, default=0))

    def _number(self) -> int:
        """Of the backup that is being taken."""
        return len(self._vm.backups) + 1

    def _ask(self, at: AtMoment) -> None:
        if not self._runs or not self.application.probe:
            return
        try:
            done = at.run(f"sh {self._here}/probe", timeout=PROBE_LIMIT)
        except CommandTimeout:
            said = (
                f"the probe did not end within {PROBE_LIMIT:g} s, which is no answer; let it wait "
                "for a lock no longer than a few seconds"
            )
            self._asked[self._number()] = Asked(None, said)
            return
        refused = done.exit_status != 0
        said = done.stdout.strip()
        if not said:
            said = (
                f"a write was refused: {done_or_said(done)}" if refused else "a write was accepted"
            )
        self._asked[self._number()] = Asked(refused, said)

    def _note(self, at: AtMoment) -> None:
        number = self._number()
        if isinstance(self._write, str):
            content = at.path(f"{self._here}/{_TAKEN}").read_bytes()
            self._before[number] = _numbers(content)
        else:
            self._before[number] = self.acknowledged

    def _call(self, at: AtMoment) -> None:
        if self._runs and not isinstance(self._write, str):
            number = len(self._called) + 1
            self._called.append((number, False))
            if self._write(at, number):
                self._called[-1] = (number, True)


def _numbers(content: bytes) -> tuple[int, ...]:
    """The numbers of a file, but for one that is being written."""
    whole = content[: content.rfind(b"\n") + 1]
    return tuple(int(line) for line in whole.split())


def _quoted(command: str) -> str:
    """A command as one word of a shell, with the number in ``$n``."""
    parts = command.replace(RECORD, text(NUMBER)).split(NUMBER)
    return '"$n"'.join(shlex.quote(part) for part in parts)
