"""Faults in the marker, in the factory and in a report, as a run of pytest shows them."""

from __future__ import annotations

import pytest

TEST = """
import pytest
from pytest_vmsnapshot import ScriptFault

OK = "#!/bin/sh\\n"
pytestmark = pytest.mark.filterwarnings("ignore::pytest_vmsnapshot.RulesDiffer")

def faults(vm):
    vm.install(pre=OK, post=OK)
    return vm.backup().faults

@pytest.mark.vm(faults={"pre": ScriptFault(hang=True), "freeze": "fail"})
def test_marker(vm):
    assert faults(vm) == (
        "the freezing helper refuses to freeze", "the pre-script hangs after its work"
    )
    vm.fault(pre="ok")
    assert vm.backup().faults == ("the freezing helper refuses to freeze",)

@pytest.mark.vm(faults={"snapshot": "all_failed"})
def test_factory(vm_factory):
    assert faults(vm_factory()) == ("the snapshot of every disk fails",)
    assert faults(vm_factory(faults={"post": {"exit_status": 2}})) == (
        "the post-script ends with exit status 2 after its work",
    )
    assert faults(vm_factory(faults={})) == ()

@pytest.mark.vm(faults={"freeze": "fail"})
def test_memory(memory_vm):
    memory_vm.install(pre=lambda script: 0, post=lambda script: 0)
    assert memory_vm.backup().faults == ("the freezing helper refuses to freeze",)
"""


def test_where_faults_can_be_written(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=3)


def test_mistakes_in_the_marker(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.vm(faults={"pre": {"exit": 3}, "freeze": "slow"}, disks=0)
        def test_it(vm):
            pass

        @pytest.mark.vm(faults={"disk_full": True})
        def test_memory(memory_vm):
            pass
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "3 mistakes:",
            "  - marker: faults: pre: ScriptFault has no 'exit'. There are: exit_status, signal, "
            "hang, delay, prints, at, attempts",
            "  - marker: faults: freeze='slow' is no fault; write one of fail, *",
            "  - marker: disks=0; write a whole number from 1 up",
            "disk_full cannot be a fault of a VM in memory: use set_disk_usage() of pyfakefs, or "
            "use the fixture vm",
        ]
    )


def test_a_report_says_what_was_forced(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(vm):
            vm.install(pre="#!/bin/sh\\n", post="#!/bin/sh\\n")
            vm.fault(pre={"exit_status": 3})
            vm.backup().assert_application_consistent()
        """
    )
    result = pytester.runpytest_subprocess()
    result.stdout.fnmatch_lines(
        [
            "E         fault asked for by the test: the pre-script ends with exit status 3 after "
            "its work",
            "*  pre-script     fault: the script ends with exit status 3 after its work",
        ]
    )
