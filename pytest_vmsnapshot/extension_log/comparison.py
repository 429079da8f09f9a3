"""Whether what happened on a VM of the harness is what a log tells of another one."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..backup import Backup
from ..script_run import Attempt, ScriptRun
from .backups import Ending, FreezeEnding, LoggedBackup, LoggedScript, SnapshotEnding

_GIVEN_UP = (310, 311)


class Outcome(enum.Enum):
    """What became of a reproduction."""

    REPRODUCED = "reproduced"
    AS_FAR_AS_TOLD = "reproduced as far as the log goes"
    NOT_REPRODUCED = "not reproduced"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Compared:
    """One field of both backups.

    Args:
        field: its name.
        logged: what the log says; empty where it does not.
        here: what happened on the VM.
    """

    field: str
    logged: str
    here: str

    @property
    def agrees(self) -> bool:
        """Whether both are the same; what the log does not say contradicts nothing."""
        return not self.logged or self.logged == self.here


def compare(logged: LoggedBackup, backup: Backup) -> tuple[Compared, ...]:
    """Compare every field.

    Args:
        logged: what the log says.
        backup: what happened on the VM.
    """
    report, here = logged.report, backup.extension
    consistency = logged.consistency
    rows = (
        ("status", report.true_status if report else None, here.status),
        ("result", report.code if report else None, here.result),
        ("error", report.error if report else None, here.error),
        ("consistency", consistency.value if consistency else None, here.consistency.value),
        ("precheck", logged.precheck, here.precheck),
        ("pre-script", _runs(logged, logged.pre), _here(backup.pre)),
        ("post-script", _runs(logged, logged.post), _here(backup.post)),
        ("frozen", _frozen(logged), _places(backup.frozen)),
        ("snapshot", _snapshot(logged), "asked for" if backup.snapshot_asked else "not asked for"),
    )
    return tuple(
        Compared(name, "" if told is None else str(told), str(found)) for name, told, found in rows
    )


def outcome(logged: LoggedBackup, fields: Sequence[Compared]) -> Outcome:
    """What the comparison amounts to.

    Args:
        logged: what the log says.
        fields: the comparison.
    """
    if not all(field.agrees for field in fields):
        return Outcome.NOT_REPRODUCED
    if logged.report is None or not logged.stretch.starts:
        return Outcome.AS_FAR_AS_TOLD
    return Outcome.REPRODUCED


def _runs(logged: LoggedBackup, runs: Sequence[LoggedScript]) -> str | None:
    """The runs of a script, in words; None where the log does not say."""
    if not runs:
        is_whole = logged.stretch.starts and logged.report is not None
        return "not run" if is_whole and not logged.stretch.is_mixed else None
    if any(run.ending is Ending.NOT_TOLD for run in runs):
        return None
    return ", ".join(sorted(str(run) for run in runs))


def _here(run: ScriptRun | None) -> str:
    if run is None:
        return "not run"
    return ", ".join(sorted(_words(attempt, run.code) for attempt in run.attempts))


def _words(attempt: Attempt, code: int | None) -> str:
    if attempt.timed_out:
        is_given_up = bool(attempt.launch_error) or code in _GIVEN_UP
        return str(LoggedScript(Ending.GIVEN_UP if is_given_up else Ending.TIMED_OUT))
    if attempt.signal is not None:
        return str(LoggedScript(Ending.FAILED, signal=attempt.signal))
    return str(LoggedScript(Ending.FAILED, attempt.exit_status))


def _frozen(logged: LoggedBackup) -> str | None:
    if logged.freeze.ending is FreezeEnding.NOT_ASKED:
        return _places(None) if logged.stretch.starts and logged.report is not None else None
    return None if logged.freeze.order is None else _places(logged.freeze.order)


def _places(places: Sequence[str] | None) -> str:
    if places is None:
        return "nothing"
    return ", ".join(places) or "no mount"


def _snapshot(logged: LoggedBackup) -> str | None:
    if logged.snapshot is SnapshotEnding.NOT_TOLD:
        return None
    if logged.snapshot is SnapshotEnding.NOT_ASKED:
        is_whole = logged.stretch.starts and logged.report is not None
        return "not asked for" if is_whole else None
    return "asked for"


def differing(fields: Sequence[Compared]) -> Iterator[Compared]:
    """The fields that differ.

    Args:
        fields: the comparison.
    """
    return (field for field in fields if not field.agrees)
