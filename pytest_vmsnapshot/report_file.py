"""The page of a run: ``--vmsnapshot-report``."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import importlib.util
from typing import Any

import pytest

from .recording import records_of

OPTION = "--vmsnapshot-report"


class ReportFile:
    """Writes the page when a run ends, however it ends.

    Args:
        config: of the run.
        name: the file, as it was asked for.

    Raises:
        pytest.UsageError: it cannot be written, or what makes it is not installed.
    """

    def __init__(self, config: pytest.Config, name: str) -> None:
        if importlib.util.find_spec("jinja2") is None:
            raise pytest.UsageError(
                f"{OPTION}: the page is made by Jinja2, which is not installed: "
                "pip install 'pytest-vmsnapshot[report]'"
            )
        self._config = config
        self._name = name
        self._file = config.invocation_params.dir / name  # a test may change the directory
        self._line = ""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a"):
                pass
        except OSError as error:
            raise pytest.UsageError(
                f"{OPTION}: {name} cannot be written: {error.strerror}"
            ) from None

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write it. A page that cannot be written fails the run."""
        from .picture import page

        records = records_of(self._config)
        count = sum(len(record.backups) for record in records)
        text = page(records, f"Backups of {self._config.rootpath.name}", _made())
        try:
            self._file.write_text(text, encoding="utf-8")
        except OSError as error:
            self._line = f"{OPTION}: {self._name} cannot be written: {error.strerror}"
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        else:
            self._line = f"report of {count} backup{'' if count == 1 else 's'} in {self._name}"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where it is."""
        if self._line:
            terminalreporter.write_line(self._line)


def _made() -> str:
    now = dt.datetime.now(dt.UTC)
    version = importlib.metadata.version("pytest-vmsnapshot")
    return f"Made by pytest-vmsnapshot {version} on {now:%Y-%m-%d} at {now:%H:%M} UTC."
