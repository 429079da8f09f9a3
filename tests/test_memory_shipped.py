"""VMs in memory under the shipped rules: the same steps, but a function cannot run on."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_vmsnapshot import (
    CONFIG_PATH,
    EXTENSION_DIRECTORY,
    Backup,
    Consistency,
    MemoryMachine,
    ScriptContext,
    ScriptRun,
    Status,
)

pytestmark = pytest.mark.vm(rules="shipped")

PRE = "/opt/vmsnapshot/pre.sh"
FREEZE_AND_THAW = 4.0 + 1.0
KIB64 = 64 * 1024


def succeed(context: ScriptContext) -> None:
    pass


def pre_run(backup: Backup) -> ScriptRun:
    assert backup.pre is not None
    return backup.pre


def test_a_script_is_run_by_the_shell(memory_vm: MemoryMachine) -> None:
    def pre(context: ScriptContext) -> None:
        context.print(context.path, context.params, context.cwd, context.attempt)

    memory_vm.install(pre=pre, post=succeed, pre_params=["a b", ""], pre_mode=0o400)
    backup = memory_vm.backup()
    run = pre_run(backup)
    assert run.argv == ("sh", PRE, "a b", "")
    assert run.stdout == f"{PRE} ('a b', '') {EXTENSION_DIRECTORY} 1\n"
    backup.assert_application_consistent()
    assert backup.rules == "shipped"
    assert backup.duration == 2 * 6.0 + FREEZE_AND_THAW


@pytest.mark.parametrize(
    ("timeout", "seconds", "code"),
    [
        (10, 11.9, 0),
        (10, 12.1, 308),
        (31, 32.9, 0),
        (31, 33.5, 308),
        (1, 2.9, 0),
        (30, 29.9, 0),
        (30, 30.0, 308),
    ],
)
def test_a_limit_is_rounded_up(
    memory_vm: MemoryMachine, timeout: int, seconds: float, code: int
) -> None:
    memory_vm.install(pre=lambda context: context.sleep(seconds), post=succeed, timeout=timeout)
    assert pre_run(memory_vm.backup()).code == code


@pytest.mark.parametrize("seconds", [13.0, 3600.0, math.inf])
def test_a_function_is_stopped_at_its_limit_and_that_is_said(
    memory_vm: MemoryMachine, seconds: float
) -> None:
    after: list[str] = []

    def pre(context: ScriptContext) -> None:
        context.print("waiting")
        context.sleep(seconds)
        after.append("went on")

    memory_vm.install(pre=pre, post=succeed, timeout=10)
    backup = memory_vm.backup()
    run = pre_run(backup)
    assert (run.code, run.timed_out, run.exit_status) == (308, True, None)
    assert (run.stdout, after) == ("waiting\n", [])
    assert backup.status is Status.COMPLETED_WITH_WARNINGS
    assert backup.consistency is Consistency.FILE_SYSTEM
    assert (
        f"{PRE} was stopped at its limit: a Python function cannot run on beside the rest"
        in backup.modelled
    )
    assert [event.at for event in backup.events if "its limit of 12 s" in event.text] == [12.0]
    assert backup.duration == 12.0 + 3.0 + FREEZE_AND_THAW + 6.0


def test_nothing_is_said_of_a_function_that_ends_in_time(memory_vm: MemoryMachine) -> None:
    memory_vm.install(pre=succeed, post=succeed)
    assert not any("stopped" in sentence for sentence in memory_vm.backup().modelled)


def test_a_failure_is_not_tried_again(memory_vm: MemoryMachine) -> None:
    calls: list[int] = []

    def pre(context: ScriptContext) -> int:
        calls.append(context.attempt)
        return 3

    memory_vm.install(pre=pre, post=succeed, pre_retries=5, continue_on_failure=False)
    backup = memory_vm.backup()
    assert calls == [1]
    assert backup.status is Status.FAILED
    assert (backup.extension.result, backup.extension.error) == (300, 300)
    assert backup.post is not None


@pytest.mark.parametrize(("count", "code"), [(KIB64, 0), (KIB64 + 1, 308), (10 * KIB64, 308)])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_more_than_64_kib_of_output_block(
    memory_vm: MemoryMachine, count: int, code: int, stream: str
) -> None:
    def pre(context: ScriptContext) -> None:
        getattr(context, stream).write("x" * count)

    memory_vm.install(pre=pre, post=succeed, timeout=6)
    run = pre_run(memory_vm.backup())
    assert run.code == code
    assert len(getattr(run, stream)) == min(count, KIB64)


def test_params_that_are_null_hang_the_backup(memory_vm: MemoryMachine) -> None:
    config: dict[str, Any] = {
        "preScriptLocation": PRE,
        "postScriptLocation": PRE,
        "preScriptParams": None,
    }
    memory_vm.install_config(config, scripts={PRE: succeed})
    backup = memory_vm.backup()
    assert (pre_run(backup).launched, pre_run(backup).code) == (0, 310)
    assert backup.duration == 1806.0 + FREEZE_AND_THAW + 6.0


def test_a_script_that_is_gone(memory_vm: MemoryMachine) -> None:
    memory_vm.install(pre=lambda context: memory_vm.path(context.path).remove(), post=succeed)
    memory_vm.backup().assert_application_consistent()

    memory_vm.install(
        pre=lambda context: memory_vm.path("/opt/vmsnapshot/post.sh").remove(), post=succeed
    )
    backup = memory_vm.backup()
    assert backup.post is not None
    assert (backup.post.exit_status, [error.code for error in backup.errors]) == (2, [301])
    assert backup.post.stderr == "sh: 0: cannot open /opt/vmsnapshot/post.sh\n"


@pytest.mark.parametrize("timeout", ["-Infinity", "-1e400"])
def test_a_limit_below_any_number(memory_vm: MemoryMachine, timeout: str) -> None:
    config = f'{{"preScriptLocation": "{PRE}", "postScriptLocation": "{PRE}"'
    content = f'{config}, "timeoutInSeconds": {timeout}}}'
    memory_vm.install_config(content, scripts={PRE: lambda context: context.sleep(1)})
    assert pre_run(memory_vm.backup()).code == 308


def test_a_refused_config_is_plain_success(memory_vm: MemoryMachine) -> None:
    """Q4: nobody is told, and continueBackupOnFailure is not obeyed."""
    memory_vm.install_config('{"continueBackupOnFailure": false}')
    backup = memory_vm.backup()
    assert (backup.status, backup.errors) == (Status.COMPLETED, ())
    assert [error.code for error in backup.unreported] == [305]
    report = backup.extension
    assert (report.precheck, report.status, report.result, report.error) == (305, "success", 1, 1)
    assert memory_vm.path(CONFIG_PATH).exists()


@pytest.mark.parametrize("defined", [1, 2])
def test_a_first_config_that_does_not_continue(memory_vm: MemoryMachine, defined: int) -> None:
    """SHIPPED.md, section 6: the only refusal that fails a backup.

    The second plugin is not defined (host-plugins-2-undefined-contF), or its config is an array.
    """
    rows = ["[pre_post]", "timeoutInSeconds = 1800", "numberOfPlugins = 2"]
    for index in range(defined):
        rows += [f"pluginName{index} = ScriptRunner", f"pluginPath{index} = /etc/azure"]
        rows += [f"pluginConfigPath{index} = /srv/{index}.json"]
    memory_vm.write("/etc/azure/VMSnapshotPluginHost.conf", "\n".join(rows))
    memory_vm.install(pre=succeed, post=succeed, continue_on_failure=False)
    good = memory_vm.path(CONFIG_PATH).read_bytes()
    memory_vm.write("/srv/0.json", good, mode=0o600)
    memory_vm.write("/srv/1.json", "[]", mode=0o600)
    report = memory_vm.backup().extension
    assert (report.precheck, report.status, report.result, report.error) == (304, "error", 304, 304)
