"""What tests tell of their backups, in the process that reports."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from .asked import BACKUPS, COUNT, ENDED, RUN_AGAIN, TOLD, TOLD_BACKUPS, TOLD_CHECKS


class Told:
    """A plugin that takes it down, and has it written and shown at the end.

    Args:
        stash: of the run; where it is put.
    """

    def __init__(self, stash: pytest.Stash) -> None:
        self._backups: dict[tuple[str, str], list[str]] = {}
        self._again: list[str] = []
        self._checks: dict[str, pytest.TestReport] = {}
        stash[TOLD_BACKUPS] = self._backups
        stash[RUN_AGAIN] = self._again
        stash[TOLD_CHECKS] = self._checks

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take it down; of a test that is run again, the last time counts."""
        if hasattr(report, TOLD):
            self._checks[report.nodeid] = report
        if (told := getattr(report, BACKUPS, None)) is not None:
            key = (report.nodeid, getattr(report, "worker_id", ""))
            if self._backups.pop(key, None) is not None:
                self._again.append(report.nodeid)
            self._backups[key] = told

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(
        self, report: Any, config: pytest.Config
    ) -> Generator[None, Any, Any]:
        """With ``-v``: say how many backups a test has taken, behind how it ended."""
        status = yield
        count = getattr(report, COUNT, 0)
        if not count or not status or config.get_verbosity() < 1:
            return status
        category, letter, word = status
        more = f" ({count} backup{'' if count == 1 else 's'})"
        if isinstance(word, tuple):
            return category, letter, (word[0] + more, *word[1:])
        return category, letter, word + more

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write what was asked for, before others write what they have been told."""
        config = session.config
        if hasattr(config, "workerinput"):
            return
        if self._backups or self._checks or config.getoption("vmsnapshot_jsonl"):
            from .run_end import finish

            finish(session)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        """Show how the backups went, and what was written."""
        if self._backups:
            from .recording import summaries_of
            from .terminal_summary import show

            show(terminalreporter, config, summaries_of(config), len(self._again))
        for line in config.stash.get(ENDED, ()):
            terminalreporter.write_line(line)
