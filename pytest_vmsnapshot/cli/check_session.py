"""A run of pytest over configs whose results go to a listener instead of pytest's own reports.

It is apart from what the user has set up for pytest: configuration, conftest files, options in the
environment and other plugins do not count.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ..asked import TOLD
from ..errors import UsageError
from ..lint.finding import LintFinding
from .check_names import bare
from .check_results import Outcome, Result, Summary

_PLUGINS = ("vmsnapshot", "timeout", "pytest_vmsnapshot.cli.check_selection")
_NOT_HERE = ("terminal", "cacheprovider", "faulthandler", "junitxml")

_ENVIRONMENT = {
    "PYTEST_ADDOPTS": None,
    "PYTEST_PLUGINS": None,
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be checked.

    Args:
        configs: local configs.
        keyword: as for pytest's ``-k``; empty for everything.
        only: names of the checks to run; empty for all.
        skip: names of checks to leave out.
        processes: how many processes share the work; 1 for this one alone.
        guest: where the VMs' processes run.
    """

    configs: tuple[Path, ...]
    keyword: str = ""
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    processes: int = 1
    guest: str = "auto"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended.

    Args:
        summary: what became of the checks.
        failed: whether pytest could not do what it was asked for; it has said why.
    """

    summary: Summary
    failed: bool


def run_checks(
    wanted: Wanted, listener: Callable[[Result], None], more: Sequence[str] = ()
) -> Ended:
    """Run the checks.

    Args:
        wanted: what is to be checked.
        listener: told of each check that has ended.
        more: further options of pytest.

    Raises:
        UsageError: the work cannot be shared, because pytest-xdist is not installed; or pytest
            cannot be given a path.
        KeyboardInterrupt: it was interrupted.
        BrokenPipeError: the listener could not write.
    """
    for config in wanted.configs:
        if any(mark in str(config) for mark in ("[", "::")):
            raise UsageError(
                f"{config}: pytest takes '[' and '::' for the name of a test; rename what has them"
            )
    reporter = _Reporter(listener, {os.path.abspath(path): str(path) for path in wanted.configs})
    began = time.monotonic()
    with _surroundings():
        status = int(pytest.main([*_options(wanted), *more], plugins=[reporter]))
    if reporter.unwritable:
        raise BrokenPipeError
    if status == pytest.ExitCode.INTERRUPTED and reporter.interrupted:
        raise KeyboardInterrupt
    summary = Summary(
        tuple(reporter.results),
        tuple(reporter.broken),
        time.monotonic() - began,
    )
    failed = status in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR)
    return Ended(summary, failed)


def _options(wanted: Wanted) -> Iterator[str]:
    yield from (str(config) for config in wanted.configs)
    yield from ("-c", os.devnull, "--rootdir", os.getcwd(), "--noconftest", "--assert=plain")
    yield "--continue-on-collection-errors"
    for name in _PLUGINS:
        yield from ("-p", name)
    for name in _NOT_HERE:
        yield from ("-p", f"no:{name}")
    yield f"--vmsnapshot-guest={wanted.guest}"
    if wanted.keyword:
        yield f"-k={wanted.keyword}"
    yield from (f"--vmsnapshot-only-check={name}" for name in wanted.only)
    yield from (f"--vmsnapshot-skip-check={name}" for name in wanted.skip)
    if wanted.processes > 1:
        if find_spec("xdist") is None:
            raise UsageError(
                "several processes need pytest-xdist; pip install pytest-xdist, or leave "
                "--processes out"
            )
        yield from ("-p", "xdist", f"--numprocesses={wanted.processes}")


@contextlib.contextmanager
def _surroundings() -> Iterator[None]:
    """Environment variables as the run needs them, and then as they were."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    _set(_ENVIRONMENT)
    try:
        yield
    finally:
        _set(before)


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


class _Reporter:
    """Hears what pytest has to tell.

    Args:
        listener: told of each check that has ended.
        shown: how each config is called, by its absolute path.
    """

    def __init__(self, listener: Callable[[Result], None], shown: Mapping[str, str]) -> None:
        self._shown = shown
        self.results: list[Result] = []
        self.broken: list[str] = []
        self.interrupted = False
        self.unwritable = False
        self._listener = listener
        self._running: dict[str, list[pytest.TestReport]] = {}
        self._session: pytest.Session | None = None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Remember what can be told to stop."""
        self._session = session

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """What cannot be collected cannot be checked."""
        if report.failed:
            self.broken.append(str(report.longrepr))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a check has ended."""
        parts = self._running.setdefault(report.nodeid, [])
        parts.append(report)
        if report.when not in ("setup", "call"):  # it was torn down, or its process has crashed
            result = _result(self._running.pop(report.nodeid), self._shown)
            self.results.append(result)
            try:
                self._listener(result)
            except BrokenPipeError:
                self.unwritable = True
                if self._session is not None:
                    self._session.shouldstop = "nobody reads"

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Ctrl-C; pytest tells so of other things, too."""
        self.interrupted |= excinfo.errisinstance(KeyboardInterrupt)


def _result(parts: Sequence[pytest.TestReport], shown: Mapping[str, str]) -> Result:
    """What became of a check, from its set-up, its call and its tear-down."""
    bad = [part for part in parts if part.failed]
    skipped = [part for part in parts if part.skipped]
    chosen = (bad or skipped or parts)[0]
    outcome = Outcome.FAILED if bad else Outcome.SKIPPED if skipped else Outcome.OK
    text = "\n".join(_why_failed(part) for part in bad)
    if outcome is Outcome.SKIPPED:
        text = _why_skipped(chosen)
    config, _, name = chosen.nodeid.partition("::")
    path = os.path.abspath(config)  # pytest's root directory is the working directory
    told: dict[str, Any] = {}
    for part in parts:
        told.update(getattr(part, TOLD, {}))
    return Result(
        config=shown.get(path, config),
        check=bare(name),
        name=name,
        outcome=outcome,
        seconds=sum(part.duration for part in parts),
        text=text,
        notes=tuple(told.get("notes", ())),
        sections=tuple(chosen.sections) if bad else (),
        doubled=dict(told.get("doubled", {})),
        findings=tuple(LintFinding.of(row) for row in told.get("lint", ())),
    )


def _why_failed(report: pytest.TestReport) -> str:
    text = str(report.longrepr)
    crash = getattr(report.longrepr, "reprcrash", None)
    traceback = getattr(report.longrepr, "reprtraceback", None)
    if crash is None or traceback is None or traceback.style == "value":  # told on purpose
        return text
    return (
        f"{crash.message}\n  at {crash.path}:{crash.lineno}: this is no failed check but a bug; "
        f"please report it\n{text}"
    )


def _why_skipped(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(report.longrepr)
