"""The backup of a twin: the scripts of a first one once more, traced by bash."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from . import under_faults
from .backup import Backup
from .command_double import DoublingGuest
from .engine.lifecycle import Bench
from .kept import ScriptTrace, Tracer
from .repeated import Repetition
from .traced_guest import TracedGuest
from .twin import let_bash_be_sh
from .under_faults import FaultingGuest


class TwinGuest(FaultingGuest, DoublingGuest, Protocol):
    """The guest of a twin."""


@dataclass(frozen=True, slots=True)
class SecondBackup:
    """A VM in which a backup is made a second time.

    Args:
        guest: where its processes run.
        bench: what the backup is made with.
        on_budget: told how many seconds it may take at most.
        end: ends the VM.
    """

    guest: TwinGuest
    bench: Bench
    on_budget: Callable[[float], None] | None
    end: Callable[[], None]

    def measure(
        self, tracer: Tracer, repetitions: Sequence[Repetition], of_sh: Collection[str]
    ) -> tuple[Backup, tuple[ScriptTrace, ...]]:
        """Take it, and trace its scripts.

        Args:
            tracer: knows how.
            repetitions: command doubles as they were when the first one began.
            of_sh: paths of scripts that bash runs instead of sh.

        Returns:
            The backup, and which lines its scripts have executed.
        """
        for repeated in repetitions:
            self.guest.add_double(repeated.spec, repeated.answer())
        let_bash_be_sh(self.guest)
        traced = TracedGuest(self.bench.guest, tracer, of_sh)
        try:
            bench = replace(self.bench, guest=traced)
            backup, _ = under_faults.run(bench, self.guest, 1, self.on_budget)
        finally:
            traces = traced.close()
        return backup, traces

    def close(self) -> None:
        """End the VM."""
        self.end()
