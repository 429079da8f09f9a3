"""What a run keeps of each test that used VMs, for reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_vmsnapshot.records import TestRecord, TestSummary

CONFTEST = """
import json
from pytest_vmsnapshot.recording import records_of, summaries_of

def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):
        found = session.config
        rows = [[told.to_json() for told in of(found)] for of in (summaries_of, records_of)]
        (found.rootpath / "told.json").write_text(json.dumps(rows))
"""

TESTS = """
import pytest

OK = "#!/bin/sh\\n"

def test_good(vm):
    vm.install(pre="scripts/pre.sh", post=OK)
    vm.command("mysql")
    vm.backup()
    vm.backup()

def test_bad(vm_factory):
    vm_factory()
    vm = vm_factory()
    vm.install(pre="#!/bin/sh\\nexit 3\\n", post=OK)
    vm.backup().assert_application_consistent()

@pytest.mark.xfail(reason="known")
def test_known(vm):
    vm.install(pre=OK, post=OK)
    vm.backup()
    assert False

def test_memory(memory_vm):
    memory_vm.install(pre=lambda context: 0, post=lambda context: 0)
    memory_vm.backup()

def test_none():
    pass
"""


def told(directory: Path) -> tuple[dict[str, TestSummary], dict[str, TestRecord]]:
    short, whole = json.loads((directory / "told.json").read_text())
    summaries = [TestSummary.from_json(text) for text in short]
    records = [TestRecord.from_json(text) for text in whole]
    return {s.test.split("::")[1]: s for s in summaries}, {
        r.test.split("::")[1]: r for r in records
    }


@pytest.mark.parametrize("workers", ["0", "2"])
def test_each_test_is_told_once(pytester: pytest.Pytester, workers: str) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    pytester.mkdir("scripts").joinpath("pre.sh").write_text("#!/bin/sh\nmysql -e x\n")
    pytester.runpytest_subprocess("-n", workers, "-p", "no:randomly").assert_outcomes(
        passed=3, failed=1, xfailed=1
    )
    summaries, records = told(pytester.path)
    assert records == {}
    assert {name: s.outcome.value for name, s in summaries.items()} == {
        "test_good": "passed",
        "test_bad": "failed",
        "test_known": "xfailed",
        "test_memory": "passed",
    }
    assert [(b.vm, b.number, b.consistency.value) for b in summaries["test_good"].backups] == [
        (1, 1, "application"),
        (1, 2, "application"),
    ]
    (bad,) = summaries["test_bad"].backups
    assert (bad.vm, bad.errors) == (2, ("Pre-ScriptExecutionFailed",))


SESSION = """
import pytest

OK = "#!/bin/sh\\n"

@pytest.fixture(scope="session")
def server(vm_session_factory):
    vm = vm_session_factory()
    vm.install(pre=OK, post=OK)
    vm.backup()
    return vm

def test_first(server):
    server.backup()

def test_none():
    pass

def test_second(server):
    server.backup()
    server.backup()
"""


def test_backups_of_vms_that_outlive_a_test(pytester: pytest.Pytester) -> None:
    """They are those of the test in which they were taken."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(SESSION)
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["vmsnapshot: 4 backups: 4 application; *"])
    summaries, _ = told(pytester.path)
    assert {name: [b.number for b in s.backups] for name, s in summaries.items()} == {
        "test_first": [1, 2],
        "test_second": [3, 4],
    }
