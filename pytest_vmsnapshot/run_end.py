"""What is written at the end of a run, in the process that reports: files, and words for a CI."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from . import junit_properties, record_lines
from .asked import ENDED, TOLD, TOLD_BACKUPS, TOLD_CHECKS, asked_ci
from .ci import telling
from .ci.annotation import Annotation, Level, of_findings, of_tests
from .ci.service import Service, asked_for, repository
from .contract_summary import findings_in
from .harmless import harmless
from .lint.places import relative
from .recording import summaries_of
from .records import TestSummary

_TEXT = 2000
"""Characters told of a check that failed."""


def finish(session: pytest.Session) -> None:
    """Write what was asked for. A file that cannot be written fails the run.

    Args:
        session: that has ended.
    """
    config = session.config
    tests = summaries_of(config)
    lines: list[str] = []
    if junit_properties.are_wanted(config) and not junit_properties.stand_at_tests(config):
        junit_properties.add_to_run(config, tests)
    if name := config.getoption("vmsnapshot_jsonl"):
        told = config.stash[TOLD_BACKUPS]
        texts = [told[key][1] for key in sorted(told) if len(told[key]) > 1]
        try:
            count = record_lines.write(config.invocation_params.dir / name, texts)
            lines.append(f"{count} test{'' if count == 1 else 's'} in {name} (JSON lines)")
        except OSError as error:
            lines.append(f"--vmsnapshot-jsonl: {name} cannot be written: {error.strerror}")
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if (service := asked_for(asked_ci(config), os.environ)) is not None:
        lines += _for_ci(service, config, tests)
    config.stash[ENDED] = lines


def _for_ci(service: Service, config: pytest.Config, tests: Sequence[TestSummary]) -> Iterator[str]:
    root = repository(service, os.environ, config.rootpath)
    reports = config.stash[TOLD_CHECKS].values()
    told = [getattr(report, TOLD) for report in reports]
    with_backups = {test.test for test in tests if test.backups}
    annotations = [
        *of_tests(tests, config.rootpath, root),
        *_of_checks([each for each in reports if each.nodeid not in with_backups], config, root),
        *of_findings(findings_in(told), root),
    ]
    yield from telling.commands(service, annotations)
    page = telling.page_of_tests(tests)
    if page is not None:
        yield from telling.publish(service, page, os.environ)


def _of_checks(
    reports: Sequence[pytest.TestReport], config: pytest.Config, root: Path
) -> Iterator[Annotation]:
    """Checks of configs that failed without a backup; what the lint finds has its own lines."""
    for report in reports:
        if report.failed and "lint" not in getattr(report, TOLD):
            file, _, name = report.nodeid.rpartition("::")
            text = harmless(report.longreprtext[:_TEXT])
            yield Annotation(
                Level.ERROR, text, harmless(name), relative(config.rootpath / file, root)
            )
