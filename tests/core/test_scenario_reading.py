"""Scenario files as they are read: cases, and all mistakes with their lines."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.declared import TomlFile
from pytest_vmsnapshot.errors import DeclarationError
from pytest_vmsnapshot.scenario import Case, load_cases
from pytest_vmsnapshot.scenario.case import cases_of
from pytest_vmsnapshot.scenario.expectation import (
    Expectation,
    ExpectedCalls,
    ExpectedFile,
    ExpectedHeld,
    ExpectedReport,
    ExpectedRun,
)
from pytest_vmsnapshot.scenario.expected_text import ExpectedText
from pytest_vmsnapshot.scenario.installed import LocalScript, OwnConfig, ScriptPair

ENOUGH = 'expect.consistency = "application"\n'


def cases(text: str, directory: Path = Path("/nowhere")) -> tuple[Case, ...]:
    return cases_of(TomlFile(directory / "a.vmsnapshot.toml", text))


def mistakes(text: str, directory: Path = Path("/nowhere")) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        cases(text, directory)
    start = f"{directory}/a.vmsnapshot.toml:"
    assert all(mistake.startswith(start) for mistake in caught.value.mistakes)
    return [mistake.removeprefix(start) for mistake in caught.value.mistakes]


# -- cases -----------------------------------------------------------------------------------------


def test_one_case_has_the_name_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "orders.vmsnapshot.toml"
    path.write_text(ENOUGH)
    (case,) = load_cases(path)
    assert (case.name, case.id, case.line, case.backups) == ("orders", "orders", 1, 1)
    assert case.expect == Expectation(consistency="application")
    assert case.source.values == {}


def test_cases_lie_over_the_file() -> None:
    text = """\
description = "all"
vm = { disks = 1, rules = "shipped" }
expect.status = "completed"
commands.x = { stdout = "a", stderr = "b" }

[[case]]
name = "one"

[[case]]
name = "two"
description = "mine"
vm.disks = 3
commands.x.stdout = "c"
commands.y = {}
expect.consistency = "crash"
"""
    one, two = cases(text)
    assert (one.name, one.description, one.line) == ("one", "all", 6)
    assert (two.name, two.description, two.line) == ("two", "mine", 9)
    assert one.source.values == {"rules": "shipped", "disks": 1}
    assert two.source.values == {"rules": "shipped", "disks": 3}
    assert [(c.name, c.usual.stdout, c.usual.stderr) for c in one.stage.commands] == [
        ("x", "a", "b")
    ]
    assert [(c.name, c.usual.stdout, c.usual.stderr) for c in two.stage.commands] == [
        ("x", "c", "b"),
        ("y", "", ""),
    ]
    assert (one.expect.status, one.expect.consistency) == ("completed", None)
    assert (two.expect.status, two.expect.consistency) == ("completed", "crash")


@pytest.mark.parametrize(
    ("rules", "shell", "ids"),
    [
        ("", "", ["a"]),
        ("rules = 'shipped'", "shell = 'dash'", ["a"]),
        ("rules = ['shipped']", "shell = ['dash']", ["a"]),
        ("rules = ['shipped', 'documented']", "", ["a[shipped]", "a[documented]"]),
        ("rules = 'shipped'", "shell = ['dash', 'rhel']", ["a[dash]", "a[rhel]"]),
        (
            "rules = ['shipped', 'documented']",
            "shell = ['dash', 'rhel']",
            ["a[shipped-dash]", "a[shipped-rhel]", "a[documented-dash]", "a[documented-rhel]"],
        ),
    ],
)
def test_several_rule_sets_and_shells(rules: str, shell: str, ids: list[str]) -> None:
    found = cases(f"{ENOUGH}[vm]\n{rules}\n{shell}\n")
    assert [case.id for case in found] == ids
    pairs = [(c.source.values.get("rules"), c.source.values.get("shell")) for c in found]
    assert len(set(pairs)) == len(ids)
    assert all((rule in rules if rule else not rules) for rule, _ in pairs)
    assert all((name in shell if name else not shell) for _, name in pairs)


@given(st.lists(st.sampled_from(["# [[case]]", "", "x = 1", "[[case]]"]), max_size=4))
def test_lines_of_cases(noise: list[str]) -> None:
    """Whatever text looks like a header."""
    hidden = "\n".join(noise)
    text = (
        f'{ENOUGH}description = """\n{hidden}\n"""\n[[case]]\nname = "a"\n\n [[ case ]]\nname="b"\n'
    )
    lines = text.split("\n")
    assert [case.line for case in cases(text)] == [
        lines.index('name = "a"'),
        lines.index('name="b"'),
    ]


# -- what is installed -----------------------------------------------------------------------------


def test_install(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/pre.sh").write_text("x")
    text = """\
expect.error = "none"
[install]
pre = "deploy/pre.sh"
post = "#!/bin/sh"
pre_params = ["a", ""]
post_retries = 2
timeout = 45
continue_on_failure = false
pre_mode = "0755"
config_owner = 1000
"""
    (case,) = cases(text, tmp_path)
    assert case.installed == ScriptPair(
        pre=LocalScript("deploy/pre.sh", tmp_path / "deploy/pre.sh"),
        post=LocalScript("#!/bin/sh", "#!/bin/sh"),
        pre_location="/opt/deploy/pre.sh",
        post_location="/opt/vmsnapshot/post.sh",
        pre_params=("a", ""),
        post_params=(),
        pre_retries=0,
        post_retries=2,
        timeout=45,
        continue_on_failure=False,
        fs_freeze=True,
        pre_mode=0o755,
        post_mode=0o700,
        pre_owner="root",
        post_owner="root",
        config_mode=0o600,
        config_owner=1000,
    )


def test_a_config_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text("{}")
    (by_directory,) = cases(f'config = "c.json"\nscripts = "."\n{ENOUGH}', tmp_path)
    assert by_directory.installed == OwnConfig(
        tmp_path / "c.json", tmp_path / ".", 0o600, "root", 0o700, "root"
    )
    text = f"""\
{ENOUGH}
config = {{ timeoutInSeconds = "30" }}
scripts = {{ "/opt/pre.sh" = "a\\n" }}
config_mode = "0644"
config_owner = "app"
script_mode = 0o755
script_owner = 0
"""
    (by_path,) = cases(text, tmp_path)
    scripts = {"/opt/pre.sh": LocalScript("a\n", "a\n")}
    config = {"timeoutInSeconds": "30"}
    assert by_path.installed == OwnConfig(config, scripts, 0o644, "app", 0o755, 0)
    (as_text,) = cases(f'config = "{{}}"\n{ENOUGH}', tmp_path)
    assert as_text.installed == OwnConfig("{}", None, 0o600, "root", 0o700, "root")


# -- the VM ----------------------------------------------------------------------------------------


def test_settings() -> None:
    text = f"""\
{ENOUGH}
[vm]
guest = "auto"
clock = "virtual"
clock_start = 2026-03-29T01:59:50
storage = "loop"
disks = 3
deployment = "classic"
os = "windows"
platform = {{ isManagedVm = "yes", backupRetryCount = 1 }}
mounts = [["sda1", "part", "ext4", "/"]]
agent_umask = "0077"
agent_stdin = "x"
agent_env = {{ A = "b", LANG = false }}
network = true
directories = ["/backup"]
disk_size = "2G"
crash_seed = 0
require = ["clock", "owners"]
strict = true
allow = ["units"]
[faults]
freeze = "fail"
pre = {{ exit_status = 1, at = 3 }}
pre_file = {{ mode = "0644" }}
config_file = "crlf"
commands = {{ mysql = "fail", sync = {{ delay = 2 }} }}
clock_jump = 3600
"""
    (case,) = cases(text)
    assert case.source.values == {
        "guest": "auto",
        "clock": "virtual",
        "clock_start": datetime(2026, 3, 29, 1, 59, 50),
        "storage": "loop",
        "disks": 3,
        "deployment": "classic",
        "os": "windows",
        "platform": {"isManagedVm": "yes", "backupRetryCount": 1},
        "mounts": [["sda1", "part", "ext4", "/"]],
        "agent_umask": 0o077,
        "agent_stdin": b"x",
        "agent_env": {"A": "b", "LANG": None},
        "network": True,
        "directories": ("/backup",),
        "disk_size": "2G",
        "crash_seed": 0,
        "require": ("clock", "owners"),
        "strict": True,
        "allow": ("units",),
        "faults": {
            "freeze": "fail",
            "pre": {"exit_status": 1, "at": 3},
            "pre_file": {"mode": 0o644},
            "config_file": "crlf",
            "commands": {"mysql": "fail", "sync": {"delay": 2}},
            "clock_jump": 3600,
        },
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("expect.findings = ['units']", ("units",)),
        ("expect.findings = []\nvm.allow = ['units']", ("units",)),
    ],
)
def test_findings_that_are_expected_are_allowed(text: str, value: tuple[str, ...]) -> None:
    (case,) = cases(text)
    assert case.source.values["allow"] == value


def test_what_pytest_is_told() -> None:
    text = f"{ENOUGH}xfail = 'later'\nmarks = ['slow']\nfilterwarnings = ['error']\nbackups = 2\n"
    (case,) = cases(text)
    assert (case.xfail, case.marks, case.filterwarnings) == ("later", ("slow",), ("error",))
    assert case.backups == 2


# -- what is expected ------------------------------------------------------------------------------


def test_expectations() -> None:
    text = """\
commands = { ctl = {}, "/bin/x" = {} }
ready_made = { mysql = {}, postgresql = {}, systemctl = {}, fsfreeze = {}, switch_user = {} }
[expect]
status = "completed with warnings"
consistency = "crash"
error = "none"
errors = ["Pre-ScriptTimeout", 309]
unreported = []
decided_by = "pre"
frozen = []
findings = []
differences = ["relaunches"]
pre = { attempts = 2, exit_status = 0, signal = 9, timed_out = true, stdout = "" }
post = { run = true, stderr = { contains = "a", matches = ["b", "^c$"] } }
calls = { ctl = 2, "/bin/x" = [["a", "*"], "b c"], mysql = 0, switch_user = 1 }
held = { mysql = true, postgresql = false, fsfreeze = ["/data"], systemctl = { a = "failed" } }
recovery_point."/a" = "x"
recovery_point."/b" = { exists = false }
files."/c" = { contains = ["a", "b"], mode = 0o640, owner = 0 }
files."/d" = { content = "a" }
files."/e" = {}
extension = { precheck = 0, status = "error", result = 1, error = 2, consistency = "none" }
"""
    (case,) = cases(text)
    assert case.expect == Expectation(
        status="completed with warnings",
        consistency="crash",
        error="none",
        errors=("Pre-ScriptTimeout", 309),
        unreported=(),
        decided_by=ExpectedText(contains=("pre",)),
        pre=ExpectedRun(None, 2, 0, 9, True, ExpectedText("")),
        post=ExpectedRun(run=True, stderr=ExpectedText(contains=("a",), matches=("b", "^c$"))),
        calls={
            "ctl": ExpectedCalls(2),
            "/bin/x": ExpectedCalls(None, (("a", "*"), "b c")),
            "mysql": ExpectedCalls(0),
            "switch_user": ExpectedCalls(1),
        },
        held=ExpectedHeld(True, False, ("/data",), {"a": "failed"}),
        recovery_point={
            "/a": ExpectedFile(text=ExpectedText("x")),
            "/b": ExpectedFile(exists=False),
        },
        files={
            "/c": ExpectedFile(True, ExpectedText(contains=("a", "b")), 0o640, "0"),
            "/d": ExpectedFile(text=ExpectedText("a")),
            "/e": ExpectedFile(),
        },
        frozen=(),
        findings=(),
        differences=("relaunches",),
        extension=ExpectedReport(0, "error", 1, 2, "none"),
    )
    assert case.expect.ways["pre.attempts"] == ("expect", "pre", "attempts")
    assert case.expect.ways['recovery_point."/a"'] == ("expect", "recovery_point", "/a")


# -- mistakes --------------------------------------------------------------------------------------

SAY = (
    'say what you expect of the backup: [expect] with consistency = "application", or error = '
    '"Pre-ScriptTimeout", or any other of its keys'
)
ALONE = "so nothing else can be expected of it; leave it out"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", [f"1: {SAY}"]),
        ("expect = {}", [f"1: {SAY}"]),
        ("[[case]]\nname = 'a'\n[[case]]\nname = 'b'\nexpect.error = 300", [f"1: {SAY}"]),
        ("case = []\n", ["1: there is no case; write [[case]] with a name, or leave case out"]),
        (
            f"{ENOUGH}[[case]]\nname = 'a'\n[[case]]\n[[case]]\nname = 'a'",
            [
                "4: a scenario has no name; write one that no other case of the file has",
                '6: the case of line 2 has the name "a" too; write another',
            ],
        ),
        (
            f"{ENOUGH}name = 'x'\n[[case]]\nname = 'a'",
            ["2: there are [[case]] tables, so each of them has a name; leave it out"],
        ),
        (
            f"{ENOUGH}name = 'a::b'",
            [
                "2: name is \"a::b\"; write a name without brackets, slashes, line ends and '::'",
            ],
        ),
        (
            "expects.error = 300",
            [f"1: {SAY}", "1: a scenario has no key 'expects'; is expect meant?"],
        ),
        (
            f"{ENOUGH}config = '{{}}'\n[install]\npre = '#!'\npost = '#!'\npost_location = '/a'",
            ["2: there are both config and [install]; write one of them"],
        ),
        (
            f"{ENOUGH}scripts = '/'\nconfig_mode = '0600'",
            [
                '2: scripts goes with config; write config = "local/path.json"',
                '3: config_mode goes with config; write config = "local/path.json"',
            ],
        ),
        (
            f"{ENOUGH}script_mode = 0o700\n[install]\npre = '/'\n",
            [
                "2: script_mode goes with config; below [install] there are pre, post and their "
                "keys",
                "3: install has no post; write the local path of the script, or its text",
                '4: install.pre is "/", and / is no file',
            ],
        ),
        (
            f"{ENOUGH}install = {{ pre = 'pre.sh', post = '#!', timeout = 0 }}",
            [
                '2: install.pre is "pre.sh", but there is no /nowhere/pre.sh',
                "2: install.timeout is 0; write a whole number from 1 up",
            ],
        ),
        (
            f"{ENOUGH}[install]\npre = '#!'\npost = '#!'\npre_location = '/opt/vmsnapshot/post.sh'",
            [
                "4: both scripts would lie at /opt/vmsnapshot/post.sh on the VM; write "
                "pre_location and post_location"
            ],
        ),
        (f"{ENOUGH}config = '/'", ['2: config is "/", and / is no file']),
        (
            f"{ENOUGH}config = '{{}}'\nscripts = '/etc/passwd'",
            [
                '3: scripts is "/etc/passwd", and /etc/passwd is no directory; write the one that '
                'has the scripts, or { "/path/on/the/vm" = "local/path" }'
            ],
        ),
        (
            f"{ENOUGH}config = '{{}}'\nscripts.pre = '#!'",
            ["3: scripts has the key 'pre'; write an absolute path on the VM"],
        ),
        (
            f"{ENOUGH}vm.rules = 'shippd'",
            ['2: vm.rules is "shippd"; is "shipped" meant? There are: documented, shipped'],
        ),
        (
            f"{ENOUGH}vm.rules = ['shipped', 'shipped']",
            ['2: vm.rules is ["shipped", "shipped"]; write each of them once'],
        ),
        (
            f"{ENOUGH}vm.shell = []",
            [
                "2: vm.shell is []; write a list of dash, bash, busybox, ksh, mksh, yash, debian, "
                "ubuntu, rhel, centos, rocky, almalinux, fedora, oracle, suse, sles, opensuse, "
                "alpine"
            ],
        ),
        (f"{ENOUGH}vm.allow = 'units'", ['2: vm.allow is "units"; write ["units"]']),
        (
            f"{ENOUGH}vm.allow = ['unit']",
            [
                '2: vm.allow has "unit"; is "units" meant? There are: processes, sessions, units, '
                "frozen, unexpected-call, missing-command, never-called"
            ],
        ),
        (
            f"{ENOUGH}vm.directories = ['x']",
            ['2: vm.directories is ["x"]; write a list of absolute paths'],
        ),
        (
            f"{ENOUGH}vm.clock_start = 'now'",
            [
                '2: vm.clock_start is "now"; write a date from 1970 to 2200 as '
                "'2026-03-29T01:59:50' "
                "(UTC, to the second)"
            ],
        ),
        (
            f"{ENOUGH}vm.clock_start = 2026-03-29",
            ["2: vm.clock_start is 2026-03-29; write a date and a time, as 2026-03-29T01:59:50"],
        ),
        (
            f"{ENOUGH}vm.mounts = ['/']",
            ['2: vm.mounts is ["/"]; write a list such as [["sdc1", "part", "xfs", "/data"]]'],
        ),
        (f"{ENOUGH}vm.agent_env.A = 1", ["2: vm.agent_env.A is 1; write text in quotes"]),
        (
            f"{ENOUGH}vm.platform.managed = true",
            ["2: vm.platform has no key 'managed'; is isManagedVm meant?"],
        ),
        (
            f"{ENOUGH}vm.faults = {{}}",
            [
                "2: vm has no key 'faults'. It has: rules, shell, guest, "
                "clock, storage, deployment, os, clock_start, disks, platform, mounts, "
                "agent_umask, "
                "agent_stdin, agent_env, network, directories, disk_size, crash_seed, require, "
                "strict, allow"
            ],
        ),
        (f"{ENOUGH}faults.frezee = 'fail'", ["2: faults has no key 'frezee'; is freeze meant?"]),
        (
            f"{ENOUGH}faults.freeze = 'no'",
            [
                "2: faults: freeze='no' is no fault; write one of fail, lock_held, timeout, "
                "open_failed, late_thaw, sleep_unable, thaw_fail, ok"
            ],
        ),
        (
            f"{ENOUGH}faults.pre = 'fail'",
            ['2: faults.pre is "fail"; write a table, such as { exit_status = 1 }, or "ok"'],
        ),
        (
            f"{ENOUGH}faults.pre = {{ exit_staus = 1 }}",
            [
                "2: faults: pre: nothing goes wrong; write exit_status, signal, hang, delay or "
                "prints",
                "2: faults.pre has no key 'exit_staus'; is exit_status meant?",
            ],
        ),
        (
            f"{ENOUGH}faults.pre_file.mode = 640",
            ['2: faults.pre_file.mode is 640; write 0o640, or "0640"'],
        ),
        (
            f"{ENOUGH}faults.commands.x = {{ cals = 1, delay = 1 }}",
            [
                "2: faults.commands.x has no key 'cals'; is calls meant?",
            ],
        ),
        (
            "expect.consistency = 'applications'",
            [
                '1: expect.consistency is "applications"; is "application" meant? There are: '
                "application, "
                "file-system, crash, none"
            ],
        ),
        (
            "expect.error = 'PreScriptTimeout'",
            ['1: expect.error is "PreScriptTimeout"; is "Pre-ScriptTimeout" meant?'],
        ),
        (
            "expect.errors = 'Pre-ScriptTimeout'",
            ['1: expect.errors is "Pre-ScriptTimeout"; write ["Pre-ScriptTimeout"]'],
        ),
        ("expect.pre = { run = false, exit_status = 0 }", [f"1: expect.pre.run is false, {ALONE}"]),
        (
            "expect.pre = { stdout = {} }",
            [
                '1: expect.pre.stdout expects nothing; write contains = "text", or matches = '
                '"a regular expression"'
            ],
        ),
        (
            "expect.pre.stdout.matches = '('",
            [
                '1: expect.pre.stdout.matches has "(" in it; as a regular expression that is '
                "wrong: "
                "missing ), unterminated subpattern at position 0"
            ],
        ),
        (
            "expect.pre.stdout.contain = 'a'\nexpect.pre.stdout.contains = 'a'",
            ["1: expect.pre.stdout has no key 'contain'; is contains meant?"],
        ),
        (
            "expect.calls.x = 1\ncommands.y = {}",
            [
                "1: expect.calls.x: the case has no command double of this name, so nobody "
                "counts its "
                "calls; write [commands.x]. It has: y"
            ],
        ),
        (
            "expect.calls.y = 'a'\ncommands.y = {}",
            [
                '1: expect.calls.y is "a"; write how many, or a list of the arguments of each '
                "call, "
                'such as [["-e", "FLUSH *"]]'
            ],
        ),
        (
            "expect.calls.y = -1\ncommands.y = {}",
            ["1: expect.calls.y is -1; write a whole number from 0 up"],
        ),
        (
            "expect.calls.y = [1]\ncommands.y = {}",
            [
                "1: expect.calls.y is [1]; write how many, or a list of the arguments of each "
                "call, "
                'such as [["-e", "FLUSH *"]]'
            ],
        ),
        (
            "expect.held.mysql = true\ncommands.mysql = {}",
            [
                "1: expect.held.mysql: nobody knows what is held; write mysql = {} below "
                "[ready_made]"
            ],
        ),
        (
            "expect.held.fsfreeze = ['x']\nready_made.fsfreeze = {}",
            ['1: expect.held.fsfreeze is ["x"]; write a list of absolute paths on the VM'],
        ),
        (
            "expect.recovery_point.'/x'.mode = '0600'",
            [
                "1: expect.recovery_point.\"/x\" has no key 'mode'. It has: content, contains, "
                "matches, exists"
            ],
        ),
        (
            "expect.files.x = ''",
            ["1: expect.files has the key 'x'; write an absolute path on the VM"],
        ),
        (
            "expect.files.'/x' = { exists = false, content = '' }",
            [f'1: expect.files."/x".exists is false, {ALONE}'],
        ),
        (
            "expect.files.'/x' = { contains = 'a', content = '' }",
            ['1: expect.files."/x" has content; leave contains and matches out'],
        ),
        (
            "expect.differences = ['relaunch']",
            ['1: expect.differences has "relaunch"; is "relaunches" meant?'],
        ),
        (f"{ENOUGH}backups = 0", ["2: backups is 0; write a whole number from 1 up"]),
        (f"{ENOUGH}run = ['a', 1]", ['2: run is ["a", 1]; write a list of texts']),
    ],
)
def test_mistakes(text: str, told: list[str]) -> None:
    assert mistakes(text) == told


def test_a_mistake_of_the_whole_file_is_told_once() -> None:
    text = f"{ENOUGH}vm.diks = 1\nfaults.pre_file.mode = 640\n"
    text += "".join(f"[[case]]\nname = '{name}'\n" for name in "abc")
    assert mistakes(text) == [
        "2: vm has no key 'diks'; is disks meant?",
        '3: faults.pre_file.mode is 640; write 0o640, or "0640"',
    ]


JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 999) | st.text("a/-:é\n", max_size=4),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
KEYS = st.sampled_from(
    [
        *("install", "config", "scripts", "vm", "faults", "files", "commands", "ready_made"),
        *("volumes", "run", "expect", "case", "name", "backups", "xfail", "marks", "directories"),
        *("install.pre", "vm.rules", "vm.mounts", "vm.platform", "vm.agent_env", "faults.pre"),
        *("faults.commands", "faults.clock_jump", "files.x", "commands.y", "commands.y.replies"),
        *("ready_made.mysql", "ready_made.systemctl.units", "expect.error", "expect.errors"),
        *("expect.pre", "expect.pre.stdout", "expect.calls", "expect.calls.y", "expect.held"),
        *("expect.held.systemctl", "expect.files", "expect.recovery_point", "expect.findings"),
        "expect.extension",
    ]
)


@given(st.dictionaries(KEYS, JUNK, max_size=6))
def test_whatever_is_written_is_told_as_mistakes(values: dict[str, Any]) -> None:
    data: dict[str, Any] = {}
    for name, value in values.items():
        *above, last = name.split(".")
        table = data
        for key in above:
            inner = table.setdefault(key, {})
            table = inner if isinstance(inner, dict) else {}
        if value is not None:
            table[last] = value
    file = TomlFile(Path("/nowhere/a.vmsnapshot.toml"), "")
    file.data = data
    try:
        found = cases_of(file)
    except DeclarationError as wrong:
        assert wrong.mistakes  # noqa: PT017
    else:
        assert all(case.expect != Expectation() for case in found)
