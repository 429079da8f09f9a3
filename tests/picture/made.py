"""Records of tests as a page gets them, made by hand."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_vmsnapshot.backup import (
    Backup,
    Consistency,
    Event,
    EventKind,
    ExtensionReport,
    RecoveryPoint,
    Status,
    Step,
)
from pytest_vmsnapshot.catalogue import NamedError
from pytest_vmsnapshot.output import Output
from pytest_vmsnapshot.records import (
    BackupRecord,
    CoveredLines,
    FileText,
    TestOutcome,
    TestRecord,
)
from pytest_vmsnapshot.script_run import Attempt, ScriptRun


def call(
    at: float, until: float | None, text: str = "mysql → 0", step: Step = Step.PRE_SCRIPT
) -> Event:
    return Event(at, step, f"  {text}", EventKind.CALL, until)


def attempt(started: float, ended: float, exit_status: int | None = 0, **more: object) -> Attempt:
    return Attempt(("/opt/pre.sh",), started, ended, exit_status, **more)  # type: ignore[arg-type]


def run(*attempts: Attempt, path: str = "/opt/pre.sh") -> ScriptRun:
    return ScriptRun(path, (), attempts)


PRE = run(attempt(0.002, 0.010))
POST = run(attempt(0.015, 0.020), path="/opt/post.sh")
EVENTS = (
    Event(0.001, Step.PRECHECK, "ok"),
    Event(0.002, Step.PRE_SCRIPT, "/opt/pre.sh"),
    Event(0.010, Step.PRE_SCRIPT, "exit status 0"),
    Event(0.011, Step.FREEZE, "/data, / (simulated: every process is paused)"),
    Event(0.013, Step.SNAPSHOT, "7 files, 366 bytes in 1.5 ms"),
    Event(0.014, Step.THAW, "done"),
    Event(0.015, Step.POST_SCRIPT, "/opt/post.sh"),
    Event(0.020, Step.POST_SCRIPT, "exit status 0"),
)


def backup(
    *,
    number: int = 1,
    events: Sequence[Event] = EVENTS,
    pre: ScriptRun | None = PRE,
    post: ScriptRun | None = POST,
    consistency: Consistency = Consistency.APPLICATION,
    status: Status = Status.COMPLETED,
    errors: tuple[NamedError, ...] = (),
    duration: float = 0.021,
    rules: str = "documented",
    guest: str = "namespaces (root)",
    **more: object,
) -> Backup:
    return Backup(
        number=number,
        status=status,
        consistency=consistency,
        errors=errors,
        decided_by="both scripts succeeded",
        pre=pre,
        post=post,
        recovery_point=RecoveryPoint(consistency, 7, 366),
        events=tuple(events),
        duration=duration,
        real_duration=0.030,
        rules=rules,
        guest=guest,
        clock="virtual",
        storage="pause-and-copy",
        extension=ExtensionReport(0, "success", 0, 0, consistency),
        **more,  # type: ignore[arg-type]
    )


def record(
    *backups: Backup,
    test: str = "test_orders.py::test_good",
    outcome: TestOutcome = TestOutcome.PASSED,
    message: str = "",
    config: FileText | None = None,
    scripts: tuple[FileText, ...] = (),
    lines: tuple[CoveredLines, ...] = (),
) -> TestRecord:
    made = tuple(
        BackupRecord(1, one, config, scripts, lines=lines, shell="dash") for one in backups
    )
    return TestRecord(test, "test_orders.py", 7, outcome, message, 0.5, made)


def printing(text: str | bytes) -> Backup:
    """A backup whose pre-script prints something."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return backup(pre=run(attempt(0.002, 0.010, output=Output(data))))
