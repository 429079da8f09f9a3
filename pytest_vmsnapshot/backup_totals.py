"""How the backups of a run went: counted, and each that is not application-consistent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .backup import Consistency, Status
from .durations import duration
from .records import BackupSummary, TestOutcome, TestSummary

APPLICATION: Final = Consistency.APPLICATION.value
"""The word for a backup that is as it should be."""

FAILED: Final = "failed"
"""The word for a backup that left no recovery point."""

WORST_FIRST: Final = (FAILED, Consistency.CRASH.value, Consistency.FILE_SYSTEM.value, APPLICATION)
"""Words for what backups are worth."""


@dataclass(frozen=True, slots=True)
class Row:
    """A backup that is not application-consistent.

    Args:
        test: the id of its test.
        place: which backup of the test it is; empty where there is only one.
        worth: the word for what it is worth.
        errors: names of the errors Azure is told.
        duration: seconds on the VM's clock.
        expected: whether the test did not fail.
    """

    test: str
    place: str
    worth: str
    errors: tuple[str, ...]
    duration: float
    expected: bool


def worth(backup: BackupSummary) -> str:
    """The word for what a backup is worth.

    Args:
        backup: the backup.
    """
    if backup.status is Status.FAILED or backup.consistency is Consistency.NONE:
        return FAILED
    return str(backup.consistency.value)


def is_expected(test: TestSummary) -> bool:
    """Whether what became of a test's backups is as its author wants it: the test did not fail.

    Args:
        test: the test.
    """
    return test.outcome is not TestOutcome.FAILED


def place_of(backup: BackupSummary, test: TestSummary) -> str:
    """Which backup of its test it is; empty where there is only one.

    Args:
        backup: the backup.
        test: its test.
    """
    if len(test.backups) == 1:
        return ""
    which = f"vm {backup.vm}, " if len({other.vm for other in test.backups}) > 1 else ""
    return f"{which}backup {backup.number}"


def rows(tests: Iterable[TestSummary]) -> list[Row]:
    """Every backup that is not application-consistent: those of failed tests and the worst first.

    Args:
        tests: the tests that took them.
    """
    found = [
        Row(
            test.test,
            place_of(backup, test),
            worth(backup),
            backup.errors,
            backup.duration,
            is_expected(test),
        )
        for test in sorted(tests, key=lambda test: test.test)
        for backup in test.backups
        if worth(backup) != APPLICATION
    ]
    return sorted(found, key=lambda row: (row.expected, WORST_FIRST.index(row.worth)))


def closing(tests: Sequence[TestSummary]) -> str:
    """All backups in one line; empty where there are none.

    Args:
        tests: the tests that took them.
    """
    count = sum(len(test.backups) for test in tests)
    if not count:
        return ""
    kinds = ", ".join(_counted(tests))
    virtual = duration(sum(backup.duration for test in tests for backup in test.backups))
    real = duration(sum(backup.real_duration for test in tests for backup in test.backups))
    return f"{count} backup{'' if count == 1 else 's'}: {kinds}; {virtual} of VM time in {real}"


def _counted(tests: Sequence[TestSummary]) -> Iterator[str]:
    for word in reversed(WORST_FIRST):
        expected = [
            is_expected(test) for test in tests for backup in test.backups if worth(backup) == word
        ]
        if not expected:
            continue
        text = f"{len(expected)} {word}"
        if word != APPLICATION and any(expected):
            text += " (expected)" if all(expected) else f" ({sum(expected)} expected)"
        yield text
