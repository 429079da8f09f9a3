"""From a test that used VMs to the record that reports are made of."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import html_pieces, junit_properties, script_coverage
from .asked import BACKUPS, COUNT, TOLD_BACKUPS, WHOLE
from .kept import Keep, KeptBackup
from .records import (
    BackupRecord,
    CoveredLines,
    FileText,
    TestOutcome,
    TestRecord,
    TestSummary,
    summary_of,
)
from .used_vms import Used, machines_of

if TYPE_CHECKING:
    from .kept import KeptFile

_MESSAGE = 2000
"""Characters kept of why a test failed."""


class Progress:
    """How a test goes, from report to report."""

    def __init__(self) -> None:
        self.outcome = TestOutcome.PASSED
        self.message = ""
        self.duration = 0.0

    def take(self, report: pytest.TestReport) -> None:
        """Take a report in: of the set-up, of the call, of the teardown."""
        self.duration += report.duration
        is_expected = hasattr(report, "wasxfail")
        if report.failed:
            self._now(TestOutcome.FAILED, _why(report))
        elif report.skipped and is_expected:
            self._now(TestOutcome.XFAILED, report.wasxfail)
        elif report.skipped:
            self._now(TestOutcome.SKIPPED, _why(report))
        elif is_expected and report.when == "call":
            self._now(TestOutcome.XPASSED, report.wasxfail)

    def _now(self, outcome: TestOutcome, message: str) -> None:
        if self.outcome is not TestOutcome.FAILED:  # the first failure counts
            self.outcome, self.message = outcome, message[:_MESSAGE]


PROGRESS: pytest.StashKey[Progress] = pytest.StashKey()
"""How a test goes."""


def note(item: pytest.Item, report: pytest.TestReport) -> None:
    """Take a report of a test in; the last one gets the record, if the test used VMs.

    Args:
        item: the test.
        report: of its set-up, call or teardown.
    """
    if report.when == "setup" or PROGRESS not in item.stash:
        item.stash[PROGRESS] = Progress()
    progress = item.stash[PROGRESS]
    progress.take(report)
    machines = machines_of(item)
    if report.when == "call":
        setattr(report, COUNT, sum(len(machine.backups) for machine in machines))
    if machines and junit_properties.stand_at_tests(item.config):
        # Which report is written depends on how the test goes.
        backups = tuple(
            summary_of(number, backup)
            for number, machine in enumerate(machines, 1)
            for backup in machine.backups
        )
        report.user_properties += junit_properties.properties(backups)
    if machines and report.when == "teardown":
        if (coverage := script_coverage.of(item.config)) is not None:
            coverage.note(item.nodeid, machines)
        record = _record(item, progress, machines)
        told = [record.short().to_json()]
        if html_pieces.is_wanted(item.config):
            html_pieces.add(report, record)
        if _wants_whole(item.config):
            told.append(record.to_json())
        setattr(report, BACKUPS, told)  # it travels from workers as text


def keeps(config: pytest.Config) -> Keep:
    """What VMs keep of each backup, by the reports that were asked for.

    Args:
        config: of the run.
    """
    return Keep(_wants_whole(config), script_coverage.tracer(config))


def _wants_whole(config: pytest.Config) -> bool:
    """Whether a report was asked for that needs the whole record of each test."""
    return any(config.getoption(f"vmsnapshot_{name}", None) for name in WHOLE)


def summaries_of(config: pytest.Config) -> list[TestSummary]:
    """Each test of a run that used VMs, in short; in the controller, those of all workers.

    Args:
        config: of the run.
    """
    told = config.stash.get(TOLD_BACKUPS, {})
    return [TestSummary.from_json(texts[0]) for texts in told.values()]


def records_of(config: pytest.Config) -> list[TestRecord]:
    """Each test of a run that used VMs; nothing unless a report was asked for that needs them.

    Args:
        config: of the run.
    """
    told = config.stash.get(TOLD_BACKUPS, {})
    return [TestRecord.from_json(texts[1]) for texts in told.values() if len(texts) > 1]


def _record(item: pytest.Item, progress: Progress, machines: Sequence[Used]) -> TestRecord:
    path, line, _ = item.location
    return TestRecord(
        test=item.nodeid,
        path=path,
        line=0 if line is None else line + 1,
        outcome=progress.outcome,
        message=progress.message,
        duration=progress.duration,
        backups=tuple(_backups(machines, item.config.rootpath)),
        findings=tuple(found for machine in machines for found in machine.double_findings),
        worker=os.environ.get("PYTEST_XDIST_WORKER", ""),
    )


def _backups(machines: Sequence[Used], root: Path) -> Iterator[BackupRecord]:
    for number, machine in enumerate(machines, 1):
        for backup, kept in zip(machine.backups, machine.kept, strict=True):
            config = None if kept.config is None else _text(kept.config, root)
            scripts = tuple(_text(script, root) for script in kept.scripts)
            measured, lines = _measured(kept)
            yield BackupRecord(number, backup, config, scripts, measured, lines, shell=kept.shell)


def _measured(kept: KeptBackup) -> tuple[tuple[str, ...], tuple[CoveredLines, ...]]:
    """How it was measured which lines a backup executed, and which those are."""
    if kept.measured is None or not kept.scripts:
        return (), ()
    from .shell_coverage.of_backup import covered_lines, in_words

    return tuple(in_words(kept.measured)), covered_lines(kept)


def _text(file: KeptFile, root: Path) -> FileText:
    local = file.local
    shown = ""
    if local is not None:
        is_inside = local.is_relative_to(root)
        shown = str(local.relative_to(root)) if is_inside else str(local)
    return FileText(file.path, file.content.decode("utf-8", "backslashreplace"), shown)


def _why(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):  # where it was skipped, and why
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message) if crash is not None else report.longreprtext
