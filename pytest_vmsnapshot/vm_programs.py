"""The programs of a VM: commands a test runs, servers it starts, and time that passes."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from . import completed
from .command import RUN_LIMIT, Command
from .completed import Completed
from .engine.lifecycle import Bench
from .errors import UsageError
from .explain import command as in_words
from .explain import printable
from .protocols import Execution
from .servers import Server, start_server
from .vm_findings import VmFindings
from .vm_path import FileGuest


class VmPrograms(VmFindings):
    """The programs of a VM.

    Args:
        guest: where they run.
        bench: what backups are made with.
        bases: local directories against which relative paths are looked up, in order.
        allow: names of findings that are not told.
    """

    def __init__(
        self, guest: FileGuest, bench: Bench, bases: Sequence[Path], allow: Sequence[str]
    ) -> None:
        super().__init__(guest, bases, allow)
        self._programs = guest
        self._bench = bench
        self._servers: list[Server] = []
        self._busy = threading.Lock()

    def run(
        self,
        command: str | Sequence[str],
        *,
        timeout: float = RUN_LIMIT,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        stdin: str | bytes = b"",
        check: bool = False,
        clock: str = "vm",
    ) -> Completed:
        """Run a command on the VM as root.

        Args:
            command: a shell command, or an argv as a sequence.
            timeout: seconds after which it is killed with all it started.
            env: variables added to the environment the scripts have.
            cwd: working directory.
            stdin: what it reads.
            check: whether a failure raises.
            clock: ``vm``, or ``real`` for the machine's own: for a server that shall not notice
                skipped time. Time is not skipped while somebody waits for it.

        Raises:
            CommandTimeout: it did not end in time.
            CommandFailed: it failed, and ``check`` is true.
            UsageError: the command could not be started, or an argument cannot be meant.
        """
        __tracebackhide__ = True
        asked = Command(command, env or {}, cwd, stdin, clock)
        launch = asked.launch(self._bench.vm.agent)
        with self._alone("a command"):
            execution = self._programs.execute(launch, self._bench.clock.deadline(timeout))
        return completed.outcome(launch.argv, execution, timeout, check=check)

    def start(
        self,
        command: str | Sequence[str],
        *,
        ready: str | Sequence[str] | None = None,
        timeout: float = RUN_LIMIT,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        clock: str = "vm",
    ) -> Server:
        """Start a program that runs on until it is stopped, or the VM is closed: a server.

        Args:
            command: a shell command, or an argv as a sequence. It must not put itself into the
                background.
            ready: a command that succeeds once it serves; it is asked again until then.
            timeout: seconds of the VM's clock in which it must be ready.
            env: variables added to the environment the scripts have.
            cwd: working directory.
            clock: ``vm``, or ``real``, as for ``run``.

        Raises:
            ServerFailed: it ended, or was not ready in time; says what it printed.
            UsageError: an argument cannot be meant.
        """
        __tracebackhide__ = True
        surroundings = env or {}
        launch = Command(command, surroundings, cwd, b"", clock).launch(self._bench.vm.agent)
        asking = None
        if ready is not None:
            asking = Command(ready, surroundings, cwd, b"", clock).launch(self._bench.vm.agent)
        shown = printable(command) if isinstance(command, str) else in_words(tuple(command))
        bench, number = self._bench, len(self._servers) + 1
        with self._alone("a server"):
            server = start_server(self._programs, bench.clock, launch, number, shown, self._alone)
            self._servers.append(server)
            if asking is not None:
                question = asking

                def ask() -> Execution:
                    limit = bench.clock.deadline(timeout)
                    return self._programs.execute(question, limit)

                server.wait_until_ready(ask, timeout)
        return server

    def wait(self, seconds: float) -> None:
        """Let time pass on the VM; what runs there runs on.

        Args:
            seconds: of the VM's clock. A virtual clock skips those in which all sleep.

        Raises:
            UsageError: seconds is not a number from 0 up.
        """
        __tracebackhide__ = True
        if not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
            raise UsageError([f"seconds is {seconds!r}; write a number from 0 up"])
        with self._alone("a wait"):
            self._bench.clock.run_until(self._bench.clock.deadline(seconds))

    @contextlib.contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        __tracebackhide__ = True
        if not self._busy.acquire(blocking=False):
            raise UsageError(
                [
                    f"{what} was asked for while another call to this VM is running; wait for "
                    "that one, or make a second VM with vm_factory()"
                ]
            )
        try:
            yield
        finally:
            self._busy.release()
