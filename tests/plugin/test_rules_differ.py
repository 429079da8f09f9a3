"""What the author of a test sees where the two rule sets differ about it."""

from __future__ import annotations

import pytest

PLAIN = ("-p", "no:randomly", "-p", "no:cacheprovider")
CATEGORY = "pytest_vmsnapshot.RulesDiffer"
HEAD = "the documented and the shipped rules differ about this test:"
SENTENCE = (
    "the pre-script succeeded in attempt 2, and there would be only the first: on the VM this "
    "backup would be file-system-consistent, and Azure would report success, with "
    "Pre-ScriptExecutionFailed (300)"
)
SILENCE = (
    "to silence this: @pytest.mark.filterwarnings('ignore::pytest_vmsnapshot.RulesDiffer'), or the "
    "same in the ini value filterwarnings"
)
STRICT = "this fails the test because of --vmsnapshot-strict (marker and ini value: strict)"

HELPERS = r"""
import pytest

OK = "#!/bin/sh\n"
AGAIN = "#!/bin/sh\n[ -e /srv/tried ] && rm /srv/tried || { touch /srv/tried; exit 1; }\n"
"""
RETRY = "vm.install(pre=AGAIN, post=OK, pre_retries=1)"
DIFFERS = f"""
def test_it(vm):
    {RETRY}
    vm.backup().assert_application_consistent()
"""
DIFFERS_LINE = (HELPERS + DIFFERS).strip().split("\n").index("def test_it(vm):") + 1


def run(pytester: pytest.Pytester, source: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(test_it=HELPERS + source)
    return pytester.runpytest_subprocess(*PLAIN, *arguments)


def marked(marker: str) -> str:
    return f"\n@pytest.mark.{marker}{DIFFERS}"


def warnings_of(result: pytest.RunResult) -> list[str]:
    """The summary of warnings, without its last line."""
    lines = result.outlines
    titles = [index for index, line in enumerate(lines) if " warnings summary " in line]
    if not titles:
        return []
    end = next(index for index, line in enumerate(lines) if line.startswith("-- Docs: "))
    return [line for line in lines[titles[0] + 1 : end] if line]


def told(*lines: str, first: int = DIFFERS_LINE, test: str = "test_it") -> list[str]:
    return [
        f"test_it.py::{test}",
        f"  test_it.py:{first}: RulesDiffer: {HEAD}",
        *(f"    {line}" for line in lines),
        f"  {SILENCE}",
    ]


# -- the warning -----------------------------------------------------------------------------------


def test_a_warning_word_for_word(pytester: pytest.Pytester) -> None:
    result = run(pytester, DIFFERS)
    result.assert_outcomes(passed=1, warnings=1)
    assert warnings_of(result) == [*told(f"backup 1: {SENTENCE}"), "    def test_it(vm):"]


def test_the_first_backup_stands_for_those_alike(pytester: pytest.Pytester) -> None:
    result = run(pytester, f"def test_it(vm):\n    {RETRY}\n    vm.backup()\n    vm.backup()\n")
    result.assert_outcomes(passed=1, warnings=1)
    first = len(HELPERS.strip().split("\n")) + 1
    lines = told(f"backup 1: {SENTENCE} (and 1 more)", first=first)
    assert warnings_of(result)[:-1] == lines


def test_backups_that_differ_in_other_ways_have_a_line_each(pytester: pytest.Pytester) -> None:
    source = f"""
def test_it(vm):
    {RETRY}
    vm.backup()
    vm.install(pre=OK, post="#!/bin/sh\\nexit 1\\n", fs_freeze=False)
    vm.backup()
    {RETRY}
    vm.backup()
"""
    result = run(pytester, source)
    result.assert_outcomes(passed=1, warnings=1)
    veto = (
        "where fsFreezeEnabled is false any script failure fails the backup: on the VM this backup "
        "would fail with Post-ScriptExecutionFailed (301)"
    )
    assert warnings_of(result)[:-1] == told(
        f"backup 1: {SENTENCE} (and 1 more)", f"backup 2: {veto}"
    )


def test_vms_have_numbers_where_there_are_several(pytester: pytest.Pytester) -> None:
    source = f"""
def test_it(vm_factory):
    good = vm_factory()
    good.install(pre=OK, post=OK)
    good.backup()
    vm = vm_factory()
    {RETRY}
    vm.backup()
"""
    result = run(pytester, source)
    result.assert_outcomes(passed=1, warnings=1)
    assert warnings_of(result)[:-1] == told(f"vm 2, backup 1: {SENTENCE}")


def test_each_test_is_told_of_itself(pytester: pytest.Pytester) -> None:
    result = run(pytester, f"{DIFFERS}{DIFFERS.replace('test_it', 'test_other')}")
    result.assert_outcomes(passed=2, warnings=2)
    found = warnings_of(result)
    assert [line for line in found if "::" in line and not line.startswith(" ")] == [
        "test_it.py::test_it",
        "test_it.py::test_other",
    ]


def test_under_shipped_rules(pytester: pytest.Pytester) -> None:
    source = f"\ndef test_it(vm):\n    {RETRY}\n    vm.backup().assert_file_system_consistent()\n"
    result = run(pytester, source, "--vmsnapshot-rules=shipped")
    result.assert_outcomes(passed=1, warnings=1)
    assert warnings_of(result)[:-1] == told(
        "backup 1: the pre-script failed and would be tried again, once: what this backup would be "
        "by the documentation was not seen; try it with rules='documented'"
    )


def test_where_both_agree_nothing_is_said(pytester: pytest.Pytester) -> None:
    source = """
def test_it(vm):
    vm.install(pre=OK, post=OK)
    vm.backup().assert_application_consistent()

def test_without_a_backup(vm):
    vm.install(pre=AGAIN, post=OK, pre_retries=1)
"""
    for strict in ((), ("--vmsnapshot-strict",)):
        result = run(pytester, source, *strict)
        result.assert_outcomes(passed=2, warnings=0)


def test_a_failing_test_has_it_in_its_report(pytester: pytest.Pytester) -> None:
    for strict in ((), ("--vmsnapshot-strict",)):
        result = run(pytester, f"{DIFFERS}    assert vm.backups == ()\n", *strict)
        result.assert_outcomes(failed=1, warnings=0)
        assert result.outlines.count(f"under shipped rules: {SENTENCE}") == 1
        result.stdout.no_fnmatch_line(f"*{HEAD}*")


def test_a_skipped_test_is_not_told(pytester: pytest.Pytester) -> None:
    result = run(pytester, f"{DIFFERS}    pytest.skip('enough')\n")
    result.assert_outcomes(skipped=1, warnings=0)


def test_under_xdist(pytester: pytest.Pytester) -> None:
    result = run(pytester, DIFFERS, "-n2")
    result.assert_outcomes(passed=1, warnings=1)
    assert warnings_of(result)[:-1] == told(f"backup 1: {SENTENCE}")


MEMORY = """
def test_it(memory_vm):
    memory_vm.install(
        pre=lambda context: 1 if context.attempt == 1 else 0,
        post=lambda context: None,
        pre_retries=1,
    )
    memory_vm.backup().assert_application_consistent()
"""


def test_in_memory(pytester: pytest.Pytester) -> None:
    result = run(pytester, MEMORY)
    result.assert_outcomes(passed=1, warnings=1)
    lines = told(f"backup 1: {SENTENCE}")
    assert warnings_of(result)[: len(lines)] == lines
    result = run(pytester, MEMORY, "--vmsnapshot-strict")
    fails_strictly(result)


# -- filters ---------------------------------------------------------------------------------------


def fails(result: pytest.RunResult, last: str) -> None:
    """It fails with the message alone: no traceback, no warning besides."""
    result.assert_outcomes(failed=1, warnings=0)
    lines = result.outlines
    start = next(index for index, line in enumerate(lines) if line.strip("_") == " test_it ")
    assert lines[start + 1 : start + 4] == [HEAD, f"  backup 1: {SENTENCE}", last]
    assert " s on the VM's clock, " in lines[start + 4]
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line(">*")


def fails_strictly(result: pytest.RunResult) -> None:
    fails(result, STRICT)


@pytest.mark.parametrize("strict", [(), ("--vmsnapshot-strict",)], ids=["plain", "strict"])
@pytest.mark.parametrize("how", ["marker", "command line", "ini", "ini, every warning"])
def test_a_filter_silences_it(pytester: pytest.Pytester, how: str, strict: tuple[str, ...]) -> None:
    source, arguments = DIFFERS, strict
    match how:
        case "marker":
            source = marked(f"filterwarnings('ignore::{CATEGORY}')")
        case "command line":
            arguments = (*strict, "-W", f"ignore::{CATEGORY}")
        case "ini":
            pytester.makeini(f"[pytest]\nfilterwarnings =\n    error\n    ignore::{CATEGORY}\n")
        case _:
            pytester.makeini("[pytest]\nfilterwarnings = ignore\n")
    result = run(pytester, source, *arguments)
    result.assert_outcomes(passed=1, warnings=0)
    result.stdout.no_fnmatch_line("*RulesDiffer*")


@pytest.mark.parametrize("how", ["marker", "command line", "ini", "ini, every warning"])
def test_a_filter_makes_it_a_failure(pytester: pytest.Pytester, how: str) -> None:
    source, arguments = DIFFERS, list[str]()
    match how:
        case "marker":
            source = marked(f"filterwarnings('error::{CATEGORY}')")
        case "command line":
            arguments = ["-W", f"error::{CATEGORY}"]
        case "ini":
            pytester.makeini(f"[pytest]\nfilterwarnings = error::{CATEGORY}\n")
        case _:
            pytester.makeini("[pytest]\nfilterwarnings = error\n")
    fails(run(pytester, source, *arguments), SILENCE)


# -- strict ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["option", "ini", "marker", "factory", "marker over ini"])
def test_strict(pytester: pytest.Pytester, how: str) -> None:
    source, arguments = DIFFERS, list[str]()
    match how:
        case "option":
            arguments = ["--vmsnapshot-strict"]
        case "ini":
            pytester.makeini("[pytest]\nvmsnapshot_strict = true\n")
        case "marker":
            source = marked("vm(strict=True)")
        case "factory":
            start = "def test_it(vm_factory):\n    vm = vm_factory(strict=True)"
            source = DIFFERS.replace("def test_it(vm):", start)
        case _:
            pytester.makeini("[pytest]\nvmsnapshot_strict = false\n")
            source = marked("vm(strict=True)")
    fails_strictly(run(pytester, source, *arguments))


def test_a_marker_takes_it_back(pytester: pytest.Pytester) -> None:
    result = run(pytester, marked("vm(strict=False)"), "--vmsnapshot-strict")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines([f"  {SILENCE.split(':', maxsplit=1)[0]}*"])


def test_strict_under_xdist(pytester: pytest.Pytester) -> None:
    result = run(pytester, DIFFERS, "-n2", "--vmsnapshot-strict")
    result.assert_outcomes(failed=1, warnings=0)
    assert [line for line in result.outlines if line in (HEAD, STRICT)] == [HEAD, STRICT]


def test_strict_does_not_outlive_its_test(pytester: pytest.Pytester) -> None:
    result = run(pytester, marked("vm(strict=True)") + DIFFERS.replace("test_it", "test_other"))
    result.assert_outcomes(failed=1, passed=1, warnings=1)


def test_an_expected_failure(pytester: pytest.Pytester) -> None:
    result = run(pytester, marked("xfail(strict=True)"), "--vmsnapshot-strict")
    result.assert_outcomes(xfailed=1, warnings=0)


def test_strict_is_shown_in_the_header(pytester: pytest.Pytester) -> None:
    result = run(pytester, "", "--vmsnapshot-strict")
    result.stdout.fnmatch_lines(["vmsnapshot: rules documented, *, strict True (command line)"])


def test_a_wrong_value(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nvmsnapshot_strict = maybe\n")
    result = run(pytester, DIFFERS)
    assert result.ret == 4
    assert [line for line in result.errlines if line] == [
        "ERROR: ini: strict='maybe'; write true or false"
    ]
    assert [line for line in result.outlines if line] == []


def test_a_wrong_value_in_a_marker(pytester: pytest.Pytester) -> None:
    result = run(pytester, marked("vm(strict='maybe')"))
    result.assert_outcomes(errors=1)
    assert "marker: strict='maybe'; write true or false" in result.outlines
