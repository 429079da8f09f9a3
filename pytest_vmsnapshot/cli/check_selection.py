"""A plugin of pytest for ``vmsnapshot check``: which checks are run, in each process of a run."""

from __future__ import annotations

from collections.abc import Generator

import pytest

CHECKS_SEEN: pytest.StashKey[list[str]] = pytest.StashKey()
"""Names of all checks that were collected."""

DOUBLED = "vmsnapshot_doubled"
"""Property of a check: a command that a stand-in took the place of."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the names from the command line."""
    group = parser.getgroup("vmsnapshot")
    group.addoption("--vmsnapshot-only-check", action="append", default=[])
    group.addoption("--vmsnapshot-skip-check", action="append", default=[])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not asked for."""
    config.stash[CHECKS_SEEN] = sorted({check_of(item) for item in items})
    only = config.getoption("vmsnapshot_only_check")
    skip = config.getoption("vmsnapshot_skip_check")
    keep = [
        item
        for item in items
        if (not only or check_of(item) in only) and check_of(item) not in skip
    ]
    left_out = [item for item in items if item not in keep]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = keep


def check_of(item: pytest.Item) -> str:
    """The name by which a check is chosen."""
    return str(getattr(item, "check_name", item.name))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let the report know which check it is about; it may travel between processes."""
    report = yield
    report.__dict__["check_name"] = check_of(item)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a process that works for another: tell that one which checks there were."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["vmsnapshot_checks"] = session.config.stash.get(CHECKS_SEEN, [])
