from __future__ import annotations

from collections.abc import Iterator

import pytest

from .browser import MISSING, Browser, is_installed


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of a process."""
    if not is_installed():
        pytest.skip(MISSING)
    with Browser(tmp_path_factory.mktemp("browser")) as made:
        yield made
