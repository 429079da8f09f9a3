"""A program of a VM that nobody stops, seen from the harness."""

from __future__ import annotations

import os

from ..output import Output
from ..protocols import Execution
from .pipes import Pipes


class LeftAlone:
    """A program that was started and runs on, whoever still waits for it.

    Args:
        pid: its number on the VM.
        started: when it was started, in seconds of the VM's clock.
        pipes: where it prints to; nobody reads them before ``collect``.
        stdin: the other end of a pipe it reads, which stays open as long; or None.
    """

    def __init__(self, pid: int, started: float, pipes: Pipes, stdin: int | None) -> None:
        self._pid = pid
        self._started = started
        self._pipes = pipes
        self._stdin = stdin
        self._outputs: tuple[Output, Output] | None = None
        self.execution: Execution | None = None
        """How it ended, as far as is known."""

    @property
    def pid(self) -> int:
        """Its number on the VM."""
        return self._pid

    @property
    def started(self) -> float:
        """When it was started, in seconds of the VM's clock."""
        return self._started

    def has_ended(self, code: int, ended: float) -> None:
        """Take in that it has ended.

        Args:
            code: its exit status, or the negative number of the signal that ended it.
            ended: second of the VM's clock.
        """
        self.execution = Execution(
            self._started,
            ended,
            exit_status=code if code >= 0 else None,
            signal=-code if code < 0 else None,
        )

    def collect(self) -> tuple[Output, Output]:
        """Read what it printed and close its pipes: from now on printing to them kills it."""
        if self._outputs is None:
            self._pipes.close_full()
            self._outputs = self._pipes.outputs()
            self._pipes.close()
            if self._stdin is not None:
                os.close(self._stdin)
        return self._outputs
