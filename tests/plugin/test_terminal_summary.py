"""What the terminal shows of all backups of a run."""

from __future__ import annotations

import re

import pytest

GOOD = """
def test_good(memory_vm):
    memory_vm.install(pre=lambda _: 0, post=lambda _: 0)
    memory_vm.backup()
    memory_vm.backup()


def test_less(memory_vm):
    memory_vm.install(pre=lambda _: 3, post=lambda _: 0)
    memory_vm.backup().assert_error("Pre-ScriptExecutionFailed")
"""

BAD = """
def test_bad(memory_vm):
    memory_vm.install(pre=lambda _: 0, post=lambda _: 0)
    memory_vm.backup()
    memory_vm.install(pre=lambda _: 3, post=lambda _: 0)
    memory_vm.backup().assert_application_consistent()
"""

CLOSING = "vmsnapshot: 3 backups: 2 application, 1 file-system (expected); T of VM time in T"


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    usual = ("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:rerunfailures")
    return pytester.runpytest_subprocess(*usual, *options)


def shown(result: pytest.RunResult) -> list[str]:
    """What is ours, without what differs from run to run."""
    lines = [re.sub(r"\b\d+(\.\d)? m?s\b", "T", line) for line in result.outlines]
    table = [n for n, line in enumerate(lines) if line.strip("= ") == "not application-consistent"]
    closing = [n for n, line in enumerate(lines) if line.startswith("vmsnapshot: ")][-1:]
    start = (table or closing)[0]
    found: list[str] = []
    for line in lines[start:]:
        if found and re.match(r"=|FAILED|\d+ (?:passed|failed)", line):
            break
        if found and found[-1].startswith("vmsnapshot: "):  # it is wrapped
            found[-1] += f" {line.strip()}"
        else:
            found.append(line)
    return found[1:] if table else found


def test_all_is_as_it_should_be(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a=GOOD)
    assert shown(run(pytester)) == [CLOSING]
    assert shown(run(pytester, "-q")) == [CLOSING]
    result = run(pytester, "-v")
    assert shown(result) == [
        "test                  consistency  error                      VM time",
        "test_a.py::test_less  file-system  Pre-ScriptExecutionFailed  T",
        CLOSING,
    ]
    result.stdout.re_match_lines(
        [r"test_a\.py::test_good PASSED \(2 backups\) +\[", r".*test_less PASSED \(1 backup\) +\["]
    )


@pytest.mark.parametrize("options", [["-qq"], ["--no-summary"], ["-p", "no:terminal"]])
def test_who_wants_no_summary_gets_none(pytester: pytest.Pytester, options: list[str]) -> None:
    pytester.makepyfile(test_a=GOOD + BAD)
    text = run(pytester, *options).stdout.str()
    assert "backups: " not in text
    assert "VM time" not in text


def test_a_run_without_backups(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a="def test_it(memory_vm): pass\ndef test_plain(): pass\n")
    result = run(pytester, "-v")
    assert "VM time" not in result.stdout.str()
    assert "PASSED (" not in result.stdout.str()
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_failed_test_has_its_row(pytester: pytest.Pytester, workers: str) -> None:
    pytester.makepyfile(test_a=GOOD, test_b=BAD)
    row = "test_b.py::test_bad (backup 2)  file-system  Pre-ScriptExecutionFailed  T"
    result = run(pytester, "-n", workers)
    assert shown(result) == [
        "test                            consistency  error                      VM time",
        row,
        "vmsnapshot: 5 backups: 3 application, 2 file-system (1 expected); T of VM time in T",
    ]
    assert shown(run(pytester, "-n", workers, "-v"))[1:3] == [
        row,
        "test_a.py::test_less            file-system  Pre-ScriptExecutionFailed  T",
    ]
    assert shown(run(pytester, "-n", workers, "-q")) == [
        "vmsnapshot: 5 backups: 3 application, 2 file-system (1 expected); T of VM time in T",
    ]


def test_narrow_and_wide(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "test_" + "long" * 12
    pytester.makepyfile(test_b=BAD.replace("test_bad", name))
    monkeypatch.setenv("COLUMNS", "40")
    result = run(pytester)
    start = result.outlines.index("====== not application-consistent ======")
    assert max(map(len, result.outlines[start : start + 6])) <= 40
    assert shown(result) == [
        "...nglonglonglonglonglonglong (backup 2)",
        "  file-system, T",
        "  Pre-ScriptExecutionFailed",
        "vmsnapshot: 2 backups: 1 application, 1 file-system; T of VM time in T",
    ]
    monkeypatch.setenv("COLUMNS", "200")
    assert shown(run(pytester)) == [
        f"{'test':<75}  consistency  error                      VM time",
        f"test_b.py::{name} (backup 2)  file-system  Pre-ScriptExecutionFailed  T",
        "vmsnapshot: 2 backups: 1 application, 1 file-system; T of VM time in T",
    ]
    monkeypatch.setenv("COLUMNS", "80")
    assert shown(run(pytester))[1].startswith("...")
    assert len(shown(run(pytester))[1]) <= 80


def test_colours(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(test_a=GOOD, test_b=BAD)
    red, green, yellow = ("\x1b[31m", "\x1b[32m", "\x1b[33m")
    text = run(pytester, "--color=yes", "test_a.py").stdout.str()
    assert f"{green}vmsnapshot: 3 backups: " in text
    text = run(pytester, "--color=yes").stdout.str()
    assert f"{red}vmsnapshot: 5 backups: " in text
    assert f"{yellow}test_b.py::test_bad (backup 2) " in text
    assert "\x1b" not in run(pytester, "--color=no").stdout.str()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run(pytester).stdout.str()


def test_a_terminal_that_knows_ascii_only(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pytester.path / "test_ü.py").write_text(BAD, encoding="utf-8")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("PYTHONUTF8", "0")
    result = run(pytester)
    assert shown(result)[1].startswith("test_\\xfc.py::test_bad (backup 2)")


MANY = """
import pytest

@pytest.mark.parametrize("n", range(23))
def test_bad(memory_vm, n):
    memory_vm.install(pre=lambda _: 3, post=lambda _: 0)
    memory_vm.backup().assert_application_consistent()
"""


def test_many_rows_are_cut_without_v(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a=MANY)
    lines = shown(run(pytester, "--tb=no"))
    assert len(lines) == 1 + 20 + 1 + 1
    assert lines[-2:] == [
        "and 3 more, with -v",
        "vmsnapshot: 23 backups: 23 file-system; T of VM time in T",
    ]
    assert len(shown(run(pytester, "--tb=no", "-v"))) == 1 + 23 + 1


RERUN = """
TRIED = []

def test_flaky(memory_vm):
    memory_vm.install(pre=lambda _: 3, post=lambda _: 0)
    memory_vm.backup()
    TRIED.append(1)
    assert len(TRIED) == 3
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_test_that_is_run_again_counts_once(pytester: pytest.Pytester, workers: str) -> None:
    pytest.importorskip("pytest_rerunfailures", reason="needs the package pytest-rerunfailures")
    pytester.makepyfile(test_a=RERUN)
    result = pytester.runpytest_subprocess("--reruns=5", "-n", workers, "-p", "no:cacheprovider")
    assert result.parseoutcomes() == {"passed": 1, "rerun": 2}
    assert shown(result) == [
        "vmsnapshot: 1 backup: 1 file-system (expected); T of VM time in T (2 earlier runs of a "
        "test not counted)",
    ]


def test_words_of_other_plugins_are_kept(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
        def pytest_report_teststatus(report):
            if report.when == "call":
                return "fine", "f", ("FINE", {"blue": True})
    """)
    pytester.makepyfile(test_a=GOOD)
    result = run(pytester, "-v", "--color=yes")
    assert "\x1b[34mFINE (2 backups)\x1b[0m" in result.stdout.str()
    assert "f" in run(pytester, "--color=no").stdout.str()
    assert run(pytester).parseoutcomes() == {"fine": 2}
