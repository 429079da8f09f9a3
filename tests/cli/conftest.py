from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from pytest_vmsnapshot.cli.main import main


@dataclass(frozen=True)
class Ended:
    """What a command did."""

    status: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def vmsnapshot(capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a command line in this process."""

    def run(*words: object) -> Ended:
        capfd.readouterr()
        status = main([str(word) for word in words])
        said = capfd.readouterr()
        return Ended(status, said.out, said.err)

    return run
