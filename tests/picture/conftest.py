from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from .browser import MISSING, Browser, is_installed

# Nothing is written into the project, and a busy machine is no failure.
settings.register_profile("picture", database=None, deadline=None)
settings.load_profile("picture")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of a process."""
    if not is_installed():
        pytest.skip(MISSING)
    with Browser(tmp_path_factory.mktemp("browser")) as made:
        yield made
