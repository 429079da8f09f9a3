"""A plugin of pytest for ``vmsnapshot check``: which checks are run, in each process of a run."""

from __future__ import annotations

import pytest

from .check_names import is_named


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the names from the command line."""
    group = parser.getgroup("vmsnapshot")
    group.addoption("--vmsnapshot-only-check", action="append", default=[])
    group.addoption("--vmsnapshot-skip-check", action="append", default=[])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not asked for."""
    only = config.getoption("vmsnapshot_only_check")
    skip = config.getoption("vmsnapshot_skip_check")
    keep = [
        item
        for item in items
        if (not only or is_named(item.name, only)) and not is_named(item.name, skip)
    ]
    left_out = [item for item in items if item not in keep]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = keep
