"""A script of a VM in memory: it has ended when it was started."""

from __future__ import annotations

from ..output import Output
from ..protocols import Execution


class MemoryProcess:
    """A script that was called, as a process that nobody stops.

    Args:
        execution: how it went.
    """

    def __init__(self, execution: Execution) -> None:
        self._whole = execution

    @property
    def pid(self) -> int:
        """It has none."""
        return 0

    @property
    def started(self) -> float:
        """When it was started, in seconds of the VM's clock."""
        return self._whole.started

    @property
    def execution(self) -> Execution | None:
        """How it ended, or was stopped."""
        return self._whole

    def collect(self) -> tuple[Output, Output]:
        """What it printed."""
        return self._whole.output, self._whole.error_output
