"""Cases of scenario files on real VMs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_vmsnapshot import CommandFailed, UsageError, VmFactory
from pytest_vmsnapshot.declared import TomlFile
from pytest_vmsnapshot.scenario import CaseResult, run_alone, run_case
from pytest_vmsnapshot.scenario.case import cases_of

QUIET = 'install = { pre = "#!/bin/sh\\n", post = "#!/bin/sh\\n" }\n'


def result_of(vm_factory: VmFactory, text: str, directory: Path = Path("/nowhere")) -> CaseResult:
    (case,) = cases_of(TomlFile(directory / "a.vmsnapshot.toml", text))
    settings = case.settings
    return run_case(case, vm_factory(faults=settings.get("faults"), rules=settings.get("rules")))


def wrong(result: CaseResult) -> list[tuple[int, str, str]]:
    return [(one.line, one.name, one.text) for one in result.mismatches]


def test_a_case_that_is_right(vm_factory: VmFactory) -> None:
    result = result_of(vm_factory, QUIET + 'expect.consistency = "application"')
    assert result.ok
    assert [backup.number for backup in result.backups] == [1]


def test_all_that_is_wrong_is_told_at_once(vm_factory: VmFactory) -> None:
    text = """\
install.pre = '''
#!/bin/sh
ctl pause
echo paused > /data/state
'''
install.post = "#!/bin/sh"
description = "What it is about."
commands.ctl.stdout = "ok"
[expect]
consistency = "crash"
calls.ctl = ["resume"]
pre.stdout = ""
[expect.recovery_point]
"/data/state" = "gone"
"/data" = { contains = "x" }
"/none" = { exists = true }
[expect.files."/data/state"]
exists = true
mode = 0o600
"""
    result = result_of(vm_factory, text)
    assert wrong(result) == [
        (10, "consistency", 'expected "crash", got "application"'),
        (12, "pre.stdout", 'expected "", got "ok"'),
        (11, "calls.ctl", 'expected "resume" as arguments of call 1, got ["pause"]'),
        (14, 'recovery_point."/data/state"', 'expected "gone", got "paused\\n"'),
        (
            15,
            'recovery_point."/data"',
            'expected "x" in it, but it cannot be read: Is a directory',
        ),
        (16, 'recovery_point."/none"', "expected a file, but there is no such file"),
        (19, 'files."/data/state".mode', "expected 0600, got 0644"),
    ]
    told = result.told().splitlines()
    assert told[:4] == [
        'a: not as expected: consistency, pre.stdout, calls.ctl, recovery_point."/data/state", '
        'recovery_point."/data" and 2 more',
        "  What it is about.",
        '  /nowhere/a.vmsnapshot.toml:10: consistency: expected "crash", got "application"',
        '  /nowhere/a.vmsnapshot.toml:12: pre.stdout: expected "", got "ok"',
    ]
    assert told[9] == "An application-consistent backup"
    assert any(line.endswith("  ctl pause → 0") for line in told)
    assert result.told(whole=False).splitlines()[9] == "got an application-consistent backup"


def test_the_last_backup_is_judged(vm_factory: VmFactory) -> None:
    text = """\
backups = 3
expect.pre.stdout = "3\\n"
expect.held.systemctl.a = "inactive"
ready_made.systemctl = {}
[install]
pre = '''
#!/bin/sh
echo >> /data/count
wc -l < /data/count
[ "$(wc -l < /data/count)" != 3 ] || systemctl stop a
'''
post = "#!/bin/sh\\nsystemctl start a\\n"
"""
    result = result_of(vm_factory, text)
    assert result.ok
    assert [backup.number for backup in result.backups] == [1, 2, 3]


def test_what_is_held_at_the_snapshot(vm_factory: VmFactory) -> None:
    text = """\
[install]
pre = '''
#!/bin/sh
mysql -e 'FLUSH TABLES WITH READ LOCK'
psql -c 'SELECT pg_backup_start(1)'
systemctl stop a
fsfreeze -f /data
'''
post = '''
#!/bin/sh
fsfreeze -u /data
systemctl start a
'''
[ready_made]
mysql = {}
postgresql = {}
systemctl = { units = { a = "active", b = "failed" } }
fsfreeze = {}
[expect.held]
mysql = true
postgresql = false
systemctl = { "a.service" = "active", b = "failed", c = "active" }
fsfreeze = ["/data", "/srv"]
"""
    found = wrong(result_of(vm_factory, text))
    lock = found.pop(0)
    assert lock[:2] == (20, "held.mysql")
    assert lock[2].startswith("the global read lock was not held at the snapshot: it was taken by")
    assert found == [
        (23, "held.fsfreeze", 'expected ["/data", "/srv"], got ["/data"]'),
        (
            22,
            'held.systemctl."a.service"',
            'expected "active" at the snapshot, got "inactive"',
        ),
        (22, "held.systemctl.c", 'expected "active", but there is no such unit'),
    ]


def test_it_came_not_to_a_snapshot(vm_factory: VmFactory) -> None:
    text = """\
install.pre = "#!/bin/sh\\nexit 1\\n"
install.post = "#!/bin/sh"
install.continue_on_failure = false
ready_made.fsfreeze = {}
expect.held.fsfreeze = []
expect.recovery_point."/data".exists = false
"""
    assert wrong(result_of(vm_factory, text)) == [
        (5, "held.fsfreeze", "expected [], but it came not to a snapshot"),
        (6, 'recovery_point."/data"', "expected no such file, but there is no recovery point"),
    ]


def test_findings_are_compared(vm_factory: VmFactory) -> None:
    text = """\
install = { pre = "#!/bin/sh\\nsleep 1000 &\\n", post = "#!/bin/sh" }
commands.ctl = {}
expect.findings = ["units"]
"""
    (case,) = cases_of(TomlFile(Path("/a.vmsnapshot.toml"), text))
    result = run_case(case, vm_factory(allow=["processes", "never-called"]))
    assert wrong(result) == [
        (3, "findings", 'expected ["units"], got ["never-called", "processes"]')
    ]


def test_a_config_of_its_own_with_scripts(vm_factory: VmFactory, tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/pre.sh").write_text("#!/bin/sh\necho here\n")
    text = """\
config = '{"preScriptLocation": "/a/pre.sh", "postScriptLocation": "/a/post.sh"}'
scripts = { "/a/pre.sh" = "deploy/pre.sh", "/a/post.sh" = "#!/bin/sh\\n" }
vm.rules = "shipped"
expect.pre.stdout = "here\\n"
expect.files."/etc/azure/VMSnapshotScriptPluginConfig.json".mode = 0o600
expect.files."/a/post.sh".owner = "root"
expect.files."/a/pre.sh".owner = 1
"""
    assert wrong(result_of(vm_factory, text, tmp_path)) == [
        (7, 'files."/a/pre.sh".owner', 'expected "1", got "root"')
    ]


def test_nothing_is_installed(vm_factory: VmFactory) -> None:
    text = "expect = { error = 'none', consistency = 'file-system', pre.run = false }"
    assert result_of(vm_factory, text).ok


def test_what_cannot_be_on_the_vm(vm_factory: VmFactory) -> None:
    with pytest.raises(CommandFailed):
        result_of(vm_factory, QUIET + "run = ['false']\nexpect.error = 'none'")
    with pytest.raises(UsageError):
        result_of(vm_factory, QUIET + "volumes = [{ path = '/proc' }]\nexpect.error = 'none'")


def test_without_pytest(tmp_path: Path) -> None:
    text = f"""\
{QUIET}
expect.status = "completed"
[[case]]
name = "a"
vm.platform.isManagedVm = true
[[case]]
name = "b"
vm.rules = ["documented", "shipped"]
faults.pre.exit_status = 3
"""
    cases = cases_of(TomlFile(tmp_path / "a.vmsnapshot.toml", text))
    started: list[str] = []
    results = list(run_alone(cases, lambda case: started.append(case.id)))
    assert started == ["a", "b[documented]", "b[shipped]"]
    assert [result.ok for result in results] == [True, False, False]
    assert [result.backups[0].rules for result in results] == ["documented"] * 2 + ["shipped"]
