"""A script's launches, as facts."""

from __future__ import annotations

from dataclasses import dataclass

from . import explain
from .output import Output


@dataclass(frozen=True, slots=True)
class Attempt:
    """One launch of a script.

    Args:
        argv: what was executed.
        started: seconds of the VM's clock since the backup began.
        ended: the same, of its end.
        exit_status: None when a signal ended it, it was stopped, or it could not be started.
        signal: number of the signal that ended it, or None.
        timed_out: whether it reached its limit.
        launch_error: why it could not be started, or empty.
        launch_errno: the system's number for that, or 0.
        output: what it printed.
        error_output: what it printed as errors.
        waiting_in: the commands it waited for when it was stopped.
        stopped_processes: how many processes were killed with it.
        left_running: whether it reached its limit and ran on, beside all that came after it.
    """

    argv: tuple[str, ...]
    started: float
    ended: float
    exit_status: int | None = None
    signal: int | None = None
    timed_out: bool = False
    launch_error: str = ""
    launch_errno: int = 0
    output: Output = Output()
    error_output: Output = Output()
    waiting_in: tuple[str, ...] = ()
    stopped_processes: int = 0
    left_running: bool = False

    @property
    def stdout(self) -> str:
        """What it printed, as text."""
        return self.output.text

    @property
    def stderr(self) -> str:
        """What it printed as errors, as text."""
        return self.error_output.text

    @property
    def stdout_bytes(self) -> bytes:
        """What was kept of its output, raw."""
        return self.output.kept

    @property
    def stderr_bytes(self) -> bytes:
        """What was kept of its error output, raw."""
        return self.error_output.kept

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.exit_status == 0

    @property
    def ending(self) -> str:
        """How it ended, in a few words."""
        return explain.ending(self)


@dataclass(frozen=True, slots=True)
class ScriptRun:
    """All launches of one script. The last attempt's values can be read off it directly.

    Args:
        path: the script.
        params: its arguments, as configured.
        attempts: its last launches, at least one.
        dropped: how many launches before those were not kept.
        side_by_side: whether the launches were made at once, one for each config that the
            Pluginhost file names; what decided comes last.
        code: the extension's number for how it went, 0 for success; None where the extension
            failed before it had one.
    """

    path: str
    params: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    dropped: int = 0
    side_by_side: bool = False
    code: int | None = 0

    def __post_init__(self) -> None:
        if not self.attempts:
            raise ValueError("a run of a script has at least one attempt")

    @property
    def attempt_count(self) -> int:
        """How often the script was launched."""
        return self.dropped + len(self.attempts)

    @property
    def last(self) -> Attempt:
        """The attempt that decided."""
        return self.attempts[-1]

    @property
    def argv(self) -> tuple[str, ...]:
        """What the last attempt executed."""
        return self.last.argv

    @property
    def exit_status(self) -> int | None:
        """Exit status of the last attempt."""
        return self.last.exit_status

    @property
    def signal(self) -> int | None:
        """Signal that ended the last attempt."""
        return self.last.signal

    @property
    def timed_out(self) -> bool:
        """Whether the last attempt reached its limit."""
        return self.last.timed_out

    @property
    def left_running(self) -> bool:
        """Whether an attempt reached its limit and ran on, beside all that came after it."""
        return any(attempt.left_running for attempt in self.attempts)

    @property
    def launched(self) -> int:
        """How many processes were started."""
        failed = sum(1 for attempt in self.attempts if attempt.launch_error)
        return self.attempt_count - failed

    @property
    def launch_error(self) -> str:
        """Why the last attempt could not be started."""
        return self.last.launch_error

    @property
    def stdout(self) -> str:
        """Output of the last attempt."""
        return self.last.stdout

    @property
    def stderr(self) -> str:
        """Error output of the last attempt."""
        return self.last.stderr

    @property
    def stdout_bytes(self) -> bytes:
        """Output of the last attempt, raw."""
        return self.last.stdout_bytes

    @property
    def stderr_bytes(self) -> bytes:
        """Error output of the last attempt, raw."""
        return self.last.stderr_bytes

    @property
    def started(self) -> float:
        """When the last attempt started, in seconds since the backup began."""
        return self.last.started

    @property
    def ended(self) -> float:
        """When the last attempt ended, in seconds since the backup began."""
        return self.last.ended
