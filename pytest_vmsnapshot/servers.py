"""Programs that a test starts on its VM and that run on beside it: servers, mostly."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from .errors import ServerFailed
from .protocols import Clock, Execution, Launch, NotStarted, Process
from .vm_path import FileGuest

STOP_LIMIT = 10.0
"""Seconds of the VM's clock a server has to end after SIGTERM, before it is killed."""

_LOOK_AGAIN = 0.05
"""Seconds of the VM's clock between two questions whether a server is ready: nobody tells us."""

_OUTPUT = "/run/vmsnapshot-server-{number}.log"
"""Where a server prints to: in memory, so that no recovery point has it."""

_SHOWN = 2000
"""Characters of a server's output in a message."""

_START = 'exec >>"$0" 2>&1; exec "$@"'


class Server:
    """A program that runs on its VM until it is stopped, or the VM is closed.

    Args:
        guest: the VM.
        clock: its clock.
        shown: the program, as a message names it.
        process: it, as the guest knows it.
        output: where it prints to, on the VM.
        alone: makes sure that nobody else asks the VM for something.
    """

    def __init__(
        self,
        guest: FileGuest,
        clock: Clock,
        shown: str,
        process: Process,
        output: str,
        alone: Callable[[str], contextlib.AbstractContextManager[None]],
    ) -> None:
        self.pid = process.pid
        """Its number on the VM; it leads a session, and a process group, of its own."""
        self._guest = guest
        self._clock = clock
        self._shown = shown
        self._process = process
        self._output = output
        self._alone = alone

    def __repr__(self) -> str:
        return f"<Server {self._shown!r}, number {self.pid}>"

    @property
    def output(self) -> str:
        """What it has printed so far, errors included."""
        return self._guest.read(self._output).decode("utf-8", "backslashreplace")

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        with self._alone("a look at a server"):
            self._guest.watch([self._process], self._clock.now())
        return self._process.execution is None

    @property
    def exit_status(self) -> int | None:
        """How it ended; None while it runs, or where a signal ended it."""
        ended = self._process.execution
        return None if ended is None else ended.exit_status

    def stop(self, timeout: float = STOP_LIMIT) -> None:
        """End it by SIGTERM, or by SIGKILL if that takes too long; what it has left in its process
        group is killed. May be called twice.

        Args:
            timeout: seconds of the VM's clock it has to end.
        """
        with self._alone("the end of a server"):
            self._guest.watch([self._process], self._clock.now())
            if self._process.execution is None:
                self._kill(f"-TERM {self.pid}", timeout)
            self._kill(f"-KILL -{self.pid}", STOP_LIMIT)

    def _kill(self, words: str, limit: float) -> None:
        """Send a signal, and wait for the end."""
        launch = Launch(("/bin/sh", "-c", f"kill {words}"), {}, "/")
        self._guest.execute(launch, self._clock.deadline(STOP_LIMIT))
        self._guest.watch([self._process], self._clock.deadline(limit))

    def wait_until_ready(self, ready: Callable[[], Execution], timeout: float) -> None:
        """Wait until a command says that it serves.

        Args:
            ready: runs the command.
            timeout: seconds of the VM's clock.

        Raises:
            ServerFailed: it has ended, or is not ready in time.
        """
        __tracebackhide__ = True
        deadline = self._clock.deadline(timeout)
        while True:
            asked = ready()
            if asked.exit_status == 0:
                return
            self._guest.watch([self._process], self._clock.deadline(_LOOK_AGAIN))
            if (ended := self._process.execution) is not None:
                how = (
                    f"exit status {ended.exit_status}"
                    if ended.signal is None
                    else f"signal {ended.signal}"
                )
                raise ServerFailed(f"the server {self._shown!r} ended with {how}{self._said()}")
            if self._clock.now() >= deadline:
                said = asked.error_output.text or asked.output.text
                raise ServerFailed(
                    f"the server {self._shown!r} was not ready after {timeout:g} s (the command "
                    f"that asks said: {said.strip()!r}); look at ready=, or raise "
                    f"timeout={self._said()}"
                )

    def _said(self) -> str:
        text = self.output.strip()[-_SHOWN:]
        return f"; it printed:\n{text}" if text else "; it printed nothing"


def start_server(
    guest: FileGuest,
    clock: Clock,
    launch: Launch,
    number: int,
    shown: str,
    alone: Callable[[str], contextlib.AbstractContextManager[None]],
) -> Server:
    """Start a program that runs on.

    Args:
        guest: the VM.
        clock: its clock.
        launch: the program.
        number: which server of the VM it is, from 1.
        shown: the program, as a message names it.
        alone: makes sure that nobody else asks the VM for something.

    Raises:
        ServerFailed: it cannot be started.
    """
    __tracebackhide__ = True
    output = _OUTPUT.format(number=number)
    guest.install(output, b"", 0o644, "root")
    argv: Sequence[str] = ("/bin/sh", "-c", _START, output, *launch.argv)
    try:
        process = guest.start(replace(launch, argv=tuple(argv)), clock.deadline(0))
    except NotStarted as refused:
        raise ServerFailed(f"{shown!r} cannot be started: {refused.text}") from None
    return Server(guest, clock, shown, process, output, alone)
