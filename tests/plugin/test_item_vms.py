"""Tests that are no functions have all that a test with a fixture has."""

from __future__ import annotations

import pytest

CONFTEST = """
import pytest
from pytest_vmsnapshot.item_vms import VmItem
from pytest_vmsnapshot.settings import Source


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".pre":
        return Scripts.from_parent(parent, path=file_path)


class Scripts(pytest.File):
    def collect(self):
        yield Script.from_parent(self, name="one")


class Script(VmItem):
    def vm_sources(self):
        return (Source("Script", {settings}),)

    def runtest(self):
        vm = self.make_vm()
        vm.install(pre=self.path.read_text(), post="#!/bin/sh\\n"{more})
        vm.backup().assert_application_consistent()

    def repr_failure(self, excinfo):
        return str(excinfo.value)
"""


def run(
    pytester: pytest.Pytester,
    script: str,
    *options: str,
    settings: str = "{}",
    more: str = "",
) -> pytest.RunResult:
    # (str.format would trip over the braces)
    text = CONFTEST.replace("{settings}", settings).replace("{more}", more)
    pytester.makeconftest(text)
    pytester.makefile(".pre", one=script)
    return pytester.runpytest_subprocess("-p", "no:randomly", *options)


def test_it_passes(pytester: pytest.Pytester) -> None:
    result = run(pytester, "#!/bin/sh\n", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["vmsnapshot: guest *", "one.pre::one PASSED*"])


def test_a_failure_has_its_sections(pytester: pytest.Pytester) -> None:
    result = run(pytester, "#!/bin/sh\nexit 3\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "expected an application-consistent backup, got a file-system-consistent backup",
            "-* backup 1 *",
            "replay: pytest one.pre::one",
        ]
    )


def test_what_is_left_fails_it(pytester: pytest.Pytester) -> None:
    result = run(pytester, "#!/bin/sh\nsleep 1000 &\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["this test passed, but it fails for what was found on its VM afterwards:"]
    )


@pytest.mark.parametrize(
    "settings", ['{"allow": ["processes"]}', '{"allow": ["processes"], "rules": "documented"}']
)
def test_its_own_settings(pytester: pytest.Pytester, settings: str) -> None:
    script = "#!/bin/sh\nsleep 1000 &\n"
    result = run(pytester, script, "--vmsnapshot-allow=units", settings=settings)
    result.assert_outcomes(passed=1)


def test_settings_no_vm_can_have(pytester: pytest.Pytester) -> None:
    result = run(pytester, "#!/bin/sh\n", settings='{"rules": "shippd"}')
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["Script: rules='shippd' is none of documented, shipped"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_missing_shell_skips(pytester: pytest.Pytester) -> None:
    settings = '{"shell": "yash", "agent_env": {"PATH": "/nowhere"}}'
    result = run(pytester, "#!/bin/sh\n", "-rs", settings=settings)
    result.assert_outcomes(skipped=1)


def test_warnings_point_at_it(pytester: pytest.Pytester) -> None:
    result = run(pytester, "#!/bin/bash\na=(1)\n", settings='{"shell": "dash"}')
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["one.pre::one", "*RulesDiffer: the documented and the shipped*"])


def test_warnings_can_be_failures(pytester: pytest.Pytester) -> None:
    script, settings = "#!/bin/bash\na=(1)\n", '{"shell": "dash"}'
    result = run(pytester, script, "--vmsnapshot-strict", settings=settings)
    result.assert_outcomes(failed=1)


def test_it_has_a_time_limit(pytester: pytest.Pytester) -> None:
    more = ", timeout=1)\n        vm.on('after_pre', lambda _: __import__('time').sleep(60)"
    result = run(pytester, "#!/bin/sh\n", "--timeout=1", more=more)
    assert "Timeout" in "\n".join(result.outlines)
    assert result.ret != 0


def test_each_of_two_workers_says_its_guest(pytester: pytest.Pytester) -> None:
    pytester.makefile(".pre", two="#!/bin/sh\n", three="#!/bin/sh\n")
    result = run(pytester, "#!/bin/sh\n", "-n", "2")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["vmsnapshot: guest *worker*"])
