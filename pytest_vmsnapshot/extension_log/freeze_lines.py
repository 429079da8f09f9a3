"""What a log says of freeze and snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from .backups import FreezeEnding, LoggedFreeze, LoggedPlugin, SnapshotEnding
from .kinds import Fact, Kind
from .python_values import read_value
from .status_report import Report

_ENDINGS: Mapping[Kind, FreezeEnding] = MappingProxyType(
    {
        Kind.LOCK_HELD: FreezeEnding.LOCK_HELD,
        Kind.NOT_OPENED: FreezeEnding.NOT_OPENED,
        Kind.FREEZE_TIMED_OUT: FreezeEnding.TIMED_OUT,
        Kind.NOT_FROZEN: FreezeEnding.FAILED,
        Kind.FREEZE_FAILED: FreezeEnding.FAILED,
        Kind.SLEEP_UNABLE: FreezeEnding.SLEEP_UNABLE,
        Kind.NOT_THAWED: FreezeEnding.THAW_FAILED,
        Kind.THAW_FAILED: FreezeEnding.THAW_FAILED,
        Kind.THAWED_EARLY: FreezeEnding.THAWED_EARLY,
    }
)
"""What a fact makes of the freeze; the first row that occurred counts."""

_BY_CODE: Mapping[int, FreezeEnding] = MappingProxyType(
    {
        121: FreezeEnding.FAILED,
        122: FreezeEnding.TIMED_OUT,
        123: FreezeEnding.NOT_OPENED,
        2: FreezeEnding.NOT_TOLD,
    }
)
"""What the final code says of a freeze of which the log says nothing."""

_BAD = frozenset(
    {
        FreezeEnding.FAILED,
        FreezeEnding.LOCK_HELD,
        FreezeEnding.TIMED_OUT,
        FreezeEnding.NOT_OPENED,
    }
)

_SNAPSHOT_KINDS = frozenset(
    {
        Kind.SNAPSHOT,
        Kind.FREEZE,
        Kind.FREEZE_ORDER,
        Kind.FREEZE_SKIPPED,
        Kind.DISK_ANSWER,
        Kind.HELPER_ANSWER,
        Kind.ALL_DISKS_FAILED,
        Kind.SOME_DISKS_FAILED,
    }
)
"""What is only said once freeze and snapshot have begun."""

_FAILED_MOUNTS = (Kind.NOT_OPENED, Kind.NOT_FROZEN, Kind.NOT_THAWED)


class FreezeLines:
    """Takes the facts about freeze and snapshot, in order.

    Args:
        is_complete: whether the log has all that came before, so that silence means something.
    """

    def __init__(self, *, is_complete: bool) -> None:
        self._facts: dict[Kind, list[Fact]] = {}
        self._is_complete = is_complete

    def take(self, fact: Fact) -> None:
        """Take a fact; one that is about something else does not matter."""
        self._facts.setdefault(fact.kind, []).append(fact)

    def freeze(
        self, plugins: Sequence[LoggedPlugin], precheck: int | None, report: Report | None
    ) -> LoggedFreeze:
        """What became of the freeze.

        Args:
            plugins: the configs, which may leave it out.
            precheck: the code of the precheck.
            report: the final status, or None.
        """
        ending = self._ending(plugins, precheck, report)
        order = self._order() if ending is not FreezeEnding.NOT_ASKED else None
        return LoggedFreeze(
            ending,
            order,
            self._mounts(Kind.MOUNT_SEEN),
            self._mounts(Kind.MOUNT_SKIPPED),
            self._mounts(*_FAILED_MOUNTS),
        )

    def snapshot(self, freeze: LoggedFreeze, report: Report | None) -> SnapshotEnding:
        """What became of the snapshot.

        Args:
            freeze: what became of the freeze.
            report: the final status, or None.
        """
        if Kind.ALL_DISKS_FAILED in self._facts:
            return SnapshotEnding.ALL_FAILED
        if Kind.SOME_DISKS_FAILED in self._facts:
            return SnapshotEnding.SOME_FAILED
        answers = {value.lower() for value in self._values(Kind.DISK_ANSWER)}
        if answers:
            if "true" not in answers:
                return SnapshotEnding.ALL_FAILED
            return SnapshotEnding.OK if answers == {"true"} else SnapshotEnding.SOME_FAILED
        if not self._facts.keys() & _SNAPSHOT_KINDS:
            return SnapshotEnding.NOT_ASKED if self._is_complete else SnapshotEnding.NOT_TOLD
        if report is None:
            return SnapshotEnding.NOT_TOLD
        if 76 in (report.code, report.error):
            return SnapshotEnding.ALL_FAILED
        if freeze.ending in _BAD and not report.crash_consistent:
            return SnapshotEnding.NOT_ASKED
        return SnapshotEnding.OK

    def _ending(
        self, plugins: Sequence[LoggedPlugin], precheck: int | None, report: Report | None
    ) -> FreezeEnding:
        told = next((ending for kind, ending in _ENDINGS.items() if kind in self._facts), None)
        if told is not None:
            return told
        if self._finds_nothing:
            return FreezeEnding.OK
        if not self._facts.keys() & _SNAPSHOT_KINDS:
            return FreezeEnding.NOT_ASKED if self._is_complete else FreezeEnding.NOT_TOLD
        off = any("fsFreezeEnabled" in p.keys and not p.keys["fsFreezeEnabled"] for p in plugins)
        if off and Kind.FREEZE not in self._facts and precheck not in (304, 305):
            return FreezeEnding.NOT_ASKED
        answers = [fact.number for fact in self._facts.get(Kind.HELPER_ANSWER, ())]
        if answers and answers[-1] != 1:
            return FreezeEnding.FAILED if answers[-1] == 2 else FreezeEnding.TIMED_OUT
        if answers or Kind.FROZEN in self._facts:
            return FreezeEnding.OK
        if report is None:
            return FreezeEnding.NOT_TOLD
        codes = [code for code in _BY_CODE if code in (report.error, report.code)]
        return _BY_CODE[codes[0]] if codes else FreezeEnding.OK

    @property
    def _finds_nothing(self) -> bool:
        """Whether there was nothing that can be frozen."""
        return "True" in self._values(Kind.FREEZE_SKIPPED)

    def _order(self) -> tuple[str, ...] | None:
        """What was to be frozen: what follows the helper's path and its time limit."""
        for text in reversed(self._values(Kind.FREEZE_ORDER)):
            items = read_value(text)
            if isinstance(items, list) and all(isinstance(item, str) for item in items):
                return tuple(item for item in items[2:] if item.startswith("/"))
        return () if self._finds_nothing else None

    def _mounts(self, *kinds: Kind) -> tuple[str, ...]:
        texts = [fact.path for kind in kinds for fact in self._facts.get(kind, ())]
        if kinds == (Kind.MOUNT_SKIPPED,):  # the value of MountsToSkip as it is
            texts = [part.strip() for text in texts for part in text.split(",")]
        return tuple(dict.fromkeys(path for path in texts if path.startswith("/")))

    def _values(self, kind: Kind) -> list[str]:
        return [fact.value for fact in self._facts.get(kind, ())]
