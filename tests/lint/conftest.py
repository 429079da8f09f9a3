from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from .asking import Asking

# Nothing is written into the project, and a busy machine is no failure.
settings.register_profile("lint", database=None, deadline=None)
settings.load_profile("lint")


@pytest.fixture
def without_shellcheck(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where ShellCheck would be, on PATH and beside Python, on a machine that has none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    return tmp_path


@pytest.fixture
def ask(without_shellcheck: Path) -> Asking:
    """The checks of this package alone, over a script or a config."""
    return Asking()
