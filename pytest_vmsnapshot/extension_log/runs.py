"""Which facts of a log belong to the same backup.

Lines carry no process id. What begins a backup is known, and in which order things happen; a fact
that cannot come next in the newest backup belongs to an older one that is not over, or to one whose
beginning is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from ..backup import Step
from .kinds import Fact, Kind
from .reading import Message
from .status_report import Report, read_report

_LONGEST = timedelta(minutes=200)
"""Between two facts of one backup: 140 minutes are all it is given, and two scripts of half an
hour can come before that is looked at."""

_START, _PRECHECK, _PRE, _SNAPSHOT, _POST, _END = range(6)

_BEFORE_DAEMON = frozenset({Kind.ENABLED, Kind.TASK, Kind.SAME_AGAIN})

_STAGES: Mapping[Kind, int] = MappingProxyType(
    {
        Kind.HELPER_MISSING: _START,
        Kind.WORKLOAD: _START,
        **dict.fromkeys(
            (
                kind
                for kind in Kind
                if kind.name.startswith(("HOST_", "CONFIG", "PLUGIN", "PRECHECK", "MODE"))
                or kind.name in ("SETTINGS", "SCRIPTS_COUNT", "NO_SCRIPTS")
                or kind.name.startswith(("SCRIPT_",))
            ),
            _PRECHECK,
        ),
        **dict.fromkeys(
            (
                kind
                for kind in Kind
                if kind.name.startswith(("FREEZE", "MOUNT", "SNAPSHOT", "THAW", "NOT_"))
                or kind.name.endswith(("_FAILED", "_ANSWER"))
                or kind in (Kind.FROZEN, Kind.LOCK_HELD, Kind.SLEEP_UNABLE)
            ),
            _SNAPSHOT,
        ),
        Kind.EXTENSION_FAILED: _END,
    }
)
"""At which stage of a backup a fact is told; others can come at any time."""

_SCRIPT_FACTS = frozenset(
    {Kind.STARTED, Kind.TIMED_OUT, Kind.RETRIED, Kind.FAILED, Kind.SUCCEEDED, Kind.FINISHED}
)
_EARLY_ENDS = frozenset({Kind.HELPER_MISSING, Kind.TOO_LATE, Kind.NO_SCRIPTS})
_ENDINGS = frozenset({Kind.TIMED_OUT, Kind.FAILED, Kind.SUCCEEDED})


@dataclass(slots=True)
class Run:
    """The facts of one backup.

    Args:
        starts: whether the log has its start.
    """

    starts: bool = True
    facts: list[Fact] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    is_mixed: bool = False
    _stage: int = _START
    _running: dict[Step, int] = field(default_factory=dict)
    _done: set[Step] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        """Whether it has said its last word."""
        return any(report.is_final for report in self.reports)

    @property
    def may_end(self) -> bool:
        """Whether it has come so far that its last word can follow."""
        return self._stage >= _SNAPSHOT or any(fact.kind in _EARLY_ENDS for fact in self.facts)

    def takes(self, fact: Fact, report: Report | None) -> bool:
        """Whether a fact can come next.

        Args:
            fact: the fact.
            report: what it holds, where it is a report.
        """
        if report is not None:
            own = next((f.value for f in self.facts if f.kind is Kind.TASK), report.task)
            return not report.task or own.lower() == report.task.lower()
        if self.is_over:
            return fact.kind is Kind.REPORT_LABEL
        if fact.kind in _SCRIPT_FACTS and fact.step is not None:
            return self._takes_script(fact.kind, fact.step)
        return _STAGES.get(fact.kind, self._stage) >= self._stage

    def _takes_script(self, kind: Kind, step: Step) -> bool:
        stage = _PRE if step is Step.PRE_SCRIPT else _POST
        if self._stage > stage or (kind is Kind.STARTED and step in self._done):
            return False
        if kind in _ENDINGS or kind is Kind.RETRIED:
            return self._running.get(step, 0) > 0 or not self.starts
        return True

    def add(self, fact: Fact, report: Report | None) -> None:
        """Take a fact."""
        self.facts.append(fact)
        if report is not None:
            self.reports.append(report)
        stage = _STAGES.get(fact.kind, self._stage)
        if fact.step is not None and fact.kind in _SCRIPT_FACTS:
            stage = _PRE if fact.step is Step.PRE_SCRIPT else _POST
            change = (fact.kind is Kind.STARTED) - (fact.kind in _ENDINGS)
            self._running[fact.step] = self._running.get(fact.step, 0) + change
            if fact.kind is Kind.FINISHED:
                self._done.add(fact.step)
        self._stage = max(self._stage, stage)

    def is_far_from(self, time: datetime | None) -> bool:
        """Whether so much time lies between its last fact and a moment that it must be another."""
        last = next((found for f in reversed(self.facts) if (found := _moment(f.message))), None)
        return time is not None and last is not None and not -_LONGEST < time - last < _LONGEST


@dataclass(frozen=True, slots=True)
class Grouped:
    """The backups of a log.

    Args:
        runs: the backups.
        repeated: how many times the agent asked for a backup that was taken already.
    """

    runs: tuple[Run, ...]
    repeated: int = 0


def group(facts: Iterable[Fact]) -> Grouped:
    """Find out which facts belong to the same backup.

    Args:
        facts: all facts of a log, in order.
    """
    runs: list[Run] = []
    pending: list[Fact] = []
    repeated = 0
    for fact in facts:
        if fact.kind is Kind.ENABLED:
            pending = [fact]
        elif fact.kind is Kind.SAME_AGAIN:
            pending = []
            repeated += 1
        elif fact.kind in _BEFORE_DAEMON:
            pending.append(fact)
        elif fact.kind is Kind.DAEMON:
            runs.append(Run(facts=[*pending, fact]))
            pending = []
        elif _place(fact, runs, pending):
            pending = []
    return Grouped(tuple(run for run in runs if run.facts), repeated)


def _place(fact: Fact, runs: list[Run], pending: list[Fact]) -> bool:
    """Give a fact to the backup it belongs to; to one that is new where it fits none.

    Args:
        fact: the fact.
        runs: the backups so far; one may be added.
        pending: what the agent said last, and no backup has followed yet.

    Returns:
        Whether that went into a new backup.
    """
    time = _moment(fact.message)
    recent = [run for run in reversed(runs[-4:]) if not run.is_far_from(time)]
    able = [run for run in recent if run.takes(fact, _report_of(fact, run))]
    report = _report_of(fact, runs[-1]) if runs else None
    if report is not None:
        able.sort(key=lambda run: run.is_over or not run.may_end)
    if not able:
        if fact.kind in (Kind.NOTHING, Kind.REPORT_LABEL):
            return False
        alone = read_report(fact.value, to_file=True) if fact.kind is Kind.REPORT else None
        if alone is not None and not alone.is_final:
            return False  # a sign of life before the backup
        runs.append(Run(starts=bool(pending), facts=list(pending)))
        runs[-1].add(fact, _report_of(fact, runs[-1]))
        return True
    run = able[0]
    if run is not runs[-1] and fact.kind not in (Kind.REPORT_LABEL, Kind.NOTHING):
        run.is_mixed = runs[-1].is_mixed = True
    run.add(fact, _report_of(fact, run))
    return False


def _report_of(fact: Fact, run: Run) -> Report | None:
    if fact.kind is not Kind.REPORT:
        return None
    label = next((f.value for f in reversed(run.facts) if f.kind is Kind.REPORT_LABEL), "file")
    return read_report(fact.value, to_file=label != "blob")


def _moment(message: Message) -> datetime | None:
    try:
        return datetime.fromisoformat(message.time) if message.time else None
    except ValueError:
        return None
