"""One backup and its parts, as facts: what happened, when, and what it amounts to."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from . import assertions, explain, serialise
from .catalogue import NamedError
from .errors import GuestDied, UsageError
from .findings import Finding
from .script_run import ScriptRun

if TYPE_CHECKING:
    from .machine import VirtualMachine


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


class EventKind(enum.Enum):
    """What sort of thing happened."""

    STEP = "step"
    """Something of the lifecycle itself."""
    CALL = "call"
    """A call of a command double."""
    WAIT = "wait"
    """What a script waited for when it was stopped."""
    FAULT = "fault"
    """Something the test made go wrong."""
    TEST = "test"
    """Something the test did: a probe, or a callback."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Args:
        at: seconds of the VM's clock since the backup began.
        step: the step it belongs to.
        text: what happened.
        kind: what sort of thing that is.
        until: of a call, the same of its end; None while it lasts, and of all else.
    """

    at: float
    step: Step
    text: str
    kind: EventKind = EventKind.STEP
    until: float | None = None


class Note(Protocol):
    """Adds a line to the timeline of a backup, at the moment it has reached."""

    def __call__(self, text: str, kind: EventKind = EventKind.TEST) -> None:
        """Add a line."""
        ...


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


_NO_PROGRAMS = (
    "this recovery point cannot be booted: a VM in memory runs no programs; look at its files with "
    "read_text(), or use the fixture vm"
)

Answer = TypeVar("Answer", covariant=True)


class Witness(Protocol[Answer]):
    """What knows what an application must still have after a restore."""

    def check(self, backup: Backup) -> Answer:
        """Boot the recovery point of a backup and look."""
        ...


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """What a snapshot left: the VM's files as they were at that instant.

    The files can be read as long as the VM is open; the facts stay.

    Args:
        consistency: what it is worth.
        files: how many entries the VM's private layer had.
        size: bytes of content in it.
        lost: what was never synced and so is missing, a sentence for each file; the last one may
            say how many more there are.
        seed: ``crash_seed``, which decided what is; None where nothing could be lost.
    """

    consistency: Consistency
    files: int
    size: int
    lost: tuple[str, ...] = ()
    seed: int | None = None
    _source: PointFiles | None = field(default=None, compare=False, repr=False)
    _start: Callable[[PointFiles], Any] | None = field(default=None, compare=False, repr=False)
    _of: Callable[[], Any] | None = field(default=None, compare=False, repr=False)

    def boot(self) -> VirtualMachine:
        """A new VM whose disks are this recovery point.

        What the old VM had in memory is gone: processes, ``/run``, volumes of the type tmpfs. It is
        closed when the test ends that boots it; as a context manager, before. Several can be booted
        from one recovery point, as long as the VM that had it is open.

        Raises:
            GuestDied: the VM that had it has been closed.
            UsageError: this guest cannot boot: one in place, or in memory.
        """
        __tracebackhide__ = True
        source = self._files()
        if self._start is None:
            raise UsageError(_NO_PROGRAMS)
        machine: VirtualMachine = self._start(source)
        return machine

    def check(self, witness: Witness[Answer]) -> Answer:
        """Boot it, start the application there, and look what it still has.

        Args:
            witness: knows what it must have: an ``applications.Writer`` that wrote meanwhile.

        Returns:
            What the witness answers: whether the file systems were frozen, whether the application
            was at rest, and whether its data are complete.

        Raises:
            GuestDied: the VM that had it has been closed.
            UsageError: this guest cannot boot: one in place, or in memory.
        """
        __tracebackhide__ = True
        if self._of is None:
            self._files()
            raise UsageError(_NO_PROGRAMS)
        return witness.check(self._of())

    def of_vm(
        self, start: Callable[[PointFiles], VirtualMachine], backup: Callable[[], Backup]
    ) -> RecoveryPoint:
        """The same, and who boots it.

        Args:
            start: makes a VM of it.
            backup: gives the backup that made it.
        """
        return replace(self, _start=start, _of=backup)

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
        if self._source is None:
            raise GuestDied(
                "this recovery point was loaded from JSON or another process and has no files; "
                "read them in the test that made the backup"
            )
        return self._source

    def __reduce__(self) -> tuple[Any, ...]:
        return RecoveryPoint, (self.consistency, self.files, self.size, self.lost, self.seed)


@dataclass(frozen=True, slots=True)
class ExtensionReport:
    """What the backup extension reports, in its own numbers (docs/errors.md explains them).

    Args:
        precheck: code of the look at config and scripts, 0 for fine; None if it came not to that.
        status: ``success`` or ``error``.
        result: 0 application-consistent, 1 a success without, or what made it fail.
        error: the first error code that was set, or the result.
        consistency: what the recovery point is worth.
    """

    precheck: int | None
    status: str
    result: int
    error: int
    consistency: Consistency


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the other rule set would have decided otherwise.

    Args:
        rule: the rule that differs, by its name in ``RULES``.
        text: what differs and what follows from it, as a sentence.
    """

    rule: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Backup:
    """One run of the lifecycle, and its result.

    Args:
        number: the VM's first backup is 1.
        status: how Azure Backup reports the job.
        consistency: what the recovery point is worth.
        errors: the framework's named errors that Azure is told, in the order they occurred.
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
        extension: what the extension reports, in its own numbers.
        modelled: what was not done for real, each a sentence.
        frozen: where file systems were to be frozen, in this order; None where none were.
        snapshot_asked: whether it came to the snapshot, whatever became of that.
        snapshot_at: seconds of the VM's clock, since the VM was made, at which the snapshot was
            complete; None where there is none.
        unreported: errors that occurred and that Azure is not told.
        differences: where the other rule set would have decided otherwise.
        findings: what the scripts left behind, or missed, allowed or not.
        faults: what the test made go wrong, each a sentence.
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
    extension: ExtensionReport
    modelled: tuple[str, ...] = ()
    frozen: tuple[str, ...] | None = None
    snapshot_asked: bool = False
    snapshot_at: float | None = None
    unreported: tuple[NamedError, ...] = ()
    differences: tuple[Difference, ...] = ()
    findings: tuple[Finding, ...] = ()
    faults: tuple[str, ...] = ()

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
