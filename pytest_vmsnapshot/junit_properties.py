"""What ``--junitxml`` tells of the backups of a test.

The schema of the family xunit2 has properties for a whole run alone, so there a property has the
id of its test in its name; in xunit1 each test has its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from .explain import line
from .records import BackupSummary, TestSummary

_WHOLE_RUN = "xunit2"


def are_wanted(config: pytest.Config) -> bool:
    """Whether there is to be a file.

    Args:
        config: of the run.
    """
    return bool(config.getoption("xmlpath", None))


def stand_at_tests(config: pytest.Config) -> bool:
    """Whether each test has properties of its own.

    Args:
        config: of the run.
    """
    return are_wanted(config) and config.getini("junit_family") != _WHOLE_RUN


def properties(backups: Sequence[BackupSummary]) -> Iterator[tuple[str, str]]:
    """Names and values; none if a test took no backup.

    Args:
        backups: of the test.
    """
    if not backups:
        return
    yield "vmsnapshot.backups", str(len(backups))
    for number, backup in enumerate(backups, 1):
        for name, value in (
            ("vm", str(backup.vm)),
            ("consistency", backup.consistency.value),
            ("status", backup.status.value),
            ("errors", " ".join(backup.errors)),
            ("rules", backup.rules),
            ("guest", backup.guest),
            ("vm-seconds", f"{backup.duration:.3f}"),
            ("real-seconds", f"{backup.real_duration:.3f}"),
        ):
            yield f"vmsnapshot.backup.{number}.{name}", value


def add_to_run(config: pytest.Config, tests: Sequence[TestSummary]) -> None:
    """Add the properties of all tests to a file of the family xunit2.

    Args:
        config: of the run.
        tests: the tests that used VMs.
    """
    writers = [plugin for plugin in config.pluginmanager.get_plugins() if _writes(plugin)]
    for writer in writers:
        for test in sorted(tests, key=lambda test: test.test):
            for name, value in properties(test.backups):
                ending = name.removeprefix("vmsnapshot")
                writer.add_global_property(f"vmsnapshot[{line(test.test)}]{ending}", value)


def _writes(plugin: object) -> bool:
    """Whether a plugin is the one that writes the file; it has no name to find it by."""
    return hasattr(plugin, "add_global_property") and hasattr(plugin, "logfile")
