"""What the author of a test sees when it fails."""

from __future__ import annotations

import re

import pytest


def normalised(lines: list[str]) -> list[str]:
    """Times and the rules around headings change from run to run."""
    text = "\n".join(lines)
    text = re.sub(r"-+ (backup .*?) -+", r"-- \1 --", text)
    text = re.sub(r"\d+(\.\d+)? m?s real", "R real", text)
    text = re.sub(r"0\.\d s on", "0.0 s on", text)  # a busy machine takes a tenth for a script
    text = re.sub(r"^ +\d+\.\d{3}  ", "   T  ", text, flags=re.MULTILINE)
    text = re.sub(r"\d+ files, .* in .* ms", "N files", text)
    return text.splitlines()


def test_report_of_a_failure(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_orders="""
        def test_quiesced(vm):
            vm.install(
                pre="#!/bin/sh\\necho draining; echo no connection >&2; exit 3\\n",
                post="#!/bin/sh\\n",
                pre_params=["orders"],
            )
            vm.backup().assert_application_consistent()
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "E       AssertionError: expected an application-consistent backup, got a "
            "file-system-consistent backup",
            "E         Pre-ScriptExecutionFailed (300): /opt/vmsnapshot/pre.sh: exit status 3",
            "E         decided by: the pre-script failed and continueBackupOnFailure is true "
            "(documented rules)",
            "E         remedy: any exit status but 0 is a failure, and this one was 3: mend what "
            "failed (see the script's output), or end with exit 0 where 3 of a command means "
            "success",
            "test_orders.py:7: AssertionError",
        ],
    )
    lines = normalised(result.outlines)
    start = lines.index("-- backup 1 · 0.0 s on the VM's clock, R real --")
    end = lines.index("=" * 26 + " not application-consistent " + "=" * 26)
    assert lines[start + 1 : end] == [
        "A file-system-consistent backup",
        "  Pre-ScriptExecutionFailed (300): /opt/vmsnapshot/pre.sh: exit status 3",
        "  decided by: the pre-script failed and continueBackupOnFailure is true "
        "(documented rules)",
        "  remedy: any exit status but 0 is a failure, and this one was 3: mend what failed (see "
        "the script's output), or end with exit 0 where 3 of a command means success",
        "   T  precheck     ok",
        "   T  pre-script   /opt/vmsnapshot/pre.sh orders",
        "   T  pre-script   exit status 3",
        "   T  freeze       /data, / (simulated: every process is paused)",
        "   T  snapshot     N files",
        "   T  thaw         done",
        "   T  post-script  /opt/vmsnapshot/post.sh",
        "   T  post-script  exit status 0",
        "modelled: the freeze was simulated by pausing every process of the VM",
        "-" * 35 + " pre-script, standard output " + "-" * 36,
        "draining",
        "-" * 36 + " pre-script, standard error " + "-" * 36,
        "no connection",
        "-" * 100,
        "replay: pytest test_orders.py::test_quiesced",
    ]


def test_plain_assert_shows_the_backup(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from pytest_vmsnapshot import Status

        def test_it(vm):
            vm.install(pre="#!/bin/sh\\nexit 3\\n", post="#!/bin/sh\\n")
            backup = vm.backup()
            assert backup.status is Status.COMPLETED
        """
    )
    result = pytester.runpytest_subprocess()
    result.stdout.re_match_lines(
        [
            r".*<Backup 1: completed with warnings, file-system, Pre-ScriptExecutionFailed \(300\),"
            r" pre-script exit status 3, post-script exit status 0, 0\.\d s>.*"
        ]
    )


def test_each_backup_of_each_vm_has_its_section(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(vm_factory):
            for count in (1, 2):
                vm = vm_factory()
                vm.install(pre="#!/bin/sh\\n", post="#!/bin/sh\\n")
                for _ in range(count):
                    vm.backup()
            raise RuntimeError("unrelated")
        """
    )
    result = pytester.runpytest_subprocess()
    headings = re.findall(r"-+ (vm \d, backup \d) ", "\n".join(result.outlines))
    assert headings == ["vm 1, backup 1", "vm 2, backup 1", "vm 2, backup 2"]


def test_passing_tests_print_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(vm):
            vm.install(pre="#!/bin/sh\\necho noise\\n", post="#!/bin/sh\\n")
            vm.backup().assert_application_consistent()
        """
    )
    result = pytester.runpytest_subprocess("-rA")
    result.stdout.no_fnmatch_line("*noise*")
    result.assert_outcomes(passed=1)


def test_mistakes_point_at_the_line_of_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(vm):
            vm.install(pre="deploy/pre.sh", post="#!/bin/sh\\n", pre_params="orders", timeout=0)
        """
    )
    result = pytester.runpytest_subprocess()
    result.stdout.fnmatch_lines(
        [
            ">       vm.install(pre=*",
            "E       pytest_vmsnapshot.errors.UsageError: 3 mistakes:",
            "E         - pre_params is a string, 'orders'; write pre_params=['orders']",
            "E         - timeout is 0; write a whole number from 1 up, or use install_config() for "
            "a config that is wrong on purpose",
            "E         - pre: there is no */deploy/pre.sh; write the path of a local file, or the "
            "script's text with its line ends",
            "test_mistakes_point_at_the_line_of_the_test.py:2: UsageError",
        ]
    )


def test_scripts_are_found_from_the_root_and_beside_the_test(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]")
    pytester.mkdir("deploy").joinpath("pre.sh").write_text("#!/bin/sh\necho root\n")
    tests = pytester.mkdir("tests")
    tests.joinpath("post.sh").write_text("#!/bin/sh\necho beside\n")
    tests.joinpath("test_it.py").write_text(
        "def test_it(vm):\n"
        "    vm.install(pre='deploy/pre.sh', post='post.sh')\n"
        "    backup = vm.backup()\n"
        "    assert backup.pre.argv == ('/opt/deploy/pre.sh',)\n"
        "    assert (backup.pre.stdout, backup.post.stdout) == ('root\\n', 'beside\\n')\n"
    )
    pytester.chdir()
    result = pytester.runpytest_subprocess("tests")
    result.assert_outcomes(passed=1)


def test_doubles_that_nobody_called(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(vm):
            vm.command("mysql")
            vm.command("/usr/bin/systemctl")
            vm.command("psql")
            vm.run("psql")
            assert vm.never_called == ("/usr/local/sbin/mysql", "/usr/bin/systemctl")
            assert False
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    lines = result.outlines
    start = next(
        index for index, line in enumerate(lines) if line.strip("-") == " command doubles "
    )
    assert lines[start + 1 : start + 3] == [
        "never-called: nobody called the command double /usr/local/sbin/mysql; take it away, or "
        "say optional=True",
        "never-called: nobody called the command double /usr/bin/systemctl; take it away, or say "
        "optional=True",
    ]
