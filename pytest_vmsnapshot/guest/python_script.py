"""A script that is a Python function: what it is given, how it may end, and how it is run."""

from __future__ import annotations

import contextlib
import inspect
import io
import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from ..clock import MemoryClock
from ..errors import HarnessError, UsageError
from ..output import Capture
from ..protocols import Execution, Launch

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_MOST_SIGNAL = 64
"""Highest signal number of Linux (signal(7))."""


@dataclass(frozen=True, slots=True)
class ScriptExit:
    """How a script ends, for more than an exit status.

    Args:
        status: exit status; as for a real process only its lowest eight bits count, so 300 is 44.
        signal: number of the signal that killed it, such as ``signal.SIGKILL``; without a status.
        stdout: written to its standard output before it ends.
        stderr: written to its standard error before it ends.

    Raises:
        UsageError: no process can end like this; all mistakes are named.
    """

    status: int = 0
    signal: int | None = None
    stdout: str | bytes = ""
    stderr: str | bytes = ""

    def __post_init__(self) -> None:
        mistakes = []
        if isinstance(self.status, bool) or not isinstance(self.status, int):
            mistakes.append(f"ScriptExit: status is {self.status!r}; write a whole number")
        if self.signal is not None:
            if isinstance(self.signal, bool) or not isinstance(self.signal, int):
                mistakes.append(
                    f"ScriptExit: signal is {self.signal!r}; write a number, such as 9 or "
                    "signal.SIGKILL"
                )
            elif not 1 <= self.signal <= _MOST_SIGNAL:
                mistakes.append(
                    f"ScriptExit: signal is {self.signal}; Linux has signals 1 to {_MOST_SIGNAL}"
                )
            if self.status:
                mistakes.append(
                    "ScriptExit has a status and a signal; a process ends with one of them"
                )
        for name in ("stdout", "stderr"):
            value = getattr(self, name)
            if not isinstance(value, str | bytes):
                mistakes.append(f"ScriptExit: {name} is {value!r}; write text or bytes")
        if mistakes:
            raise UsageError(mistakes)


class ScriptStopped(BaseException):
    """Ends a script at its limit. No ``except Exception`` of the script catches it."""


class _Process:
    """A script while it runs.

    Args:
        launch: how the framework starts it.
        clock: the VM's clock.
        deadline: second of that clock at which it is stopped, or None.
        capacity: bytes it can print to a stream before it must wait for a reader that never
            comes; None where somebody reads.
    """

    def __init__(
        self,
        launch: Launch,
        clock: MemoryClock,
        deadline: float | None,
        capacity: int | None = None,
    ) -> None:
        self.launch = launch
        self.clock = clock
        self.captures = (Capture(), Capture())
        self.stdout, self.stderr = (self._stream(name, capacity) for name in ("stdout", "stderr"))
        self.ended = False
        self.stopped_in = ""
        """What it did when its limit was reached; empty as long as it has not been."""
        self._deadline = deadline

    def _stream(self, name: str, capacity: int | None) -> TextIO:
        capture = self.captures[name == "stderr"]
        pipe = _Pipe(capture, capacity, lambda: self._wait_for_reader(name))
        return io.TextIOWrapper(
            pipe, encoding="utf-8", errors="backslashreplace", newline="", write_through=True
        )

    def _wait_for_reader(self, name: str) -> None:
        """A pipe is full: wait for ever, which is until the limit."""
        self.stopped_in = f"print to {name}, which is full"
        self.sleep(math.inf)

    def sleep(self, seconds: float) -> None:
        """Let time pass, to the deadline at most.

        Raises:
            ScriptStopped: the deadline is reached.
        """
        wake = self.clock.now() + seconds
        if self._deadline is None or wake < self._deadline:
            self.clock.advance_to(wake)
            return
        self.clock.advance_to(self._deadline)
        self.stopped_in = self.stopped_in or f"context.sleep({seconds:g})"
        raise ScriptStopped


class ScriptContext:
    """What a script on a VM in memory is given. Only the harness makes one."""

    def __init__(self, process: _Process) -> None:
        self._process = process

    def __repr__(self) -> str:
        return f"<ScriptContext {self.path}, attempt {self.attempt}, {self.now:g} s>"

    @property
    def path(self) -> str:
        """Where the script lies on the VM, as the config says it."""
        return self._process.launch.script

    @property
    def params(self) -> tuple[str, ...]:
        """Its arguments, from the config."""
        return self._process.launch.params

    @property
    def env(self) -> Mapping[str, str]:
        """The whole environment the framework gives a script; ``os.environ`` is the test's."""
        return self._process.launch.env

    @property
    def cwd(self) -> str:
        """The directory it starts in; ``os.getcwd()`` says the same while it runs."""
        return self._process.launch.cwd

    @property
    def attempt(self) -> int:
        """Which launch of the script this is: 1, and more where it is tried again."""
        return self._process.launch.attempt

    @property
    def now(self) -> float:
        """Seconds of the VM's clock since the VM was made."""
        return self._process.clock.now()

    @property
    def stdout(self) -> TextIO:
        """Its standard output; bytes can be written to ``stdout.buffer``."""
        return self._process.stdout

    @property
    def stderr(self) -> TextIO:
        """Its standard error; bytes can be written to ``stderr.buffer``."""
        return self._process.stderr

    def print(self, *values: object, sep: str = " ", end: str = "\n") -> None:
        """Print to the script's standard output, like ``print``."""
        print(*values, sep=sep, end=end, file=self.stdout)

    def error(self, *values: object, sep: str = " ", end: str = "\n") -> None:
        """Print to the script's standard error, like ``print``."""
        print(*values, sep=sep, end=end, file=self.stderr)

    def sleep(self, seconds: float) -> None:
        """Let time pass on the VM's clock; no real time passes.

        When the script's limit is reached it is stopped here, at exactly its limit.

        Args:
            seconds: how long; ``float("inf")`` is for ever.

        Raises:
            UsageError: the number is not one a process can sleep, or the script has ended.
        """
        number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not number or not seconds >= 0:
            raise UsageError(f"context.sleep({seconds!r}): write a number of seconds from 0 up")
        if self._process.ended:
            raise UsageError(
                f"context.sleep({seconds:g}) was called after the script {self.path} had "
                "ended; a script in memory has no processes that go on without it"
            )
        self._process.sleep(seconds)


PythonScript = Callable[[ScriptContext], int | ScriptExit | None]
"""A script of a VM in memory. It returns its exit status; None is 0."""


def run(
    script: PythonScript,
    launch: Launch,
    clock: MemoryClock,
    deadline: float | None,
    pass_through: tuple[type[BaseException], ...],
    capacity: int | None = None,
) -> Execution:
    """Run a script until it ends or is stopped at its deadline.

    An exception of it is exit status 1 with the traceback on its standard error, as for a script
    run by Python, and ``sys.exit`` works. An ``AssertionError`` is the test's, not the script's:
    it passes through, as does whatever is no ``Exception`` (Ctrl-C, ``pytest.fail``) and every
    mistake in using the harness.

    Args:
        script: the function.
        launch: how the framework starts it.
        clock: the VM's clock.
        deadline: second of that clock at which it is stopped, or None.
        pass_through: exceptions that are no outcome of the script either.
        capacity: bytes it can print to a stream before it waits for ever; None for any number.

    Raises:
        UsageError: it returned what is no exit status.
    """
    started = clock.now()
    process = _Process(launch, clock, deadline, capacity)
    output, error_output = process.captures
    exited = ScriptExit()
    try:
        with (
            contextlib.redirect_stdout(process.stdout),
            contextlib.redirect_stderr(process.stderr),
        ):
            exited = _exit_of(launch.script, script(ScriptContext(process)))
    except ScriptStopped:
        if not process.stopped_in:
            raise
    except SystemExit as leaving:
        exited = _exit_of_system_exit(leaving.code)
    except Exception as error:
        if isinstance(error, (AssertionError, HarnessError, *pass_through)):
            raise
        trace = error.__traceback__ and error.__traceback__.tb_next
        exited = ScriptExit(
            1, stderr="".join(traceback.format_exception(error.with_traceback(trace)))
        )
    finally:
        process.ended = True
    output.add(_bytes(exited.stdout))
    error_output.add(_bytes(exited.stderr))
    stopped = process.stopped_in
    return Execution(
        started,
        clock.now(),
        exit_status=exited.status & 0xFF if not stopped and exited.signal is None else None,
        signal=None if stopped else exited.signal,
        timed_out=bool(stopped),
        output=output.output(),
        error_output=error_output.output(),
        waiting_in=(stopped,) if stopped else (),
        stopped_processes=1 if stopped else 0,
    )


def _exit_of(path: str, result: object) -> ScriptExit:
    if result is None:
        return ScriptExit()
    if isinstance(result, ScriptExit):
        return result
    if isinstance(result, int) and not isinstance(result, bool):
        return ScriptExit(result)
    if inspect.iscoroutine(result):
        result.close()
    raise UsageError(
        f"the script {path} returned {result!r}; return an exit status such as 0 or 1, "
        "None for 0, or a ScriptExit"
    )


def _exit_of_system_exit(code: object) -> ScriptExit:
    """What ``sys.exit`` makes of its argument: a status, or a text for standard error and 1."""
    if code is None:
        return ScriptExit()
    if isinstance(code, int):
        return ScriptExit(int(code))
    return ScriptExit(1, stderr=f"{code}\n")


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace")


class _Pipe(io.BufferedIOBase):
    """The writing end of a pipe; what it takes goes into bounded memory."""

    name = "pipe"

    def __init__(
        self, capture: Capture, capacity: int | None, wait_for_reader: Callable[[], None]
    ) -> None:
        self._capture = capture
        self._room = capacity
        self._wait_for_reader = wait_for_reader

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        content = bytes(data)
        fits = content if self._room is None else content[: self._room]
        self._capture.add(fits)
        if self._room is not None:
            self._room -= len(fits)
            if len(fits) < len(content):
                self._wait_for_reader()
        return len(content)
