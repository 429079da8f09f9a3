"""Scenario files as pytest shows them."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

PLAIN = ("-p", "no:randomly", "-p", "no:cacheprovider")

ONE = """\
install = { pre = "pre.sh", post = "#!/bin/sh" }
expect.consistency = "application"
"""

SEVERAL = """\
install = { pre = "pre.sh", post = "#!/bin/sh" }

[[case]]
name = "works"
vm.rules = ["documented", "shipped"]
expect.consistency = "application"

[[case]]
name = "falls back"
vm.shell = ["dash", "bash"]
vm.rules = ["shipped", "documented"]
faults.pre.exit_status = 3
expect.pre.exit_status = 3

[[case]]
name = "is wrong"
description = "It expects too much."
faults.pre.exit_status = 3
expect.consistency = "application"
"""


def run(pytester: pytest.Pytester, text: str, *options: str) -> pytest.RunResult:
    pytester.path.joinpath("pre.sh").write_text("#!/bin/sh\necho resting\n")
    pytester.path.joinpath("orders.vmsnapshot.toml").write_text(text)
    return pytester.runpytest_subprocess(*PLAIN, *options)


def test_one_file_is_one_test(pytester: pytest.Pytester) -> None:
    result = run(pytester, ONE, "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["vmsnapshot: guest *", "orders.vmsnapshot.toml::orders PASSED *"])


IDS = [
    "orders.vmsnapshot.toml::works[documented]",
    "orders.vmsnapshot.toml::works[shipped]",
    "orders.vmsnapshot.toml::falls back[shipped-dash]",
    "orders.vmsnapshot.toml::falls back[shipped-bash]",
    "orders.vmsnapshot.toml::falls back[documented-dash]",
    "orders.vmsnapshot.toml::falls back[documented-bash]",
    "orders.vmsnapshot.toml::is wrong",
]


def test_ids(pytester: pytest.Pytester) -> None:
    result = run(pytester, SEVERAL, "--collect-only", "-q")
    assert [line for line in result.outlines if "::" in line] == IDS
    result.stdout.no_fnmatch_line("vmsnapshot: guest *")


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("-k", "works"), 2),
        (("-k", "dash"), 2),
        (("-k", "falls and shipped"), 2),
        ((IDS[1],), 1),
        (("orders.vmsnapshot.toml::works",), 2),
        (("orders.vmsnapshot.toml::works", IDS[4]), 3),
        (("--deselect", "orders.vmsnapshot.toml::falls back", "-k", "not wrong"), 2),
    ],
)
def test_selection(pytester: pytest.Pytester, options: tuple[str, ...], count: int) -> None:
    picked = options[0] in ("-k", "--deselect")
    result = run(pytester, SEVERAL, *options)
    result.assert_outcomes(passed=count, deselected=7 - count if picked else 0)


def test_a_failure(pytester: pytest.Pytester) -> None:
    result = run(pytester, SEVERAL, "-k", "wrong")
    lines = [re.sub(r"\d+(\.\d+)? ms|\d+\.\d s", "TIME", line) for line in result.outlines]
    start = lines.index("is wrong: not as expected: consistency")
    end = next(index for index, line in enumerate(lines) if line.startswith("---"))
    assert lines[start:end] == [
        "is wrong: not as expected: consistency",
        "  It expects too much.",
        '  orders.vmsnapshot.toml:19: consistency: expected "application", got "file-system"',
        "got a file-system-consistent backup",
        "  Pre-ScriptExecutionFailed (300): /opt/pre.sh: exit status 3",
        "  decided by: the pre-script failed and continueBackupOnFailure is true (documented "
        "rules)",
        "  fault asked for by the test: the pre-script ends with exit status 3 after its work",
        "  remedy: any exit status but 0 is a failure, and this one was 3: mend what failed (see "
        "the script's output), or end with exit 0 where 3 of a command means success",
    ]
    assert "resting" in lines
    assert "replay: pytest 'orders.vmsnapshot.toml::is wrong'" in lines
    assert lines[-2].startswith("FAILED orders.vmsnapshot.toml::is wrong - is wrong: not as expect")
    assert "Traceback" not in "\n".join(lines)


def test_the_replay_command_works(pytester: pytest.Pytester) -> None:
    run(pytester, SEVERAL, IDS[-1]).assert_outcomes(failed=1)


def test_a_line_is_where_pytest_says(pytester: pytest.Pytester) -> None:
    result = run(pytester, SEVERAL, "-k", "wrong", "--junitxml=j.xml", "-o", "junit_family=xunit1")
    result.assert_outcomes(failed=1, deselected=6)
    case = ET.parse(pytester.path / "j.xml").find(".//testcase")
    assert case is not None
    assert case.get("name") == "is wrong"
    assert case.get("classname") == "orders.vmsnapshot.toml"
    assert (case.get("file"), case.get("line")) == ("orders.vmsnapshot.toml", "14")


def test_with_workers_and_last_failed(pytester: pytest.Pytester) -> None:
    options = ("-n", "2", "-p", "cacheprovider")
    run(pytester, SEVERAL, *options).assert_outcomes(passed=6, failed=1)
    result = run(pytester, SEVERAL, "--lf", "-p", "cacheprovider")
    result.assert_outcomes(failed=1)
    run(pytester, SEVERAL, "-x").assert_outcomes(passed=6, failed=1)


def test_random_order(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it="def test_it(vm): pass")
    run(pytester, SEVERAL, "-p", "randomly").assert_outcomes(passed=7, failed=1)


# -- files that are wrong --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = ", ["orders.vmsnapshot.toml:1: not TOML: invalid value at the end of the file"]),
        (
            'installs.pre = "pre.sh"\nexpect.errs = 300\n',
            [
                "2 mistakes:",
                "  - orders.vmsnapshot.toml:1: a scenario has no key 'installs'; is install meant?",
                "  - orders.vmsnapshot.toml:2: expect has no key 'errs'; is errors meant?",
            ],
        ),
    ],
)
def test_a_file_that_is_wrong(pytester: pytest.Pytester, text: str, told: list[str]) -> None:
    pytester.makepyfile("def test_other(): pass")
    result = run(pytester, text)
    result.assert_outcomes(errors=1)
    lines = result.outlines
    start = next(i for i, line in enumerate(lines) if "ERROR collecting" in line)
    assert lines[start + 1 : start + 1 + len(told)] == told
    assert "Traceback" not in "\n".join(lines)
    assert ".py" not in "\n".join(lines[start:])


def test_what_cannot_be_on_the_vm(pytester: pytest.Pytester) -> None:
    text = f"run = ['echo no >&2; exit 4']\n{ONE}"
    result = run(pytester, text)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "orders.vmsnapshot.toml:1: the command '/bin/sh -c echo no >&2; exit 4' ended with "
            "exit status 4: no"
        ]
    )
    assert "Traceback" not in "\n".join(result.outlines)


def test_a_marker_nobody_knows(pytester: pytest.Pytester) -> None:
    result = run(pytester, f"{ONE}marks = ['slow']\n", "--strict-markers")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["orders.vmsnapshot.toml:3: marks has 'slow' in it: *slow*"])


# -- what pytest is told ---------------------------------------------------------------------------


def test_marks(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nmarkers = slow: is slow\n")
    text = f"{ONE}[[case]]\nname = 'a'\nmarks = ['slow']\n[[case]]\nname = 'b'\n"
    run(pytester, text, "-m", "slow", "--strict-markers").assert_outcomes(passed=1, deselected=1)


def test_xfail(pytester: pytest.Pytester) -> None:
    text = f"""\
{ONE}
xfail = "not yet"
[[case]]
name = "fails"
faults.pre.exit_status = 3
[[case]]
name = "passes"
"""
    result = run(pytester, text, "-rx")
    result.assert_outcomes(xfailed=1, failed=1)
    result.stdout.fnmatch_lines(["*XPASS(strict)*not yet*"])
    result.stdout.fnmatch_lines(["XFAIL orders.vmsnapshot.toml::fails - not yet*"])


LEAVES = """\
expect.error = "none"
install = { pre = "#!/bin/sh\\nsleep 1000 &\\n", post = "#!/bin/sh" }
"""
DIFFERS = """\
expect.error = "none"
vm.shell = "dash"
install = { pre = "#!/bin/bash\\na=(1)\\n", post = "#!/bin/sh" }
"""


def test_findings_fail_a_case(pytester: pytest.Pytester) -> None:
    result = run(pytester, LEAVES)
    result.assert_outcomes(failed=1)
    start = result.outlines.index(
        "this test passed, but it fails for what was found on its VM afterwards:"
    )
    assert result.outlines[start + 1].startswith("  backup 1: processes: still running after ")
    assert result.outlines[start + 2] == (
        'to allow it: allow=["processes"] below [vm] of the case, or --vmsnapshot-allow=processes'
    )


@pytest.mark.parametrize("more", ['vm.allow=["processes"]', 'expect.findings = ["processes"]'])
def test_findings_can_be_allowed_or_expected(pytester: pytest.Pytester, more: str) -> None:
    run(pytester, LEAVES + more, "-W", "error").assert_outcomes(passed=1)


def test_differences_are_warned_of(pytester: pytest.Pytester) -> None:
    result = run(pytester, DIFFERS)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "orders.vmsnapshot.toml::orders",
            "*orders.vmsnapshot.toml:1: RulesDiffer: the documented and the shipped rules *",
        ]
    )
    silence = '  if that is as expected: differences=["interpreter"] below [expect] of the case'
    assert silence in result.outlines


@pytest.mark.parametrize(
    "more",
    [
        'expect.differences = ["interpreter"]',
        'filterwarnings = ["ignore::pytest_vmsnapshot.RulesDiffer"]',
    ],
)
@pytest.mark.parametrize("option", ["--vmsnapshot-strict", "--durations=0"])
def test_differences_can_be_expected_or_ignored(
    pytester: pytest.Pytester, more: str, option: str
) -> None:
    run(pytester, DIFFERS + more, "-W", "error", option).assert_outcomes(passed=1)


def test_settings_of_a_case_go_before_options(pytester: pytest.Pytester) -> None:
    text = f'{ONE}vm.rules = "shipped"\nexpect.extension.consistency = "none"\n'
    result = run(pytester, text, "--vmsnapshot-rules=documented", "--vmsnapshot-disks=1")
    result.stdout.no_fnmatch_line("*documented rules*")


def test_a_shell_that_is_missing_skips(pytester: pytest.Pytester) -> None:
    text = f'{ONE}vm = {{ shell = "yash", agent_env = {{ PATH = "/nowhere" }} }}\n'
    run(pytester, text).assert_outcomes(skipped=1)


def test_it_has_a_time_limit(pytester: pytest.Pytester) -> None:
    text = f'{ONE}vm.clock = "real"\nrun = ["sleep 60"]\n'
    result = run(pytester, text, "--timeout=1")
    assert result.ret != 0
    assert "Timeout" in "\n".join(result.outlines)
