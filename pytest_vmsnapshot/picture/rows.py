"""The table of all backups: one row each, failures first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..backup import Consistency, Status
from ..catalogue import NamedError
from ..config import CONFIG_PATH
from ..durations import duration
from ..records import BackupRecord, TestOutcome, TestRecord

WORDS = {
    TestOutcome.PASSED: "passed",
    TestOutcome.FAILED: "failed",
    TestOutcome.SKIPPED: "skipped",
    TestOutcome.XFAILED: "failed as expected",
    TestOutcome.XPASSED: "passed unexpectedly",
}

SIGNS = {
    TestOutcome.PASSED: "✓",
    TestOutcome.FAILED: "✗",
    TestOutcome.SKIPPED: "-",
    TestOutcome.XFAILED: "✗",
    TestOutcome.XPASSED: "!",
}

_USUAL = "/" + CONFIG_PATH.rpartition("/")[2]
"""The end of the path of nearly every config."""

_FIRST = (TestOutcome.FAILED, TestOutcome.XPASSED)
"""Tests that are shown before all others."""


@dataclass(frozen=True, slots=True)
class Row:
    """One backup.

    Args:
        number: its place in the table, from 1, which is its name on the page.
        test: the test that took it.
        record: what is known of it.
        which: which one of its test, in words; empty for an only one.
    """

    number: int
    test: TestRecord
    record: BackupRecord
    which: str

    @property
    def outcome(self) -> str:
        """How its test ended, in words."""
        return WORDS[self.test.outcome]

    @property
    def sign(self) -> str:
        """How its test ended, as one character."""
        return SIGNS[self.test.outcome]

    @property
    def config(self) -> str:
        """Where its config comes from: the project's file, by its directory if it has the
        framework's name; or what the test put on the VM.
        """
        config = self.record.config
        if config is None:
            return ""
        return config.local.removesuffix(_USUAL) or "made by the test"

    @property
    def worth(self) -> str:
        """What it is worth, in a word or two."""
        backup = self.record.backup
        return "failed" if backup.status is Status.FAILED else backup.consistency.value

    @property
    def rank(self) -> int:
        """What it is worth as a number, the best first; what sorting goes by."""
        backup = self.record.backup
        if backup.status is Status.FAILED:
            return len(Consistency)
        return list(Consistency).index(backup.consistency)

    @property
    def errors(self) -> tuple[NamedError, ...]:
        """What Azure is told."""
        return self.record.backup.errors


def rows(records: Sequence[TestRecord]) -> tuple[Row, ...]:
    """A row for each backup of a run.

    Args:
        records: of its tests, in any order.
    """
    found: list[Row] = []
    for test in sorted(records, key=lambda test: test.outcome not in _FIRST):
        machines = {record.vm for record in test.backups}
        counts = Counter(record.vm for record in test.backups)
        for record in test.backups:
            parts = [f"VM {record.vm}"] if len(machines) > 1 else []
            if counts[record.vm] > 1 or record.backup.number > 1:
                parts.append(f"backup {record.backup.number}")
            found.append(Row(len(found) + 1, test, record, ", ".join(parts)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Count:
    """How many backups have something in common.

    Args:
        value: what.
        count: how many.
    """

    value: str
    count: int


def counted(values: Sequence[str]) -> tuple[Count, ...]:
    """How often each value is there.

    Args:
        values: the values, the first of each in the order that is wanted.
    """
    return tuple(Count(value, count) for value, count in Counter(values).items())


def worths(found: Sequence[Row]) -> tuple[Count, ...]:
    """How many backups are worth how much, the best first.

    Args:
        found: all rows.
    """
    return counted([row.worth for row in sorted(found, key=lambda row: row.rank)])


def failed_in_short(records: Sequence[TestRecord]) -> str:
    """How many tests failed, in a sentence; empty if none did.

    Args:
        records: of all tests.
    """
    failed = sum(record.outcome is TestOutcome.FAILED for record in records)
    return f"{failed} of {_many(len(records), 'test')} failed." if failed else ""


def in_short(found: Sequence[Row], records: Sequence[TestRecord]) -> str:
    """All backups in a sentence.

    Args:
        found: all rows.
        records: of all tests.
    """
    if not found:
        return "No backup was taken."
    tests = sum(bool(record.backups) for record in records)
    worth = ", ".join(f"{count.count} {_named(count.value)}" for count in worths(found))
    on_vms = duration(sum(row.record.backup.duration for row in found))
    real = duration(sum(row.record.backup.real_duration for row in found))
    return (
        f"{_many(len(found), 'backup')} in {_many(tests, 'test')}: {worth}; "
        f"{on_vms} on the VMs' clocks in {real} of real time."
    )


def _many(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def _named(worth: str) -> str:
    if worth in ("failed", Consistency.NONE.value):
        return {"none": "without a recovery point"}.get(worth, worth)
    return f"{worth}-consistent"
