"""One backup and its parts, as facts: what happened, when, and what it amounts to."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import assertions, explain, serialise
from .catalogue import NamedError
from .output import Output


class Consistency(enum.Enum):
    """What a recovery point is worth."""

    APPLICATION = "application"
    FILE_SYSTEM = "file-system"
    CRASH = "crash"
    NONE = "none"


class Status(enum.Enum):
    """How Azure Backup reports the job."""

    COMPLETED = "completed"
    COMPLETED_WITH_WARNINGS = "completed with warnings"
    FAILED = "failed"


class Step(enum.Enum):
    """A step of the lifecycle."""

    PRECHECK = "precheck"
    PRE_SCRIPT = "pre-script"
    FREEZE = "freeze"
    SNAPSHOT = "snapshot"
    THAW = "thaw"
    POST_SCRIPT = "post-script"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Args:
        at: seconds of the VM's clock since the backup began.
        step: the step it belongs to.
        text: what happened.
    """

    at: float
    step: Step
    text: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One launch of a script.

    Args:
        argv: what was executed.
        started: seconds of the VM's clock since the backup began.
        ended: the same, of its end.
        exit_status: None when a signal ended it, it was stopped, or it could not be started.
        signal: number of the signal that ended it, or None.
        timed_out: whether it was stopped at its limit.
        launch_error: why it could not be started, or empty.
        output: what it printed.
        error_output: what it printed as errors.
        waiting_in: the commands it waited for when it was stopped.
        stopped_processes: how many processes were killed with it.
    """

    argv: tuple[str, ...]
    started: float
    ended: float
    exit_status: int | None = None
    signal: int | None = None
    timed_out: bool = False
    launch_error: str = ""
    output: Output = Output()
    error_output: Output = Output()
    waiting_in: tuple[str, ...] = ()
    stopped_processes: int = 0

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
    """

    path: str
    params: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    dropped: int = 0

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
        """Whether the last attempt was stopped at its limit."""
        return self.last.timed_out

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


class PointFiles(Protocol):
    """Access to the files of a recovery point."""

    def read_bytes(self, path: str) -> bytes:
        """Content of a file."""
        ...

    def exists(self, path: str) -> bool:
        """Whether something is there, links followed."""
        ...

    def walk(self, path: str) -> list[str]:
        """Every path below a directory."""
        ...


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """What a snapshot left: the VM's files as they were at that instant.

    The files can be read as long as the VM is open; the facts stay.

    Args:
        consistency: what it is worth.
        files: how many entries the VM's private layer had.
        size: bytes of content in it.
    """

    consistency: Consistency
    files: int
    size: int
    _source: PointFiles | None = field(default=None, compare=False, repr=False)

    def read_bytes(self, path: str) -> bytes:
        """Content of a file as it was.

        Args:
            path: absolute path on the VM.

        Raises:
            OSError: as for a local file.
            GuestDied: the VM has been closed.
        """
        return self._files().read_bytes(path)

    def read_text(self, path: str, encoding: str = "utf-8") -> str:
        """Content of a text file as it was."""
        return self.read_bytes(path).decode(encoding)

    def exists(self, path: str) -> bool:
        """Whether something was there, links followed."""
        return self._files().exists(path)

    def walk(self, path: str) -> Iterator[str]:
        """Every path below a directory, sorted; what the host shows there included."""
        yield from self._files().walk(path)

    def _files(self) -> PointFiles:
        from .errors import GuestDied

        if self._source is None:
            raise GuestDied(
                "this recovery point was loaded from JSON or another process and has no files; "
                "read them in the test that made the backup"
            )
        return self._source

    def __reduce__(self) -> tuple[Any, ...]:
        return RecoveryPoint, (self.consistency, self.files, self.size)


@dataclass(frozen=True, slots=True)
class Backup:
    """One run of the lifecycle, and its result.

    Args:
        number: the VM's first backup is 1.
        status: how Azure Backup reports the job.
        consistency: what the recovery point is worth.
        errors: the framework's named errors, in the order they occurred.
        decided_by: the rule that decided, as a sentence.
        pre: the pre-script's run, or None when it was not started.
        post: the post-script's run, or None when it was not started.
        recovery_point: what the snapshot left, or None.
        events: the timeline.
        duration: seconds on the VM's clock.
        real_duration: seconds of real time.
        rules: the rule set in effect.
        guest: the guest in effect.
        clock: the clock in effect.
        storage: the storage in effect.
        modelled: what was not done for real, each a sentence.
    """

    number: int
    status: Status
    consistency: Consistency
    errors: tuple[NamedError, ...]
    decided_by: str
    pre: ScriptRun | None
    post: ScriptRun | None
    recovery_point: RecoveryPoint | None
    events: tuple[Event, ...]
    duration: float
    real_duration: float
    rules: str
    guest: str
    clock: str
    storage: str
    modelled: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return explain.one_line(self)

    def explain(self) -> str:
        """The verdict, the rule that decided it, the remedy, the timeline and the output."""
        return explain.whole(self)

    def to_json(self) -> str:
        """All facts as JSON. The files of the recovery point are not among them."""
        return serialise.dump(self)

    @classmethod
    def from_json(cls, text: str) -> Backup:
        """The backup that ``to_json`` wrote.

        Raises:
            UsageError: the text is not one.
        """
        return serialise.load(cls, text)

    def assert_application_consistent(self) -> None:
        """Fail the test unless the recovery point is application-consistent."""
        __tracebackhide__ = True
        assertions.consistent(self, Consistency.APPLICATION)

    def assert_file_system_consistent(self) -> None:
        """Fail the test unless the recovery point is file-system-consistent, no better or worse."""
        __tracebackhide__ = True
        assertions.consistent(self, Consistency.FILE_SYSTEM)

    def assert_crash_consistent(self) -> None:
        """Fail the test unless the recovery point is crash-consistent, no better."""
        __tracebackhide__ = True
        assertions.consistent(self, Consistency.CRASH)

    def assert_failed(self) -> None:
        """Fail the test unless the backup failed."""
        __tracebackhide__ = True
        assertions.failed(self)

    def assert_error(self, name: str) -> None:
        """Fail the test unless the backup has the named error.

        Args:
            name: one of the framework's names, such as ``Pre-ScriptTimeout``.

        Raises:
            UsageError: the framework has no error of this name.
        """
        __tracebackhide__ = True
        assertions.error(self, name)
