"""What is told beside a line of the repository, whoever shows it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..backup_totals import APPLICATION, WORST_FIRST, is_expected, place_of, worth
from ..harmless import harmless
from ..lint import CODES, LintFinding, Severity
from ..lint.places import relative
from ..records import BackupSummary, TestSummary


class Level(enum.Enum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something to be shown beside a line.

    Args:
        level: how bad it is.
        text: what is to be said, in one line or several.
        title: the same in a few words.
        file: where, seen from the root of the repository; empty for nowhere.
        line: counted from 1; 0 where the whole file is meant.
        column: counted from 1; 0 where there is none.
    """

    level: Level
    text: str
    title: str = ""
    file: str = ""
    line: int = 0
    column: int = 0


_LEVELS: Final = {
    Severity.ERROR: Level.ERROR,
    Severity.WARNING: Level.WARNING,
    Severity.NOTE: Level.NOTICE,
}


def of_findings(findings: Iterable[LintFinding], root: Path) -> Iterator[Annotation]:
    """One annotation for each finding of the lint.

    Args:
        findings: what was found.
        root: the root of the repository; paths in it are told relative to it.
    """
    for found in findings:
        name = CODES[found.code].name if found.code in CODES else "ShellCheck"
        yield Annotation(
            _LEVELS[found.severity],
            harmless(f"{found.text}; {found.remedy}"),
            f"{found.code} {name}",
            relative(found.path, root),
            found.line,
            found.column if found.line else 0,
        )


def of_tests(tests: Iterable[TestSummary], start: Path, root: Path) -> Iterator[Annotation]:
    """One annotation for each failed test that took backups: those with the worst backup first.

    Args:
        tests: tests, failed or not.
        start: the directory their paths are relative to.
        root: the root of the repository.
    """
    failed = [test for test in tests if not is_expected(test) and test.backups]
    for test in sorted(failed, key=lambda test: (_rank(_worst(test)), test.test)):
        yield Annotation(
            Level.ERROR,
            harmless("\n".join(_sentences(test))),
            harmless(_title(test)),
            relative(start / test.path, root) if test.path else "",
            test.line,
        )


def _worst(test: TestSummary) -> BackupSummary:
    return min(test.backups, key=_rank)


def _rank(backup: BackupSummary) -> int:
    return WORST_FIRST.index(worth(backup))


def _title(test: TestSummary) -> str:
    name = test.test.rpartition("::")[2]
    worst = _worst(test)
    if worth(worst) == APPLICATION:
        return name
    return f"{name}: {', '.join(worst.errors) or worth(worst)}"


def _sentences(test: TestSummary) -> Iterator[str]:
    """Why it failed; and what became of its worst backup, unless that is the reason."""
    yield test.message or "the test failed"
    worst = _worst(test)
    told = [line.strip() for line in test.message.splitlines()]
    first, *rest = worst.verdict.splitlines() or [""]
    if first and not (rest and all(line.strip() in told for line in rest)):
        place = place_of(worst, test)
        yield f"{place}: {first}" if place else first
        yield from rest
