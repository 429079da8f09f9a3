from __future__ import annotations

import os
import shutil
import signal
import sys

import pytest

from .conformance.reporting import Conformance

pytest_plugins = ["pytester"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak",
        action="store_true",
        help="prove determinism of the virtual clock with hundreds of runs (takes minutes)",
    )
    parser.addoption(
        "--vectors",
        metavar="FILE",
        help="run the conformance tests on the vectors of another file",
    )


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # In the background of a shell Ctrl-C is ignored, and by all that is started from here.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(Conformance(), "conformance")


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inner runs of pytest print the same on a desk and in CI."""
    ours = ("CI", "BUILD_NUMBER", "PYTEST_ADDOPTS", "COLUMNS", "NO_COLOR", "FORCE_COLOR")
    theirs = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "TF_BUILD")
    for name in (*ours, *theirs, "AGENT_TEMPDIRECTORY", "BUILD_SOURCESDIRECTORY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def python() -> str:
    """A Python that a VM can run: the system's, or the one of this run if others may read it."""
    for candidate in (shutil.which("python3", path="/usr/bin:/bin"), sys.executable):
        if candidate and os.stat(candidate).st_mode & 0o001:
            return candidate
    pytest.skip("no Python that every user may run")
