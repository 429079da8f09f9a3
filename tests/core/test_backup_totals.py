"""How the backups of a run went, in one line and in rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_vmsnapshot.backup import Consistency, Status
from pytest_vmsnapshot.backup_totals import Row, closing, rows, worth
from pytest_vmsnapshot.records import BackupSummary, TestOutcome, TestSummary

GOOD = BackupSummary(
    1, 1, Status.COMPLETED, Consistency.APPLICATION, (), "documented", "memory", 30.0, 0.5
)
LESS = replace(GOOD, consistency=Consistency.FILE_SYSTEM, errors=("Pre-ScriptTimeout",))
CRASH = replace(GOOD, consistency=Consistency.CRASH)
LOST = replace(GOOD, status=Status.FAILED, consistency=Consistency.NONE)
PASSED, FAILED = TestOutcome.PASSED, TestOutcome.FAILED


def taken(*backups: BackupSummary, outcome: TestOutcome = PASSED, name: str = "a") -> TestSummary:
    return TestSummary(name, outcome, backups)


@pytest.mark.parametrize(
    ("tests", "text"),
    [
        ([], ""),
        ([taken()], ""),
        ([taken(GOOD)], "1 backup: 1 application; 30.0 s of VM time in 500 ms"),
        (
            [taken(GOOD, GOOD), taken(LESS, CRASH)],
            "4 backups: 2 application, 1 file-system (expected), 1 crash (expected); "
            "2 min of VM time in 2.0 s",
        ),
        (
            [taken(LESS), taken(GOOD, LESS, LOST, outcome=FAILED), taken(LOST)],
            "5 backups: 1 application, 2 file-system (1 expected), 2 failed (1 expected); "
            "2 min 30 s of VM time in 2.5 s",
        ),
        (
            [taken(LOST, outcome=FAILED)],
            "1 backup: 1 failed; 30.0 s of VM time in 500 ms",
        ),
        (
            [
                taken(LESS, outcome=TestOutcome.XFAILED),
                taken(CRASH, outcome=TestOutcome.XPASSED),
            ],
            "2 backups: 1 file-system (expected), 1 crash (expected); 1 min of VM time in 1.0 s",
        ),
    ],
)
def test_the_closing_line(tests: list[TestSummary], text: str) -> None:
    assert closing(tests) == text


def test_rows_begin_with_the_worst() -> None:
    tests = [
        taken(GOOD, replace(LOST, number=2), name="b"),
        taken(LESS, replace(LESS, vm=2, duration=7.0), outcome=FAILED, name="c"),
        taken(CRASH, outcome=FAILED, name="a"),
    ]
    late = ("Pre-ScriptTimeout",)
    assert rows(tests) == [
        Row("a", "", "crash", (), 30.0, expected=False),
        Row("c", "vm 1, backup 1", "file-system", late, 30.0, expected=False),
        Row("c", "vm 2, backup 1", "file-system", late, 7.0, expected=False),
        Row("b", "backup 2", "failed", (), 30.0, expected=True),
    ]


def test_worth() -> None:
    assert [worth(backup) for backup in (GOOD, LESS, CRASH, LOST)] == [
        "application",
        "file-system",
        "crash",
        "failed",
    ]
    assert worth(replace(GOOD, status=Status.FAILED)) == "failed"
