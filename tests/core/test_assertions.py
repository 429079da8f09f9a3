from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot import assertions
from pytest_vmsnapshot.backup import Backup, Consistency
from pytest_vmsnapshot.catalogue import NAMES
from pytest_vmsnapshot.errors import UsageError

ALL = ", ".join(NAMES)

LATE = (
    "a file-system-consistent backup\n"
    "  Pre-ScriptTimeout (308): /opt/pre.sh was stopped at its limit of 30 s in the last of 2 "
    "attempts, waiting in: sleep 3600\n"
    "  Post-ScriptExecutionFailed (301): /opt/post.sh: killed by SIGKILL (9)\n"
    "  decided by: the pre-script timed out and continueBackupOnFailure is true (documented "
    "rules)\n"
    "  remedy: find out what it waits for, or raise timeoutInSeconds in the config\n"
    "  remedy: look into the script's own output, and check that the application works again"
)


def message(call: Callable[[], None]) -> str:
    with pytest.raises(AssertionError) as caught:
        call()
    return str(caught.value)


def test_what_holds(good: Backup, late: Backup, failed: Backup) -> None:
    good.assert_application_consistent()
    late.assert_file_system_consistent()
    late.assert_error("Pre-ScriptTimeout")
    late.assert_error("Post-ScriptExecutionFailed")
    failed.assert_failed()
    failed.assert_error("Pre-ScriptNotFound")


def test_expected_application_consistent(late: Backup) -> None:
    found = message(late.assert_application_consistent)
    assert found == f"expected an application-consistent backup, got {LATE}"


def test_expected_crash_consistent(late: Backup) -> None:
    found = message(late.assert_crash_consistent)
    assert found == f"expected a crash-consistent backup, got {LATE}"


def test_expected_file_system_consistent(failed: Backup) -> None:
    assert message(failed.assert_file_system_consistent) == (
        "expected a file-system-consistent backup, got a failed backup\n"
        "  Pre-ScriptNotFound (302): /opt/pre.sh does not exist\n"
        "  decided by: a script was refused before it ran and continueBackupOnFailure is false "
        "(documented rules)\n"
        "  remedy: put the script there, or correct preScriptLocation in the config"
    )


def test_better_than_expected_is_wrong_too(good: Backup) -> None:
    found = message(good.assert_file_system_consistent)
    assert found == (
        "expected a file-system-consistent backup, got an application-consistent backup\n"
        "  decided by: both scripts succeeded (documented rules)"
    )


def test_expected_a_failed_backup(late: Backup) -> None:
    assert message(late.assert_failed) == f"expected a failed backup, got {LATE}"


def test_expected_an_error(late: Backup) -> None:
    found = message(lambda: late.assert_error("Post-ScriptTimeout"))
    assert found == f"expected the error Post-ScriptTimeout, got {LATE}"


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("Pre-ScriptTimedOut", "no error 'Pre-ScriptTimedOut'; is 'Pre-ScriptTimeout' meant?"),
        ("PreScriptTimeout", "no error 'PreScriptTimeout'; is 'Pre-ScriptTimeout' meant?"),
        (
            "InsufficientPermissionforPostScript",
            (
                "no error 'InsufficientPermissionforPostScript'; is "
                "'InsufficientPermissionforPost-Script' meant?"
            ),
        ),
        ("", "no error ''."),
        ("xyz", "no error 'xyz'."),
        (308, "no error 308; is 'Pre-ScriptTimeout' meant?"),
        (5, "no error 5."),
        (None, "no error None."),
    ],
)
def test_a_name_that_does_not_exist(good: Backup, name: Any, start: str) -> None:
    with pytest.raises(UsageError) as caught:
        good.assert_error(name)
    assert str(caught.value) == f"the framework has {start} It has: {ALL}"


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_asked_for(good: Backup, name: str) -> None:
    assert message(lambda: good.assert_error(name)).startswith(f"expected the error {name}, got ")


@pytest.mark.parametrize(
    "call",
    [
        Backup.assert_application_consistent,
        Backup.assert_file_system_consistent,
        Backup.assert_crash_consistent,
        Backup.assert_failed,
        lambda backup: backup.assert_error("SnapshotFailed"),
    ],
)
def test_a_failure_points_at_the_test(call: Callable[[Backup], None], good: Backup) -> None:
    with pytest.raises(AssertionError) as caught:
        call(replace(good, consistency=Consistency.NONE))
    shown = {Path(entry.path).name for entry in caught.traceback.filter(caught)}
    assert shown == {"test_assertions.py"}


def test_a_mistake_in_the_name_points_at_the_test(good: Backup) -> None:
    with pytest.raises(UsageError) as caught:
        good.assert_error("x")
    shown = {Path(entry.path).name for entry in caught.traceback.filter(caught)}
    assert shown == {"test_assertions.py"}


def test_every_assertion_hides_itself() -> None:
    for function in (assertions.consistent, assertions.failed, assertions.error):
        assert "__tracebackhide__" in function.__code__.co_varnames
