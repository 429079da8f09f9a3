"""Options, ini values, marker and header, as a run of pytest shows them."""

from __future__ import annotations

import pytest

LOOK = """
import pytest

def test_plain(vm):
    print("disks", vm._bench.vm.disks)

@pytest.mark.vm(disks=7)
def test_marked(vm):
    print("disks", vm._bench.vm.disks)

@pytest.mark.vm(disks=7)
def test_factory(vm_factory):
    print("disks", vm_factory(disks=9)._bench.vm.disks)

@pytest.mark.vm(disks=3)
class TestGroup:
    def test_inherited(self, vm):
        print("disks", vm._bench.vm.disks)

    @pytest.mark.vm(disks=4)
    def test_closest(self, vm):
        print("disks", vm._bench.vm.disks)
"""


def disks(pytester: pytest.Pytester, *arguments: str) -> list[int]:
    result = pytester.runpytest_subprocess("-s", "-p", "no:randomly", *arguments)
    words = [line.split("disks ")[1].split()[0] for line in result.outlines if "disks " in line]
    return [int(word.rstrip(".")) for word in words if word.rstrip(".").isdigit()]


def test_precedence(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LOOK)
    assert disks(pytester) == [2, 7, 9, 3, 4]
    pytester.makeini("[pytest]\nvmsnapshot_disks = 5\n")
    assert disks(pytester, "-q", "--no-header") == [5, 7, 9, 3, 4]
    assert disks(pytester, "-q", "--no-header", "--vmsnapshot-disks=6") == [6, 7, 9, 3, 4]


def test_header(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(vm): pass")
    pytester.makeini("[pytest]\nvmsnapshot_directories = /u01 /u02\n")
    result = pytester.runpytest_subprocess("--vmsnapshot-disks=1")
    result.stdout.fnmatch_lines(
        [
            "vmsnapshot: rules documented, guest auto, clock auto, storage pause-and-copy, "
            "disks 1 (command line), directories /data /scripts /u01 /u02 (ini)",
            "collected 1 item",
            "vmsnapshot: guest namespaces (*)*",
        ]
    )


def test_guest_is_not_probed_without_need(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_subprocess()
    result.stdout.no_fnmatch_line("vmsnapshot: guest*")
    pytester.makepyfile("def test_it(vm): pass")
    result = pytester.runpytest_subprocess("--collect-only")
    result.stdout.no_fnmatch_line("vmsnapshot: guest*")


def test_wrong_option(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--vmsnapshot-disks=none", "--vmsnapshot-guest=docker")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: 2 mistakes:",
            "  - command line: guest='docker' is none of auto, *",
            "  - command line: disks='none'; write a whole number from 1 up",
        ]
    )


def test_wrong_marker(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.vm(disk=1)
        def test_unknown(vm): pass

        @pytest.mark.vm("dash")
        def test_positional(vm): pass
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "marker: a VM has no setting 'disk'; is 'disks' meant? It has: *",
            "@pytest.mark.vm takes keywords only, not ('dash',)",
        ]
    )
    result.stdout.no_fnmatch_line("*During handling*")


def test_marker_is_registered(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--markers")
    result.stdout.fnmatch_lines(
        ["@pytest.mark.vm(*, guest=None, rules=None, shell=None, clock=None, *"]
    )


def test_requirement_that_cannot_be_met(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(vm): pass")
    result = pytester.runpytest_subprocess(
        "--vmsnapshot-guest=rootless", "--vmsnapshot-require=owners"
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "required, but not to be had here: owners: without subordinate ids files cannot belong "
            "to others than root; install newuidmap (Debian: uidmap) and add the user to "
            "/etc/subuid and /etc/subgid",
        ]
    )


def test_an_overridden_vm_fixture(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def vm(vm):
            vm.install(pre="#!/bin/sh\\n", post="#!/bin/sh\\nexit 1\\n")
            return vm
        """
    )
    pytester.makepyfile("def test_it(vm): vm.backup().assert_application_consistent()")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["replay: pytest *"])


@pytest.mark.parametrize("mode", ["importlib", "prepend"])
def test_import_modes(pytester: pytest.Pytester, mode: str) -> None:
    pytester.makepyfile("def test_it(vm): assert vm.run('true').exit_status == 0")
    result = pytester.runpytest_subprocess(f"--import-mode={mode}")
    result.assert_outcomes(passed=1)


def test_under_xdist(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_it(vm, number):
            vm.install(pre=f"#!/bin/sh\\nexit {number % 2}\\n", post="#!/bin/sh\\n")
            vm.backup().assert_application_consistent()
        """
    )
    result = pytester.runpytest_subprocess("-n2")
    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines(["*pre-script   exit status 1", "vmsnapshot: guest * worker*)"])


def test_with_coverage(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(vm): assert vm.run('true').exit_status == 0")
    result = pytester.runpytest_subprocess("--cov=.", "--cov-report=term")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["TOTAL*100%"])


def test_in_a_thread(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import threading

        def test_it(vm):
            vm.install(pre="#!/bin/sh\\n", post="#!/bin/sh\\n")
            backups = []
            thread = threading.Thread(target=lambda: backups.append(vm.backup()))
            thread.start()
            thread.join()
            backups[0].assert_application_consistent()
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
