"""The fixture ``memory_vm`` as the author of a test sees it."""

from __future__ import annotations

import re

import pytest

RULE = "-" * 36


def normalised(lines: list[str]) -> list[str]:
    """Real times change from run to run, and with them the rules around headings."""
    text = "\n".join(lines)
    text = re.sub(r"-+ (backup .*?) -+", r"-- \1 --", text)
    text = re.sub(r"\d+(\.\d+)? m?s real", "R real", text)
    text = re.sub(r"\d+ files, .* in .* ms", "N files", text)
    return text.splitlines()


HANGS = """
import pytest

def hang(context):
    context.error("waiting for", *context.params)
    context.sleep(3600)

@pytest.fixture
def installed(memory_vm):
    memory_vm.install(pre=hang, post=lambda context: 0, pre_params=["orders"])
    return memory_vm

def test_it(installed):
    installed.backup().assert_application_consistent()
"""


def test_report_of_a_failure(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_orders=HANGS)
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(failed=1)
    lines = normalised(result.outlines)
    start = next(i for i, line in enumerate(lines) if line.startswith("E "))
    assert " ".join(line[2:].strip() for line in lines[start : start + 3]) == (
        "AssertionError: expected an application-consistent backup, got a file-system-consistent "
        "backup Pre-ScriptTimeout (308): /opt/vmsnapshot/pre.sh was stopped at its limit of 30 s, "
        "waiting in: context.sleep(3600) decided by: the pre-script timed out and "
        "continueBackupOnFailure is true (documented rules)"
    )
    start = lines.index("-- backup 1 · 30.0 s on the VM's clock, R real --")
    end = next(i for i, line in enumerate(lines) if " not application-consistent " in line)
    shown = lines[start:end]
    start = shown.index("   0.000  precheck     ok")
    assert shown[start:] == [
        "   0.000  precheck     ok",
        "   0.000  pre-script   /opt/vmsnapshot/pre.sh orders",
        "  30.000  pre-script   waiting in: context.sleep(3600)",
        "  30.000  pre-script   stopped at its limit with 1 process",
        "  30.000  freeze       /data, / (simulated: every process is paused)",
        "  30.000  snapshot     N files",
        "  30.000  thaw         done",
        "  30.000  post-script  /opt/vmsnapshot/post.sh",
        "  30.000  post-script  exit status 0",
        "modelled: scripts ran as Python functions of the test, on a file system in memory",
        "modelled: the freeze was simulated by pausing every process of the VM",
        (
            "under shipped rules: the pre-script would not be stopped at its limit but run on "
            "during freeze and snapshot and beside the post-script: on the VM the verdict would be "
            "the same"
        ),
        f"{RULE} pre-script, standard error {RULE}",
        "waiting for orders",
        "-" * 100,
        "replay: pytest test_orders.py::test_it",
    ]


@pytest.mark.parametrize(
    "arguments",
    [["-p", "no:timeout"], ["-n", "2"], ["--import-mode=importlib"], ["-W", "error"], ["-s"]],
    ids=" ".join,
)
def test_works_with(pytester: pytest.Pytester, arguments: list[str]) -> None:
    pytester.makepyfile(
        """
        import os
        from pathlib import Path

        def test_one(fs, memory_vm):
            fs.create_file("/srv/orders.db", contents="open")
            memory_vm.install(
                pre=lambda context: Path("/srv/orders.db").write_text("clean") and 0,
                post=lambda context: Path("/srv/orders.db").write_text("open") and 0,
            )
            backup = memory_vm.backup()
            backup.assert_application_consistent()
            assert backup.recovery_point.read_text("/srv/orders.db") == "clean"

        def test_two(memory_vm, fs):
            assert fs.exists("/etc/azure") and os.getuid() == 0
            assert memory_vm.backup().errors == ()
            assert not os.path.exists("/srv/orders.db")

        def test_three():
            assert not os.path.exists("/srv/orders.db")
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly", *arguments)
    result.assert_outcomes(passed=3)


def test_our_modules_are_the_same_after_every_use_of_fs(pytester: pytest.Pytester) -> None:
    """Pyfakefs forgets what is imported while it is at work: it must not be ours."""
    pytester.makepyfile(
        """
        import sys

        KEPT = {}

        def ours():
            return {n: m for n, m in sys.modules.items() if n.startswith("pytest_vmsnapshot")}

        def test_fails(fs):
            KEPT.update(ours())
            raise RuntimeError("its report is made while fs is at work")

        def test_first(fs, memory_vm):
            KEPT.update(ours())
            memory_vm.backup().assert_file_system_consistent()

        def test_second(memory_vm, fs):
            assert {name: ours()[name] for name in KEPT} == KEPT
            memory_vm.backup().assert_file_system_consistent()
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(passed=2, failed=1)


def test_user_is_as_before_afterwards(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os
        import pytest
        from pyfakefs.helpers import get_uid, set_uid

        BEFORE = get_uid()

        @pytest.fixture
        def someone(fs):
            set_uid(1234)
            yield
            assert get_uid() == 1234

        def test_root(someone, memory_vm):
            assert os.getuid() == 0

        def test_before():
            assert get_uid() == BEFORE
        """
    )
    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=2)


def test_assertion_in_a_script_fails_the_test_at_its_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def pre(context):
            assert context.params == ("orders",)

        def test_it(memory_vm):
            memory_vm.install(pre=pre, post=lambda context: 0)
            memory_vm.backup()
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       assert context.params == (*orders*,)",
            "E       AssertionError: assert () == (*orders*,)",
            "*.py:2: AssertionError",
        ]
    )


def test_marker_and_options_count(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from pytest_vmsnapshot import Consistency

        @pytest.fixture(autouse=True)
        def installed(memory_vm):
            memory_vm.install(
                pre=lambda context: 1, post=lambda context: 0, continue_on_failure=False
            )

        def test_option(memory_vm):
            memory_vm.backup().assert_crash_consistent()

        @pytest.mark.vm(disks=2, guest="rootless")
        def test_marker(memory_vm):
            memory_vm.backup().assert_failed()
        """
    )
    result = pytester.runpytest_subprocess("--vmsnapshot-disks=1")
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*vmsnapshot: guest *")


def test_marker_no_vm_can_have(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.vm(disks=0)
        def test_it(memory_vm): ...
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["marker: disks=0; write a whole number from 1 up"])


def test_fixture_of_another_kind_is_called_fs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def fs():
            return "disk"

        def test_it(memory_vm): ...
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    assert (
        "memory_vm needs pyfakefs's fixture fs, but here fs is 'disk'; give the project's own "
        "fixture another name"
    ) in result.outlines


@pytest.mark.parametrize("names", ["vm, memory_vm", "memory_vm, vm_factory"])
def test_both_kinds_of_vm_in_one_test(pytester: pytest.Pytester, names: str) -> None:
    pytester.makepyfile(f"def test_it({names}): ...")
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(errors=1)
    assert (
        "a test cannot use both vm and memory_vm: while pyfakefs hides the files of the host, no "
        "other VM works; write two tests"
    ) in result.outlines


def test_plugin_of_pyfakefs_switched_off(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(memory_vm): ...")
    result = pytester.runpytest_subprocess("-p", "no:fakefs")
    result.assert_outcomes(errors=1)
    assert (
        "memory_vm needs the fixture fs of pyfakefs's pytest plugin, which is not loaded here; "
        "take -p no:fakefs away, or write -p pyfakefs.pytest_plugin"
    ) in result.outlines


def test_pyfakefs_is_imported_only_when_memory_vm_is_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        import pytest_vmsnapshot

        def test_it():
            assert [name for name in sys.modules if name.startswith("pyfakefs")] == []
            assert "pytest_vmsnapshot.memory" not in sys.modules
        """
    )
    pytester.runpytest_subprocess("-p", "no:fakefs").assert_outcomes(passed=1)
