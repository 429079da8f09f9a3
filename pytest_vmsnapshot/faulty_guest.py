"""A guest whose scripts go wrong where a test wants them to."""

from __future__ import annotations

from dataclasses import replace

from .backup import Step
from .engine.interpreter import first_line
from .faults import START, Faults, ScriptFault
from .guest_around import GuestAround
from .protocols import FileKind, Guest, Launch

_HEAD_SIZE = 256


class FaultyGuest(GuestAround):
    """Another guest, and the faults its scripts have.

    Args:
        guest: where they run.
        faults: what goes wrong.
    """

    def __init__(self, guest: Guest, faults: Faults) -> None:
        super().__init__(guest)
        self._faults = faults

    def _changed(self, launch: Launch) -> Launch:
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
