"""A guest whose scripts go wrong where a test wants them to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .backup import Step
from .engine.interpreter import first_line
from .faults import START, Faults, ScriptFault
from .protocols import Execution, FileFacts, FileKind, Guest, Launch, Process

_HEAD_SIZE = 256


class FaultyGuest:
    """Another guest, and the faults its scripts have.

    Args:
        guest: where they run.
        faults: what goes wrong.
    """

    def __init__(self, guest: Guest, faults: Faults) -> None:
        self._guest = guest
        self._faults = faults

    @property
    def name(self) -> str:
        """That of the guest."""
        return self._guest.name

    @property
    def runs_programs(self) -> bool:
        """As the guest."""
        return self._guest.runs_programs

    def modelled(self) -> tuple[str, ...]:
        """As the guest."""
        return self._guest.modelled()

    def examine(self, paths: Sequence[str], read_limit: int) -> tuple[FileFacts, ...]:
        """As the guest."""
        return self._guest.examine(paths, read_limit)

    def execute(self, launch: Launch, deadline: float | None) -> Execution:
        """Run a program; a script goes wrong."""
        return self._guest.execute(self._with_fault(launch), deadline)

    def start(self, launch: Launch, deadline: float) -> Process:
        """Start a program; a script goes wrong."""
        return self._guest.start(self._with_fault(launch), deadline)

    def watch(self, processes: Sequence[Process], until: float) -> None:
        """As the guest."""
        self._guest.watch(processes, until)

    def _with_fault(self, launch: Launch) -> Launch:
        fault = self._fault_of(launch)
        if fault is None or (fault.attempts is not None and launch.attempt > fault.attempts):
            return launch
        if fault.at == START and launch.argv[0] == launch.script and not self._can_start(launch):
            return launch  # it cannot start at all: that is what the verdict will say
        return replace(launch, fault=fault)

    def _fault_of(self, launch: Launch) -> ScriptFault | None:
        if launch.label.startswith(Step.PRE_SCRIPT.value):
            return self._faults.pre
        return self._faults.post if launch.label.startswith(Step.POST_SCRIPT.value) else None

    def _can_start(self, launch: Launch) -> bool:
        """Whether the kernel would find something to execute."""
        (script,) = self._guest.examine((launch.script,), _HEAD_SIZE)
        head = script.content or b""
        if head.startswith(b"\x7fELF"):
            return bool(script.mode & 0o111)
        if not head.startswith(b"#!") or not script.mode & 0o111:
            return False
        name = first_line(head).name
        if not name.startswith("/"):
            return True  # env looks for it
        (program,) = self._guest.examine((name,), 0)
        return program.kind is FileKind.FILE and bool(program.mode & 0o111)
