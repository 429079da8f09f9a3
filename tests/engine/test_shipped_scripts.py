"""Scripts as the extension runs them: by sh, once, looked at in steps, unread and never stopped."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot import (
    EXTENSION_DIRECTORY,
    PLUGIN_HOST_PATH,
    Backup,
    Consistency,
    ScriptRun,
    Status,
    VirtualMachine,
    VmFactory,
)

pytestmark = pytest.mark.vm(rules="shipped")

OK = "#!/bin/sh\n"
PRE = "/opt/vmsnapshot/pre.sh"
POST = "/opt/vmsnapshot/post.sh"
KIB64 = 64 * 1024


def pre_run(backup: Backup) -> ScriptRun:
    assert backup.pre is not None
    return backup.pre


def back_up(vm: VirtualMachine, pre: str | bytes, post: str | bytes = OK, **more: Any) -> Backup:
    vm.install(pre=pre, post=post, **more)
    return vm.backup()


def with_config(vm: VirtualMachine, pre: str = OK, post: str = OK, **changes: Any) -> Backup:
    """A backup with a config that ``install`` would not write."""
    config = {"preScriptLocation": PRE, "postScriptLocation": POST, **changes}
    vm.install_config(config, scripts={PRE: pre, POST: post})
    return vm.backup()


def codes(backup: Backup) -> list[int]:
    return [error.code for error in backup.errors]


# -- how a script is started -----------------------------------------------------------------------


@pytest.mark.parametrize("line", ["#!/bin/bash", "#!/no/such/shell -e", "#!/usr/bin/env python3"])
def test_the_first_line_is_ignored(vm: VirtualMachine, line: str) -> None:
    backup = back_up(
        vm,
        f"{line}\ntr '\\0' '|' < /proc/$$/cmdline; echo; echo $0 $#\nreadlink /proc/$$/exe\n",
        pre_params=["a b", ""],
    )
    run = pre_run(backup)
    shell = vm.run("readlink -f $(command -v sh)").stdout.strip()
    assert run.argv == ("sh", PRE, "a b", "")
    assert run.stdout.splitlines() == [f"sh|{PRE}|a b||", f"{PRE} 2", shell]
    backup.assert_application_consistent()


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o000, 0o4700])
def test_no_execute_bit_is_needed(vm: VirtualMachine, mode: int) -> None:
    backup = back_up(vm, "echo here\n", pre_mode=mode, post_mode=mode)
    assert pre_run(backup).stdout == "here\n"
    backup.assert_application_consistent()


@pytest.mark.vm(allow=["missing-command"])
def test_carriage_returns_are_words(vm: VirtualMachine) -> None:
    assert back_up(vm, b"#!/bin/sh\r\nexit 0\r\n").status is not Status.FAILED
    backup = back_up(vm, b"#!/bin/sh\r\ntrue\r\n")
    assert pre_run(backup).exit_status == 127


def test_empty_script_succeeds(vm: VirtualMachine) -> None:
    back_up(vm, b"", b"").assert_application_consistent()


def test_script_that_is_gone(vm: VirtualMachine) -> None:
    backup = back_up(vm, f"rm {POST}\n")
    assert backup.post is not None
    assert (backup.post.launched, backup.post.exit_status, codes(backup)) == (1, 2, [301])
    assert POST in backup.post.stderr


SURROUNDINGS = "id -u; pwd; umask; cat; env | grep -v ^PWD= | LC_ALL=C sort\n"


def test_surroundings(vm: VirtualMachine) -> None:
    assert pre_run(back_up(vm, SURROUNDINGS)).stdout.splitlines() == [
        "0",
        EXTENSION_DIRECTORY,
        "0022",
        "LANG=C.UTF-8",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]


@pytest.mark.vm(
    agent_umask=0o077, agent_stdin=b"one\ntwo\n", agent_env={"LANG": None, "ORDERS": "a b"}
)
def test_the_agent_hands_its_surroundings_on(vm: VirtualMachine) -> None:
    assert pre_run(back_up(vm, SURROUNDINGS)).stdout.splitlines()[2:] == [
        "0077",
        "one",
        "two",
        "LC_CTYPE=C.UTF-8",
        "ORDERS=a b",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]


@pytest.mark.vm(agent_stdin="open")
def test_a_script_that_reads_an_open_input_hangs(vm: VirtualMachine) -> None:
    backup = back_up(vm, "echo asking; cat\n", timeout=5)
    run = pre_run(backup)
    assert (run.code, run.timed_out, run.left_running) == (308, True, True)
    assert run.stdout == "asking\n"
    assert backup.pre is not None
    assert backup.pre.ended >= 6.0


@pytest.mark.vm(agent_stdin="open")
def test_a_script_that_does_not_read_is_unharmed(vm: VirtualMachine) -> None:
    back_up(vm, "[ -p /dev/stdin ]\n").assert_application_consistent()


# -- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timeout", "seconds", "code"),
    [(1, 2.6, 0), (1, 3.4, 308), (10, 11.6, 0), (10, 12.4, 308), (31, 32.6, 0), (31, 33.6, 308)],
)
def test_a_limit_is_rounded_up_to_the_next_look(
    vm: VirtualMachine, timeout: int, seconds: float, code: int
) -> None:
    backup = back_up(vm, f"sleep {seconds}\n", timeout=timeout)
    assert pre_run(backup).code == code
    assert codes(backup) == ([code] if code else [])


@pytest.mark.parametrize(("step", "code"), [(1, 308), (2, 308), (3, 0), (4, 308), (5, 0)])
def test_the_step_can_be_set(vm: VirtualMachine, step: int, code: int) -> None:
    backup = with_config(
        vm, "sleep 4.4\n", timeoutInSeconds=4, ScriptsExecutionPollTimeSeconds=step
    )
    assert pre_run(backup).code == code


def test_a_missing_timeout_is_ten_seconds_and_so_twelve(vm: VirtualMachine) -> None:
    assert pre_run(with_config(vm, "sleep 11.5\n")).code == 0
    assert pre_run(with_config(vm, "sleep 12.5\n")).code == 308


def test_each_script_has_a_limit_of_its_own(vm: VirtualMachine) -> None:
    back_up(vm, "sleep 5\n", "sleep 5\n", timeout=6).assert_application_consistent()


@pytest.mark.parametrize(
    "timeout", ["-Infinity", "-1e400", "-" + "9" * 400], ids=lambda text: text[:6]
)
def test_a_limit_below_any_number_is_reached_at_once(vm: VirtualMachine, timeout: str) -> None:
    config = json.dumps({"preScriptLocation": PRE, "postScriptLocation": POST})
    content = f'{config[:-1]}, "timeoutInSeconds": {timeout}}}'
    vm.install_config(content, scripts={PRE: "sleep 1\n", POST: "sleep 1\n"})
    assert pre_run(vm.backup()).code == 308


def test_a_script_that_exits_at_once_costs_two_looks(vm: VirtualMachine) -> None:
    backup = back_up(vm, OK)
    freeze_and_thaw = 4.0 + 1.0
    assert backup.duration == pytest.approx(2 * 6.0 + freeze_and_thaw, abs=1.0)


def test_a_script_that_is_late_runs_on(vm: VirtualMachine) -> None:
    """It writes during freeze and post-script, outlives the backup, and ends with the VM."""
    ticks = "i=0; while :; do i=$((i+1)); echo $i >> /srv/ticks; sleep 1; done\n"
    backup = back_up(vm, f"trap '' TERM; {ticks}", "sleep 8; wc -l < /srv/ticks\n", timeout=6)
    run = pre_run(backup)
    assert (run.code, run.left_running, run.exit_status) == (308, True, None)
    assert run.last.stopped_processes == 0
    assert backup.consistency is Consistency.FILE_SYSTEM
    assert backup.recovery_point is not None
    at_snapshot = backup.recovery_point.read_text("/srv/ticks").count("\n")
    assert at_snapshot > 6
    assert backup.post is not None
    assert int(backup.post.stdout) > at_snapshot + 6
    before = vm.path("/srv/ticks").read_text().count("\n")
    vm.wait(5)
    assert vm.path("/srv/ticks").read_text().count("\n") >= before + 4
    [pid] = vm.run(["pgrep", "-f", PRE]).stdout.split()
    assert vm.run(["kill", "-0", pid]).exit_status == 0


def on_the_host(words: bytes) -> bool:
    """Whether a process of this machine has these words in its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if words in path.read_bytes().replace(b"\0", b" "):
                return True
    return False


def test_a_late_script_is_gone_with_its_vm(vm_factory: VmFactory) -> None:
    words = f"sleep {os.getpid()}7.75"
    with vm_factory(rules="shipped") as vm:
        assert pre_run(back_up(vm, f"{words}\n", timeout=1)).left_running
        assert on_the_host(words.encode("ascii"))
    assert not on_the_host(words.encode("ascii"))


def test_a_late_script_that_prints_after_the_backup_dies_of_it(vm: VirtualMachine) -> None:
    late = "sleep 60; echo hello; touch /srv/survived\n"
    assert pre_run(back_up(vm, late, timeout=3)).left_running
    vm.wait(60)
    assert not vm.path("/srv/survived").exists()
    assert vm.run(["pgrep", "-f", PRE]).exit_status == 1


def test_a_late_script_s_exit_status_is_ignored(vm: VirtualMachine) -> None:
    backup = back_up(vm, "sleep 8; exit 7\n", "sleep 20\n", timeout=3)
    run = pre_run(backup)
    assert (run.code, run.exit_status, run.left_running) == (308, None, True)


# -- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("retries", [0, 1, 3, 2000])
def test_a_script_is_never_started_again(vm: VirtualMachine, retries: int) -> None:
    again = "echo try >> /srv/tries; [ $(wc -l < /srv/tries) -gt 1 ]\n"
    backup = back_up(vm, again, pre_retries=retries, continue_on_failure=False)
    run = pre_run(backup)
    assert (run.launched, run.attempt_count, codes(backup)) == (1, 1, [300])
    assert vm.path("/srv/tries").read_text() == "try\n"
    assert backup.status is Status.FAILED
    assert backup.post is not None


@pytest.mark.parametrize(
    "status", [1, 2, pytest.param(127, marks=pytest.mark.vm(allow=["missing-command"])), 255]
)
def test_exit_status(vm: VirtualMachine, status: int) -> None:
    backup = back_up(vm, f"exit {status}\n")
    assert (pre_run(backup).exit_status, codes(backup)) == (status, [300])


def test_death_by_signal(vm: VirtualMachine) -> None:
    backup = back_up(vm, "kill -9 $$\n")
    assert (pre_run(backup).signal, codes(backup)) == (9, [300])


@pytest.mark.vm(allow=["processes"])
@pytest.mark.parametrize("end", ["setsid sleep 1000 &", "sleep 1000 &"])
def test_children_in_the_background_do_not_matter(vm: VirtualMachine, end: str) -> None:
    backup = back_up(vm, f"{end}\necho done\n", timeout=3)
    backup.assert_application_consistent()
    assert pre_run(backup).stdout == "done\n"
    assert vm.run("pgrep -x sleep").exit_status == 0


# -- output ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [1, 2])
def test_64_kib_of_output_pass(vm: VirtualMachine, stream: int) -> None:
    backup = back_up(vm, f"head -c {KIB64} /dev/zero >&{stream}\n", timeout=6)
    backup.assert_application_consistent()
    run = pre_run(backup)
    assert len((run.stdout_bytes, run.stderr_bytes)[stream - 1]) == KIB64


@pytest.mark.parametrize("stream", [1, 2])
@pytest.mark.parametrize("more", [1, 1024 * 1024])
def test_more_output_blocks_the_script(vm: VirtualMachine, stream: int, more: int) -> None:
    """What it printed is shown all the same, as far as it came."""
    text = f"printf first >&{stream}; head -c {KIB64 - 5 + more} /dev/zero >&{stream}\n"
    backup = back_up(vm, text, timeout=6)
    run = pre_run(backup)
    assert (run.code, run.timed_out, run.left_running) == (308, True, True)
    output = (run.last.output, run.last.error_output)[stream - 1]
    assert output.head.startswith(b"first")
    page = 4096  # a pipe is made of pages, and the first write may have one for itself
    assert KIB64 - page < len(output.kept) + output.dropped <= KIB64


def test_a_blocked_script_dies_when_the_extension_has_ended(vm: VirtualMachine) -> None:
    """Nothing is read, so it never gets past what it printed (output-stdout-64KiB+1)."""
    text = "x=$(head -c 70000 /dev/zero | tr '\\0' x); printf %s \"$x\"; touch /srv/survived\n"
    assert pre_run(back_up(vm, text, timeout=3)).left_running
    vm.wait(1)
    assert not vm.path("/srv/survived").exists()


def test_both_streams_have_room_of_their_own(vm: VirtualMachine) -> None:
    text = f"head -c {KIB64} /dev/zero; head -c {KIB64} /dev/zero >&2\n"
    back_up(vm, text, text, timeout=6).assert_application_consistent()


# -- the config's surprises ------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "code"), [("pre", 310), ("post", 311)])
def test_params_that_are_null_hang_the_backup(vm: VirtualMachine, name: str, code: int) -> None:
    changes: dict[str, Any] = {f"{name}ScriptParams": None, "continueBackupOnFailure": False}
    backup = with_config(vm, **changes)
    run = backup.pre if name == "pre" else backup.post
    assert run is not None
    assert (run.launched, run.code) == (0, code)
    assert codes(backup) == [code]
    assert str(backup.errors[0]).endswith(f": {name}ScriptParams is null, not a list")
    assert backup.duration > 1806
    assert backup.status is Status.COMPLETED_WITH_WARNINGS
    assert backup.consistency is Consistency.FILE_SYSTEM


def test_a_string_of_params_is_passed_letter_by_letter(vm: VirtualMachine) -> None:
    backup = with_config(vm, 'printf "<%s>" "$@"\n', preScriptParams="a b")
    assert pre_run(backup).stdout == "<a>< ><b>"


def test_two_plugins_run_side_by_side(vm: VirtualMachine) -> None:
    rows = [
        "[pre_post]",
        "timeoutInSeconds = 1800",
        "numberOfPlugins = 2",
        *(
            f"{key}{index} = {value}"
            for index in (0, 1)
            for key, value in (
                ("pluginName", "ScriptRunner"),
                ("pluginPath", "/etc/azure"),
                ("pluginConfigPath", f"/srv/{index}.json"),
            )
        ),
    ]
    vm.write(PLUGIN_HOST_PATH, "\n".join(rows))
    for index, seconds in enumerate((4, 8)):
        config = {
            "preScriptLocation": f"/srv/pre{index}",
            "postScriptLocation": "/srv/post",
            "timeoutInSeconds": 30,
            "preScriptParams": [str(index)],
        }
        vm.write(f"/srv/{index}.json", json.dumps(config), mode=0o600)
        vm.write(f"/srv/pre{index}", f"sleep {seconds}; echo $1\n", mode=0o700)
    vm.write("/srv/post", OK, mode=0o700)
    backup = vm.backup()
    run = pre_run(backup)
    assert [attempt.stdout for attempt in run.attempts] == ["0\n", "1\n"]
    assert [attempt.argv[1] for attempt in run.attempts] == ["/srv/pre0", "/srv/pre1"]
    assert (run.launched, run.code) == (2, 0)
    first, second = run.attempts
    assert first.started <= second.started < first.ended < second.ended
    assert second.ended < 4 + 8
    backup.assert_application_consistent()


@pytest.mark.parametrize("timeout", [-10, -(10**400)], ids=["short", "long"])
def test_a_negative_limit_of_the_plugin_host(vm: VirtualMachine, timeout: int) -> None:
    vm.install(pre="sleep 5\n", post=OK)
    vm.run(f"cp {EXTENSION_DIRECTORY}/VMSnapshotPluginHost.conf {PLUGIN_HOST_PATH}", check=True)
    vm.run(["sed", "-i", f"s/1800/{timeout}/", PLUGIN_HOST_PATH], check=True)
    backup = vm.backup()
    assert (backup.status, backup.extension.result, codes(backup)) == (Status.FAILED, 2, [2])
    assert pre_run(backup).left_running
    assert backup.post is None
