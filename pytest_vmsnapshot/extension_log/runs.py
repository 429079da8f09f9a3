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
from .kinds import PRECHECK_KINDS, SNAPSHOT_KINDS, Fact, Kind
from .reading import Message
from .status_report import Report, read_report

_LONGEST = timedelta(minutes=200)
"""Between two facts of one backup: 140 minutes are all it is given, and two scripts of half an
hour can come before that is looked at."""

_START, _PRECHECK, _PRE, _SNAPSHOT, _POST, _END = range(6)

_STAGES: Mapping[Kind, int] = MappingProxyType(
    {
        Kind.DISTRIBUTION: _START,
        Kind.HELPER_MISSING: _START,
        Kind.WORKLOAD: _START,
        **dict.fromkeys(PRECHECK_KINDS, _PRECHECK),
        **dict.fromkeys(SNAPSHOT_KINDS, _SNAPSHOT),
        Kind.EXTENSION_FAILED: _END,
    }
)
"""At which stage of a backup a fact is told; others can come at any time."""

_OF_THE_START = frozenset({Kind.ENABLED, Kind.TASK, Kind.DAEMON, Kind.DISTRIBUTION})

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
        return bool(self.reports)

    @property
    def has_just_started(self) -> bool:
        """Whether nothing but its start is told."""
        return not self.is_over and all(fact.kind in _OF_THE_START for fact in self.facts)

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
            return False
        if fact.kind in _SCRIPT_FACTS and fact.step is not None:
            return self._takes_script(fact.kind, fact.step)
        return _stage_of(fact, self._stage) >= self._stage

    def expects(self, fact: Fact) -> bool:
        """Whether a fact that can come next is what normally comes next.

        Args:
            fact: the fact.
        """
        stage = _stage_of(fact)
        if fact.kind is Kind.REPORT:
            return not self.is_over and self.may_end
        if stage <= _PRECHECK or self._stage >= stage:
            return True
        if stage == _PRE:
            return self._stage == _PRECHECK
        without = any(fact.kind in (Kind.NO_SCRIPTS, Kind.WORKLOAD) for fact in self.facts)
        return without or self._stage >= _PRE

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
        if fact.step is not None and fact.kind in _SCRIPT_FACTS:
            change = (fact.kind is Kind.STARTED) - (fact.kind in _ENDINGS)
            self._running[fact.step] = self._running.get(fact.step, 0) + change
            if fact.kind is Kind.FINISHED:
                self._done.add(fact.step)
        self._stage = max(self._stage, _stage_of(fact, self._stage))

    def is_far_from(self, time: datetime | None) -> bool:
        """Whether so much time lies between its last fact and a moment that it must be another."""
        last = next((found for f in reversed(self.facts) if (found := _moment(f.message))), None)
        return time is not None and last is not None and not -_LONGEST < time - last < _LONGEST


def _stage_of(fact: Fact, otherwise: int = _START) -> int:
    """The stage at which a fact is told.

    Args:
        fact: the fact.
        otherwise: where it can be told at any time.
    """
    if fact.step is not None and fact.kind in _SCRIPT_FACTS:
        return _PRE if fact.step is Step.PRE_SCRIPT else _POST
    return _STAGES.get(fact.kind, otherwise)


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
    grouping = _Grouping()
    for fact in facts:
        grouping.take(fact)
    return Grouped(tuple(grouping.runs), grouping.repeated)


class _Grouping:
    """Takes the facts of a log, in order.

    Attributes:
        runs: the backups so far.
        repeated: how many times a backup was asked for that had been taken already.
    """

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.repeated = 0
        self._starts: list[list[Fact]] = []
        """What the agent said at each start that no backup has followed yet."""
        self._label = ""

    def take(self, fact: Fact) -> None:
        """Take a fact."""
        match fact.kind:
            case Kind.NOTHING:
                pass
            case Kind.ENABLED | Kind.TASK | Kind.SAME_AGAIN:
                self._take_start(fact)
            case Kind.DAEMON if self._starts or self._started is None:
                self._begin(fact, None, starts=True)
            case Kind.DAEMON:
                pass  # some versions say so twice
            case Kind.REPORT_LABEL:
                self._label = fact.value
            case Kind.REPORT:
                report = read_report(fact.value, to_file=self._label != "blob")
                if report is not None and report.is_final:  # else it is a sign of life
                    self._place(fact, report)
            case _:
                self._place(fact, None)

    @property
    def _started(self) -> Run | None:
        """The newest backup, if nothing but its start is told yet."""
        return self.runs[-1] if self.runs and self.runs[-1].has_just_started else None

    def _take_start(self, fact: Fact) -> None:
        started = None if self._starts else self._started
        if started is not None and fact.kind is Kind.TASK:
            started.add(fact, None)
            return
        if started is not None and fact.kind is Kind.SAME_AGAIN:
            self.runs.pop()
            self.repeated += 1
            return
        if fact.kind is Kind.ENABLED or not self._starts:
            self._starts.append([])
        if fact.kind is Kind.SAME_AGAIN:
            self._starts.pop()
            self.repeated += 1
        else:
            self._starts[-1].append(fact)

    def _begin(self, fact: Fact, report: Report | None, *, starts: bool) -> None:
        before = self._starts[-1] if self._starts else []
        self._starts.clear()
        self.runs.append(Run(starts=starts or bool(before), facts=list(before)))
        self.runs[-1].add(fact, report)

    def _place(self, fact: Fact, report: Report | None) -> None:
        """Give a fact to the backup it belongs to; to one that is new where it fits none."""
        time = _moment(fact.message)
        recent = [run for run in reversed(self.runs[-4:]) if not run.is_far_from(time)]
        able = [run for run in recent if run.takes(fact, report)]
        able.sort(key=lambda run: not run.expects(fact))
        if not able:
            self._begin(fact, report, starts=False)
            return
        if able[0] is not self.runs[-1]:
            able[0].is_mixed = self.runs[-1].is_mixed = True
        able[0].add(fact, report)


def _moment(message: Message) -> datetime | None:
    try:
        return datetime.fromisoformat(message.time) if message.time else None
    except ValueError:
        return None
