"""Runs for machines: JUnit, JSON lines, and what CIs are told."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from pytest_vmsnapshot.record_schema import SCHEMA
from pytest_vmsnapshot.records import TestRecord

TESTS = """
import pytest


def test_two(memory_vm):
    memory_vm.install(pre=lambda _: 0, post=lambda _: 0)
    memory_vm.backup()
    memory_vm.install(pre=lambda _: 3, post=lambda _: 0)
    memory_vm.backup()


def test_bad(memory_vm):
    memory_vm.install(pre=lambda _: 3, post=lambda _: 0)
    memory_vm.backup().assert_application_consistent()


@pytest.fixture
def late(memory_vm):
    memory_vm.install(pre=lambda _: 0, post=lambda _: 0)
    memory_vm.backup()
    yield memory_vm
    memory_vm.backup()
    raise RuntimeError("late")


def test_twice_bad(late):
    assert False


def test_none(memory_vm):
    pass


def test_plain():
    pass
"""

workers = pytest.mark.parametrize("workers", ["0", "2"])


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    usual = ("-p", "no:randomly", "-p", "no:cacheprovider")
    return pytester.runpytest_subprocess(*usual, *options)


# -- JUnit -----------------------------------------------------------------------------------------


def junit(pytester: pytest.Pytester, *options: str) -> ET.Element:
    run(pytester, "--junitxml=found.xml", *options)
    return ET.parse(pytester.path / "found.xml").getroot()


def properties(element: ET.Element) -> dict[str, str]:
    found = [(p.attrib["name"], p.attrib["value"]) for p in element.iterfind("properties/property")]
    assert len(dict(found)) == len(found)
    return {name: "T" if "seconds" in name else value for name, value in found}


def backup(number: int, consistency: str, errors: str = "") -> dict[str, str]:
    status = "completed with warnings" if errors else "completed"
    start = f"vmsnapshot.backup.{number}"
    return {
        f"{start}.vm": "1",
        f"{start}.consistency": consistency,
        f"{start}.status": status,
        f"{start}.errors": errors,
        f"{start}.rules": "documented",
        f"{start}.guest": "memory",
        f"{start}.vm-seconds": "T",
        f"{start}.real-seconds": "T",
    }


LESS = ("file-system", "Pre-ScriptExecutionFailed")
EXPECTED = {
    "test_two": {"vmsnapshot.backups": "2", **backup(1, "application"), **backup(2, *LESS)},
    "test_bad": {"vmsnapshot.backups": "1", **backup(1, *LESS)},
}
OF_THE_CALL = {"vmsnapshot.backups": "1", **backup(1, "application")}
OF_ALL = {"vmsnapshot.backups": "2", **backup(1, "application"), **backup(2, "application")}


@workers
def test_junit_of_the_family_xunit1(pytester: pytest.Pytester, workers: str) -> None:
    pytester.makepyfile(test_a=TESTS)
    root = junit(pytester, "-o", "junit_family=xunit1", "-n", workers)
    found = [(case.attrib["name"], properties(case)) for case in root.iter("testcase")]
    twice = sorted((told for name, told in found if name == "test_twice_bad"), key=len)
    assert twice == [OF_THE_CALL, OF_ALL]
    others = {name: told for name, told in found if name != "test_twice_bad"}
    assert others == {**EXPECTED, "test_none": {}, "test_plain": {}}


@workers
def test_junit_of_the_family_xunit2(pytester: pytest.Pytester, workers: str) -> None:
    """Its schema has no properties of a test."""
    pytester.makepyfile(test_a=TESTS)
    root = junit(pytester, "-n", workers)
    for case in root.iter("testcase"):
        children = {child.tag for child in case}
        assert children <= {"skipped", "error", "failure", "system-out", "system-err"}
    (suite,) = root.iter("testsuite")
    assert properties(suite) == {
        name.replace("vmsnapshot", f"vmsnapshot[test_a.py::{test}]", 1): value
        for test, told in {**EXPECTED, "test_twice_bad": OF_ALL}.items()
        for name, value in told.items()
    }


# -- JSON lines ------------------------------------------------------------------------------------

VALIDATOR = Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def lines_of(file: Path) -> list[dict[str, Any]]:
    text = file.read_text(encoding="ascii")
    assert text.endswith("\n") or not text
    rows = [json.loads(line) for line in text.splitlines()]
    assert [error.message for row in rows for error in VALIDATOR.iter_errors(row)] == []
    return rows


@workers
def test_json_lines(pytester: pytest.Pytester, workers: str) -> None:
    pytester.makepyfile(test_a=TESTS)
    file = pytester.path / "sub" / "found.jsonl"
    for _ in range(2):  # an old file is replaced
        result = run(pytester, "--vmsnapshot-jsonl=sub/found.jsonl", "-n", workers)
        result.stdout.fnmatch_lines(["4 tests in sub/found.jsonl (JSON lines)"])
        rows = lines_of(file)
        assert [(row["test"], row["outcome"], len(row["backups"])) for row in rows] == [
            ("test_a.py::test_bad", "failed", 1),
            ("test_a.py::test_none", "passed", 0),
            ("test_a.py::test_twice_bad", "failed", 2),
            ("test_a.py::test_two", "passed", 2),
        ]
    record = TestRecord.from_json(file.read_text().splitlines()[0])
    assert record.backups[0].backup.errors[0].name == "Pre-ScriptExecutionFailed"
    assert os.listdir(file.parent) == ["found.jsonl"]
    assert file.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_json_lines_of_a_run_without_vms(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a="def test_it(): pass\n")
    (pytester.path / "found.jsonl").write_text("old\n")
    result = run(pytester, "--vmsnapshot-jsonl=found.jsonl")
    result.stdout.fnmatch_lines(["0 tests in found.jsonl (JSON lines)"])
    assert lines_of(pytester.path / "found.jsonl") == []


def test_json_lines_that_cannot_be_written(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a="def test_it(): pass\n")
    (pytester.path / "place").write_text("")
    result = run(pytester, "--vmsnapshot-jsonl=place/found.jsonl")
    result.stderr.fnmatch_lines(
        ["ERROR: --vmsnapshot-jsonl: place/found.jsonl cannot be written: File exists"]
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_file_that_is_gone_at_the_end_fails_the_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_a="""
        import os, shutil
        def test_it():
            shutil.rmtree("sub")
            os.mknod("sub")
        """
    )
    result = run(pytester, "--vmsnapshot-jsonl=sub/found.jsonl")
    result.stdout.fnmatch_lines(
        ["--vmsnapshot-jsonl: sub/found.jsonl cannot be written: Not a directory"]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_run_that_is_killed_leaves_no_half_line(pytester: pytest.Pytester) -> None:
    last = "def test_z():\n    import os\n    os.kill(os.getpid(), 9)\n"
    pytester.makepyfile(test_a=f"{TESTS}\n\n{last}")
    (pytester.path / "found.jsonl").write_text("of an earlier run\n")
    result = run(pytester, "--vmsnapshot-jsonl=found.jsonl")
    assert result.ret == -signal.SIGKILL
    assert lines_of(pytester.path / "found.jsonl") == []


def test_whatever_scripts_print_is_valid(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_a=r"""
        def pre(context):
            context.stdout.buffer.write(bytes(range(256)))
            context.stdout.write("\u2028\ufffe##vso[a.b]\n::error::")
            return 0

        def test_it(memory_vm):
            memory_vm.install(pre=pre, post=lambda _: 0)
            memory_vm.backup()
        """
    )
    run(pytester, "--vmsnapshot-jsonl=found.jsonl")
    assert len(lines_of(pytester.path / "found.jsonl")) == 1


EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("example", ["minimal", "orders", "scenarios", "acceptance"])
def test_records_of_the_examples_are_valid(example: str, tmp_path: Path) -> None:
    here, file = EXAMPLES / example, tmp_path / "found.jsonl"
    usual = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-c", str(here / "pytest.ini")]
    words = [*usual, "--rootdir", str(here), f"--vmsnapshot-jsonl={file}", str(here)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stdout
    rows = lines_of(file)
    assert any(row["backups"] for row in rows)


# -- CI --------------------------------------------------------------------------------------------

ANNOTATION = (
    "::error file=test_a.py,line=11,title=test_bad%3A Pre-ScriptExecutionFailed::AssertionError: "
    "expected an application-consistent backup, got a file-system-consistent backup%0A  "
    "Pre-ScriptExecutionFailed (300): /opt/vmsnapshot/pre.sh: exit status 3%0A  decided by: the "
    "pre-script failed and continueBackupOnFailure is true (documented rules)%0A  remedy: any exit "
    "status but 0 is a failure, and this one was 3: mend what failed (see the script's output), or "
    "end with exit 0 where 3 of a command means success"
)


def commands(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if re.match(r"\s*::|.*##(?:vso)?\[", line)]


def set_all(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, object]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))


@workers
def test_github(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str, tmp_path: Path
) -> None:
    page = tmp_path / "step.md"
    set_all(monkeypatch, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": page})
    pytester.makepyfile(test_a=TESTS)
    result = run(pytester, "--vmsnapshot-ci=auto", "-n", workers)
    assert commands(result) == [
        ANNOTATION,
        "::error file=test_a.py,line=25,title=test_twice_bad::assert False",
    ]
    text = page.read_text()
    assert text.startswith(
        "### Backups\n\n5 backups: 3 application, 2 file-system (1 expected); 0.0 ms of VM time in "
    )
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert [re.findall(r"<code>(.*?)</code>", row)[:2] for row in rows[2:]] == [
        ["test&#95;a&#46;py&#58;&#58;test&#95;bad", "file-system"],
    ]
    assert text.count("<details>") == 2


def test_off_is_the_default(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "step.md"
    set_all(monkeypatch, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": page})
    pytester.makepyfile(test_a=TESTS)
    assert commands(run(pytester)) == []
    assert not page.exists()
    pytester.makeini("[pytest]\nvmsnapshot_ci = auto\n")
    assert commands(run(pytester, "--vmsnapshot-ci=off")) == []
    assert len(commands(run(pytester))) == 2
    assert page.exists()


def test_auto_where_no_ci_is(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a=TESTS)
    result = run(pytester, "--vmsnapshot-ci=auto")
    assert commands(result) == []
    assert "gets no page" not in result.stdout.str()


def test_azure(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_all(monkeypatch, {"TF_BUILD": "True", "AGENT_TEMPDIRECTORY": tmp_path})
    monkeypatch.setenv("BUILD_SOURCESDIRECTORY", str(pytester.path.parent))
    pytester.makepyfile(test_a=TESTS)
    *issues, page = commands(run(pytester, "--vmsnapshot-ci=auto", "-q"))
    start = f"##vso[task.logissue type=error;sourcepath={pytester.path.name}/test_a.py;linenumber="
    assert [line.partition("%0A")[0] for line in issues] == [
        f"{start}11;]test_bad: Pre-ScriptExecutionFailed: AssertionError: expected an "
        "application-consistent backup, got a file-system-consistent backup",
        f"{start}25;]test_twice_bad: assert False",
    ]
    file = Path(page.removeprefix("##vso[task.uploadsummary]"))
    assert file.is_relative_to(tmp_path)
    assert file.read_text().startswith("### Backups\n\n5 backups: ")


def test_without_a_terminal_the_page_is_there(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "step.md"
    set_all(monkeypatch, {"GITHUB_STEP_SUMMARY": page})
    pytester.makepyfile(test_a=TESTS)
    run(pytester, "--vmsnapshot-ci=github", "-p", "no:terminal")
    assert page.read_text().startswith("### Backups\n")


def test_words_that_cannot_be_meant(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nvmsnapshot_ci = gitlab\n")
    result = run(pytester)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: ini: vmsnapshot_ci='gitlab' is none of auto, github, azure, off"]
    )
    result = run(pytester, "--vmsnapshot-ci=jenkins")
    assert "invalid choice: 'jenkins'" in result.stderr.str()


HOSTILE = r"""
import pytest

PRINT = "::stop-commands::x\n  ::error::a\n##[error]b\ntext ##vso[task.complete result=Failed;]c"


def pre(context):
    context.stdout.write(PRINT)
    return 3


def test_bad(memory_vm):
    memory_vm.install(pre=pre, post=lambda _: 0)
    backup = memory_vm.backup()
    print(backup.pre.stdout)
    print(backup)
    backup.assert_application_consistent()


def test_plain(memory_vm):
    memory_vm.install(pre=pre, post=lambda _: 0)
    assert memory_vm.backup().pre.stdout == "fine"


def test_raised(memory_vm):
    memory_vm.install(pre=pre, post=lambda _: 0)
    raise RuntimeError(memory_vm.backup().pre.stdout)


def test_skipped(memory_vm):
    memory_vm.install(pre=pre, post=lambda _: 0)
    pytest.skip(memory_vm.backup().pre.stdout)
"""


@pytest.mark.parametrize(
    ("style", "workers"),
    [("long", "0"), ("short", "0"), ("native", "0"), ("line", "2"), ("long", "2")],
)
def test_scripts_have_no_say_in_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str, style: str
) -> None:
    monkeypatch.setenv("TF_BUILD", "True")
    pytester.makepyfile(test_a=HOSTILE)
    result = run(pytester, f"--tb={style}", "-n", workers, "-rA", "-vv")
    result.assert_outcomes(failed=3, skipped=1)
    text = result.stdout.str()
    assert r"\x23#vso[task.complete" in text
    assert commands(result) == []


def test_without_a_ci_pytest_shows_what_there_is(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a=HOSTILE)
    text = run(pytester, "-k", "bad").stdout.str()
    assert "##vso[task.complete" in text.partition("pre-script, standard output")[0]
    ours = text.partition("pre-script, standard output")[2]
    assert r"\x23#vso[task.complete" in ours
    assert r"\x3a:stop-commands::x" in ours


REAL = r'''
PRE = """#!/bin/sh
printf '%s\\n' '::error::a' 'b ##vso[task.complete]c'
mysql '##[x] ##vso[a.b]d'
exit 3
"""


def test_bad(vm):
    vm.install(pre=PRE, post="#!/bin/sh\n")
    vm.command("mysql")
    vm.backup().assert_application_consistent()
'''


@workers
def test_a_vm_with_processes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.setenv("TF_BUILD", "True")
    pytester.makepyfile(test_a=REAL)
    options = ("--vmsnapshot-jsonl=found.jsonl", "--junitxml=found.xml", "-ojunit_family=xunit1")
    result = run(pytester, "--vmsnapshot-ci=auto", *options, "-n", workers)
    result.assert_outcomes(failed=1)
    (issue,) = commands(result)
    assert issue.startswith("##vso[task.logissue type=error;sourcepath=test_a.py;linenumber=")
    text = result.stdout.str()
    assert r"    mysql \x23#[x] \x23#vso[a.b]d" in text.replace("'", "")
    assert "\n\\x3a:error::a\nb \\x23#vso[task.complete]c\n" in text
    (row,) = lines_of(pytester.path / "found.jsonl")
    (told,) = row["backups"]
    assert "b ##vso[task.complete]c" in told["backup"]["pre"]["attempts"][0]["output"]["head"]
    assert [script["path"] for script in told["scripts"]] == [
        "/opt/vmsnapshot/pre.sh",
        "/opt/vmsnapshot/post.sh",
    ]
    (case,) = ET.parse(pytester.path / "found.xml").getroot().iter("testcase")
    assert properties(case)["vmsnapshot.backup.1.guest"].startswith("namespaces")
