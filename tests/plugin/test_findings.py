"""What the author of a test sees of what was found on its VM."""

from __future__ import annotations

import re

import pytest

PLAIN = ("-p", "no:randomly", "-p", "no:cacheprovider")
CATEGORY = "pytest_vmsnapshot.Noticed"
FAILED = "this test passed, but it fails for what was found on its VM afterwards:"
SHOWN = "found on the VM of this test:"
STRICT = "this fails the test because of --vmsnapshot-strict (marker and ini value: strict)"
LEFT = (
    "backup 1: processes: still running after the backup: sleep 1000 (pid N, by pre-script, "
    "attempt 1); end in the post-script what the pre-script started, and start before the backup "
    "what is to run on"
)
MISSING = (
    "backup 1: missing-command: the pre-script tried to run nosuchcmd, and there is no such "
    "command here; stand in for it with vm.command('nosuchcmd')"
)
NEVER = (
    "never-called: nobody called the command double /usr/local/sbin/mysql; take it away, or say "
    "optional=True"
)


def allowing(*names: str) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    return (
        f"to allow it: allow=[{quoted}] in @pytest.mark.vm, or --vmsnapshot-allow={','.join(names)}"
    )


HELPERS = r"""
import pytest
from pytest_vmsnapshot import Reply

OK = "#!/bin/sh\n"
LEAVES = OK + "sleep 1000 &\n"
MISSES = OK + "nosuchcmd\ntrue\n"
AGAIN = "[ -e /srv/tried ] && rm /srv/tried || { touch /srv/tried; exit 1; }\n"
"""
LEAVING = """
def test_it(vm):
    vm.install(pre=LEAVES, post=OK)
    vm.backup().assert_application_consistent()
"""
MISSING_ONE = """
def test_it(vm):
    vm.command("mysql")
    vm.install(pre=MISSES, post=OK)
    vm.backup().assert_application_consistent()
"""


def run(pytester: pytest.Pytester, source: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(test_it=HELPERS + source)
    return pytester.runpytest_subprocess(*PLAIN, *arguments)


def lines_of(result: pytest.RunResult) -> list[str]:
    return [re.sub(r"pid \d+", "pid N", line) for line in result.outlines]


def failure(result: pytest.RunResult, test: str = "test_it") -> list[str]:
    """The message of a failed test, up to the sections of its report."""
    lines = lines_of(result)
    start = next(index for index, line in enumerate(lines) if line.strip("_") == f" {test} ")
    end = next(i for i, line in enumerate(lines) if i > start and line.startswith("-----"))
    return lines[start + 1 : end]


def warning(result: pytest.RunResult) -> list[str]:
    """The summary of warnings: the messages alone."""
    lines = lines_of(result)
    titles = [index for index, line in enumerate(lines) if " warnings summary " in line]
    end = next(index for index, line in enumerate(lines) if line.startswith("-- Docs: "))
    return [line for line in lines[titles[0] + 1 : end] if line]


# -- what fails ------------------------------------------------------------------------------------


def test_a_failure_word_for_word(pytester: pytest.Pytester) -> None:
    result = run(pytester, LEAVING)
    result.assert_outcomes(failed=1, warnings=0)
    assert failure(result) == [FAILED, f"  {LEFT}", allowing("processes")]
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line(">*")
    lines = lines_of(result)
    assert f"found: {LEFT.removeprefix('backup 1: ')}" in lines, "in the section of the backup"


@pytest.mark.parametrize("how", ["marker", "factory", "option", "ini"])
def test_allowed(pytester: pytest.Pytester, how: str) -> None:
    source, arguments = LEAVING, list[str]()
    match how:
        case "marker":
            source = f"\n@pytest.mark.vm(allow=['processes', 'units']){LEAVING}"
        case "factory":
            start = "def test_it(vm_factory):\n    vm = vm_factory(allow=['processes'])"
            source = LEAVING.replace("def test_it(vm):", start)
        case "option":
            arguments = ["--vmsnapshot-allow=units,processes"]
        case _:
            pytester.makeini("[pytest]\nvmsnapshot_allow = processes\n")
    run(pytester, source, *arguments).assert_outcomes(passed=1, warnings=0)


def test_a_name_there_is_none_of(pytester: pytest.Pytester) -> None:
    result = run(pytester, LEAVING, "--vmsnapshot-allow=process")
    assert result.ret == 4
    assert [line for line in result.errlines if line] == [
        "ERROR: command line: allow='process' is none of processes, sessions, units, frozen, "
        "unexpected-call, missing-command, never-called"
    ]


def test_all_of_all_vms_in_one_message(pytester: pytest.Pytester) -> None:
    source = r"""
class Units:
    def backup_begins(self):
        pass

    def findings(self):
        from pytest_vmsnapshot import Finding, FindingKind
        return [Finding(FindingKind.UNITS, "orders is stopped")]


def test_it(vm_factory):
    first = vm_factory(allow=["processes"])
    first.watch_over(Units())
    first.install(pre=LEAVES, post=OK)
    first.backup()
    first.backup()
    with vm_factory() as second:
        second.command("mysql", only_expected=True, patterns={"status": Reply()})
        second.install(pre=OK + "mysql -e x || true\n", post=OK)
        second.backup()
"""
    result = run(pytester, source)
    result.assert_outcomes(failed=1)
    unexpected = (
        "mysql -e x (by pre-script, attempt 1) was called, and nothing was said of such a call; "
        "add it to patterns or replies of /usr/local/sbin/mysql, or leave only_expected out"
    )
    assert failure(result) == [
        FAILED,
        "  vm 1, backup 1: units: orders is stopped (and 1 more)",
        f"  vm 2: unexpected-call: {unexpected}",
        allowing("units", "unexpected-call"),
    ]
    assert f"unexpected-call: {unexpected}" in lines_of(result), "the section of the doubles"


def test_a_test_that_fails_by_itself_has_it_in_its_report(pytester: pytest.Pytester) -> None:
    result = run(pytester, f"{LEAVING}    assert vm.backups == ()\n")
    result.assert_outcomes(failed=1, warnings=0)
    lines = lines_of(result)
    assert FAILED not in lines
    assert f"found: {LEFT.removeprefix('backup 1: ')}" in lines


def test_an_expected_failure(pytester: pytest.Pytester) -> None:
    result = run(pytester, f"\n@pytest.mark.xfail(strict=True){LEAVING}")
    result.assert_outcomes(xfailed=1, warnings=0)


# -- what is shown ---------------------------------------------------------------------------------


def test_a_warning_word_for_word(pytester: pytest.Pytester) -> None:
    result = run(pytester, MISSING_ONE)
    result.assert_outcomes(passed=1, warnings=1)
    line = len(HELPERS.strip().split("\n")) + 2
    found = warning(result)
    assert found[0] == "test_it.py::test_it"
    assert re.sub(r":\d+:", ":L:", found[1]) == f"  test_it.py:L: Noticed: {SHOWN}"
    assert found[1].split(":")[1] in (str(line), str(line + 1), str(line - 1))
    assert found[2:5] == [
        f"    {MISSING}",
        f"    {NEVER}",
        f"  {allowing('missing-command', 'never-called')}",
    ]


@pytest.mark.parametrize("how", ["filter", "option", "optional"])
def test_silenced(pytester: pytest.Pytester, how: str) -> None:
    source, arguments = MISSING_ONE, list[str]()
    match how:
        case "filter":
            arguments = ["-W", f"ignore::{CATEGORY}", "--vmsnapshot-strict"]
        case "option":
            arguments = ["--vmsnapshot-allow=missing-command,never-called", "-W", "error"]
        case _:
            source = MISSING_ONE.replace('"mysql"', '"mysql", optional=True').replace(
                "MISSES", "OK"
            )
            arguments = ["-W", "error"]
    run(pytester, source, *arguments).assert_outcomes(passed=1, warnings=0)


@pytest.mark.parametrize("how", ["strict", "filter"])
def test_made_a_failure(pytester: pytest.Pytester, how: str) -> None:
    arguments = ("--vmsnapshot-strict",) if how == "strict" else ("-W", f"error::{CATEGORY}")
    result = run(pytester, MISSING_ONE, *arguments)
    result.assert_outcomes(failed=1, warnings=0)
    assert failure(result) == [
        SHOWN,
        f"  {MISSING}",
        f"  {NEVER}",
        *([STRICT] if how == "strict" else []),
        allowing("missing-command", "never-called"),
    ]


# -- together with differences ---------------------------------------------------------------------

BOTH = """
def test_it(vm):
    vm.command("mysql")
    vm.install(pre=LEAVES + AGAIN, post=OK, pre_retries=1)
    vm.backup().assert_application_consistent()
"""
DIFFER = "the documented and the shipped rules differ about this test:"


def test_a_failure_beside_warnings(pytester: pytest.Pytester) -> None:
    result = run(pytester, BOTH)
    result.assert_outcomes(failed=1, warnings=2)
    told = failure(result)
    assert (told[0], told[-1]) == (FAILED, allowing("processes"))
    assert "sleep 1000 (pid N, by pre-script, attempt 2)" in told[1]
    shown = warning(result)
    heads = [line.split(": ", 1)[1] for line in shown if line.startswith("  test_it.py:")]
    assert heads == [f"RulesDiffer: {DIFFER}", f"Noticed: {SHOWN}"]


def test_everything_in_one_failure(pytester: pytest.Pytester) -> None:
    result = run(pytester, BOTH, "--vmsnapshot-strict")
    result.assert_outcomes(failed=1, warnings=0)
    told = failure(result)
    heads = [line for line in told if line in (FAILED, DIFFER, SHOWN, STRICT)]
    assert heads == [FAILED, DIFFER, STRICT, SHOWN, STRICT]


def test_in_memory(pytester: pytest.Pytester) -> None:
    source = """
class Units:
    def backup_begins(self):
        pass

    def findings(self):
        from pytest_vmsnapshot import Finding, FindingKind
        return [Finding(FindingKind.UNITS, "orders is stopped")]


def test_it(memory_vm):
    memory_vm.watch_over(Units())
    memory_vm.install(pre=lambda _: 0, post=lambda _: 0)
    memory_vm.backup()
"""
    result = run(pytester, source)
    result.assert_outcomes(failed=1)
    assert failure(result) == [
        FAILED,
        "  backup 1: units: orders is stopped",
        allowing("units"),
    ]
    run(pytester, source, "--vmsnapshot-allow=units").assert_outcomes(passed=1)
