"""What /bin/sh is on a VM, as pytest shows it."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import VirtualMachine, VmFactory
from pytest_vmsnapshot.shells import DISTRIBUTIONS, PACKAGES

HERE = "readlink -f /proc/$$/exe; :"


@pytest.mark.vm(shell=list(PACKAGES))
def test_each_shell_is_sh(vm: VirtualMachine, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["_vmsnapshot_shell"]
    assert name in vm.run(HERE).stdout
    vm.install(pre=f"#!/bin/sh\n{HERE}\n", post="#!/usr/bin/env sh\n")
    backup = vm.backup()
    backup.assert_application_consistent()
    assert backup.pre is not None
    assert name in backup.pre.stdout


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_distribution_has_its_shell(vm_factory: VmFactory, distribution: str) -> None:
    vm = vm_factory(shell=distribution)
    assert DISTRIBUTIONS[distribution] in vm.run(HERE).stdout


@pytest.mark.vm(shell="bash", rules="shipped")
def test_the_shell_decides_under_shipped_rules(vm_factory: VmFactory) -> None:
    script = "#!/bin/sh\na=(1 2)\n"
    for vm, status in ((vm_factory(), 0), (vm_factory(shell="dash"), 2)):
        vm.install(pre=script, post="#!/bin/sh\n")
        backup = vm.backup()
        assert backup.pre is not None
        assert backup.pre.exit_status == status


TEST = """
import pytest

@pytest.mark.vm(shell={shell!r}, agent_env={{"PATH": {path!r}}})
def test_it(vm):
    pass
"""


def test_ids(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST.format(shell=["dash", "debian"], path="/usr/bin:/bin"))
    result = pytester.runpytest_subprocess("-v", "-p", "no:randomly")
    result.stdout.fnmatch_lines(["*::test_it[[]dash] PASSED*", "*::test_it[[]debian] PASSED*"])


def test_a_missing_shell_skips(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST.format(shell="yash", path="/nowhere"))
    result = pytester.runpytest_subprocess("-rs")
    result.stdout.fnmatch_lines(
        ["SKIPPED * shell yash: yash is not installed (Debian: apt-get install yash)"]
    )


def test_a_missing_shell_fails_where_it_is_required(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST.format(shell="alpine", path="/nowhere"))
    result = pytester.runpytest_subprocess("--vmsnapshot-require=shell")
    result.stdout.fnmatch_lines(
        ["required: shell alpine: busybox is not installed (Debian: apt-get install busybox)"]
    )
    assert result.parseoutcomes() == {"errors": 1}


def test_a_wrong_shell(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--vmsnapshot-shell=fish")
    result.stderr.fnmatch_lines(["ERROR: command line: shell='fish' is none of dash, bash, *"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
