"""VMs in memory: their API, their clock, what a script may do, and what the rules see."""

from __future__ import annotations

import errno
import inspect
import math
import os
import shutil
import signal
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from pyfakefs.fake_filesystem import FakeFilesystem, OSType
from pyfakefs.fake_filesystem_unittest import Patcher
from pyfakefs.helpers import get_uid, set_uid

from pytest_vmsnapshot import (
    CONFIG_PATH,
    Backup,
    Consistency,
    GuestDied,
    MemoryMachine,
    RecoveryPoint,
    ScriptContext,
    ScriptExit,
    ScriptRun,
    Status,
    UsageError,
    VirtualMachine,
)
from pytest_vmsnapshot.layout import EXTENSION_DIRECTORY
from pytest_vmsnapshot.memory import InstallOptions, PythonScript

PRE = "/opt/vmsnapshot/pre.sh"
POST = "/opt/vmsnapshot/post.sh"
REQUIRED = "it must have mode 700 and owner root"


def succeed(context: ScriptContext) -> None:
    """A script that does nothing."""


def pre_run(backup: Backup) -> ScriptRun:
    assert backup.pre is not None
    return backup.pre


def point(backup: Backup) -> RecoveryPoint:
    assert backup.recovery_point is not None
    return backup.recovery_point


def one_error(backup: Backup) -> str:
    (error,) = backup.errors
    return str(error)


def back_up(vm: MemoryMachine, pre: PythonScript) -> Backup:
    vm.install(pre=pre, post=succeed)
    return vm.backup()


# -- what a script is given ----------------------------------------------------------------------


def test_script_is_told_what_a_process_is_told(memory_vm: MemoryMachine) -> None:
    told: list[object] = []

    def pre(context: ScriptContext) -> int:
        told.extend([context.path, context.params, context.cwd, context.attempt, context.now])
        told.extend([os.getcwd(), os.getuid(), dict(context.env)])
        Path("/data/left").write_text("x")
        return 0

    memory_vm.install(pre=pre, post=succeed, pre_params=["orders", ""], pre_location="/srv/pre")
    memory_vm.backup().assert_application_consistent()
    assert told == [
        "/srv/pre",
        ("orders", ""),
        EXTENSION_DIRECTORY,
        1,
        0.0,
        EXTENSION_DIRECTORY,
        0,
        {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
    ]
    assert memory_vm.path("/data/left").mode == 0o644
    assert os.getcwd() == "/"


def test_context_shows_itself(memory_vm: MemoryMachine) -> None:
    shown: list[str] = []
    back_up(memory_vm, lambda context: shown.append(repr(context)))
    assert shown == ["<ScriptContext /opt/vmsnapshot/pre.sh, attempt 1, 0 s>"]


def test_everything_printed_is_output_of_the_script(memory_vm: MemoryMachine) -> None:
    def pre(context: ScriptContext) -> ScriptExit:
        context.print("one", 2, sep="-")
        print("three")
        context.stdout.buffer.write(b"\xff\n")
        context.error("four")
        print("five", file=sys.stderr)
        context.stderr.write("six \udcff\n")
        return ScriptExit(stdout="seven\n", stderr=b"eight\n")

    run = pre_run(back_up(memory_vm, pre))
    assert run.stdout == "one-2\nthree\n\\xff\nseven\n"
    assert run.stderr == "four\nfive\nsix \\udcff\neight\n"


def test_output_is_bounded(memory_vm: MemoryMachine) -> None:
    def pre(context: ScriptContext) -> None:
        for _ in range(64):
            context.print("x" * 65536)

    run = pre_run(back_up(memory_vm, pre))
    assert len(run.stdout_bytes) == 2 * 65536
    assert "bytes dropped]" in run.stdout


# -- time ------------------------------------------------------------------------------------------


def test_clock_moves_only_when_a_script_sleeps(memory_vm: MemoryMachine) -> None:
    def pre(context: ScriptContext) -> None:
        context.sleep(2.5)
        context.sleep(0)
        context.print(context.now)

    memory_vm.install(pre=pre, post=succeed)
    first, second = memory_vm.backup(), memory_vm.backup()
    assert (first.duration, second.duration) == (2.5, 2.5)
    assert (pre_run(first).stdout, pre_run(second).stdout) == ("2.5\n", "5.0\n")
    assert first.clock == "memory"


@pytest.mark.parametrize("seconds", [30, 3600.0, math.inf])
def test_pre_script_is_stopped_at_exactly_its_limit(
    memory_vm: MemoryMachine, seconds: float
) -> None:
    def pre(context: ScriptContext) -> None:
        context.sleep(10)
        try:
            context.sleep(seconds)
        except Exception:
            context.print("caught")

    backup = back_up(memory_vm, pre)
    backup.assert_error("Pre-ScriptTimeout")
    assert one_error(backup) == (
        "Pre-ScriptTimeout (308): /opt/vmsnapshot/pre.sh was stopped at its limit of 30 s, "
        f"waiting in: context.sleep({seconds:g})"
    )
    run = pre_run(backup)
    assert (run.timed_out, run.exit_status, run.signal, run.stdout) == (True, None, None, "")
    assert (run.started, run.ended, backup.duration) == (0.0, 30.0, 30.0)
    assert backup.post is not None


def test_sleep_that_ends_before_the_limit_is_not_stopped(memory_vm: MemoryMachine) -> None:
    memory_vm.install(pre=lambda context: context.sleep(9.999), post=succeed, timeout=10)
    memory_vm.backup().assert_application_consistent()


def test_post_script_has_a_limit_of_its_own(memory_vm: MemoryMachine) -> None:
    def script(context: ScriptContext) -> None:
        context.sleep(float(context.params[0]))

    memory_vm.install(
        pre=script, post=script, pre_params=["29"], post_params=["31"], post_retries=3
    )
    backup = memory_vm.backup()
    backup.assert_error("Post-ScriptTimeout")
    assert backup.duration == 59.0


def test_script_that_catches_everything_was_stopped_all_the_same(
    memory_vm: MemoryMachine,
) -> None:
    def pre(context: ScriptContext) -> int:
        try:
            context.sleep(3600)
        except BaseException:
            context.print("goes on")
        return 0

    backup = back_up(memory_vm, pre)
    backup.assert_error("Pre-ScriptTimeout")
    assert pre_run(backup).stdout == "goes on\n"


def test_attempts_share_one_limit(memory_vm: MemoryMachine) -> None:
    def pre(context: ScriptContext) -> int:
        context.print(context.attempt)
        context.sleep(12)
        return 1

    memory_vm.install(pre=pre, post=succeed, pre_retries=9)
    backup = memory_vm.backup()
    backup.assert_error("Pre-ScriptTimeout")
    attempts = pre_run(backup).attempts
    assert [attempt.stdout for attempt in attempts] == ["1\n", "2\n", "3\n"]
    assert [attempt.ended for attempt in attempts] == [12.0, 24.0, 30.0]
    assert [attempt.exit_status for attempt in attempts] == [1, 1, None]


def test_retry_that_succeeds(memory_vm: MemoryMachine) -> None:
    memory_vm.install(
        pre=lambda context: int(context.attempt < 3),
        post=lambda context: context.attempt - 1,
        pre_retries=5,
    )
    backup = memory_vm.backup()
    backup.assert_application_consistent()
    assert [attempt.exit_status for attempt in pre_run(backup).attempts] == [1, 1, 0]


def test_retries_without_end_reach_the_limit(memory_vm: MemoryMachine) -> None:
    memory_vm.install(pre=lambda _: 1, post=succeed, pre_retries=10**9, timeout=1)
    backup = memory_vm.backup()
    backup.assert_error("Pre-ScriptTimeout")
    assert backup.duration == pytest.approx(1, abs=0.002)


@pytest.mark.parametrize("seconds", [-1, math.nan, True, "3"])
def test_sleep_of_no_length(memory_vm: MemoryMachine, seconds: float) -> None:
    memory_vm.install(pre=lambda context: context.sleep(seconds), post=succeed)
    with pytest.raises(UsageError) as caught:
        memory_vm.backup()
    assert str(caught.value) == f"context.sleep({seconds!r}): write a number of seconds from 0 up"


def test_sleep_after_the_end(memory_vm: MemoryMachine) -> None:
    kept: list[ScriptContext] = []
    back_up(memory_vm, kept.append)
    with pytest.raises(UsageError) as caught:
        kept[0].sleep(5)
    assert str(caught.value) == (
        "context.sleep(5) was called after the script /opt/vmsnapshot/pre.sh had ended; a script "
        "in memory has no processes that go on without it"
    )


# -- how a script ends ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "status"),
    [(None, 0), (0, 0), (1, 1), (255, 255), (256, 0), (300, 44), (-1, 255)],
)
def test_exit_status_is_that_of_a_process(
    memory_vm: MemoryMachine, result: int | None, status: int
) -> None:
    assert pre_run(back_up(memory_vm, lambda _: result)).exit_status == status
    assert pre_run(back_up(memory_vm, lambda _: sys.exit(result))).exit_status == status
    ended = ScriptExit(result or 0)
    assert pre_run(back_up(memory_vm, lambda _: ended)).exit_status == status


def test_exit_with_a_text(memory_vm: MemoryMachine) -> None:
    run = pre_run(back_up(memory_vm, lambda _: sys.exit("no connection")))
    assert (run.exit_status, run.stderr) == (1, "no connection\n")


def test_death_by_a_signal(memory_vm: MemoryMachine) -> None:
    backup = back_up(memory_vm, lambda _: ScriptExit(signal=signal.SIGKILL, stderr="oom\n"))
    backup.assert_error("Pre-ScriptExecutionFailed")
    run = pre_run(backup)
    assert (run.exit_status, run.signal, run.stderr) == (None, 9, "oom\n")
    assert one_error(backup).endswith("/opt/vmsnapshot/pre.sh: killed by SIGKILL (9)")


def test_exception_is_exit_status_1_with_its_traceback(memory_vm: MemoryMachine) -> None:
    def pre(context: ScriptContext) -> None:
        context.print("before")
        raise ConnectionError("no database")

    run = pre_run(back_up(memory_vm, pre))
    assert (run.exit_status, run.stdout) == (1, "before\n")
    first, *middle, last = run.stderr.splitlines()
    assert first == "Traceback (most recent call last):"
    assert middle[0].startswith(f'  File "{__file__}", line ')
    assert middle[1].strip() == 'raise ConnectionError("no database")'
    assert last == "ConnectionError: no database"


@pytest.mark.parametrize(
    "error",
    [
        AssertionError("the test's own"),
        KeyboardInterrupt(),
        pytest.fail.Exception("failed"),
        pytest.skip.Exception("skipped"),
        pytest.exit.Exception("exit"),
        UsageError(["a mistake"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_not_the_scripts_passes_through(
    memory_vm: MemoryMachine, error: BaseException
) -> None:
    def pre(context: ScriptContext) -> None:
        raise error

    memory_vm.install(pre=pre, post=succeed)
    with pytest.raises(type(error)) as caught:
        memory_vm.backup()
    assert caught.value is error
    assert os.getcwd() == "/"
    memory_vm.install(pre=succeed, post=succeed)
    memory_vm.backup().assert_application_consistent()


def test_result_that_is_no_exit_status(memory_vm: MemoryMachine) -> None:
    async def asynchronous(context: ScriptContext) -> int:
        return 0

    scripts: list[typing.Any] = [lambda _: True, lambda _: "ok", lambda _: 1.0, asynchronous]
    for script in scripts:
        memory_vm.install(pre=script, post=succeed)
        with pytest.raises(UsageError, match=r"script /opt/vmsnapshot/pre\.sh returned") as caught:
            memory_vm.backup()
        assert str(caught.value).endswith(
            "; return an exit status such as 0 or 1, None for 0, or a ScriptExit"
        )


def test_mistakes_in_a_script_exit_are_all_named() -> None:
    wrong: typing.Any = {"status": "1", "signal": 65, "stdout": None}
    with pytest.raises(UsageError) as caught:
        ScriptExit(**wrong)
    assert caught.value.mistakes == (
        "ScriptExit: status is '1'; write a whole number",
        "ScriptExit: signal is 65; Linux has signals 1 to 64",
        "ScriptExit has a status and a signal; a process ends with one of them",
        "ScriptExit: stdout is None; write text or bytes",
    )
    with pytest.raises(UsageError, match="signal is True; write a number"):
        ScriptExit(signal=True)


def test_backup_inside_a_script_is_refused(memory_vm: MemoryMachine) -> None:
    def pre(context: ScriptContext) -> None:
        memory_vm.backup()

    memory_vm.install(pre=pre, post=succeed)
    with pytest.raises(UsageError, match="a backup was asked for while another call"):
        memory_vm.backup()


# -- recovery points -----------------------------------------------------------------------------


def test_recovery_point_holds_the_files_as_they_were(memory_vm: MemoryMachine) -> None:
    def pre(context: ScriptContext) -> None:
        Path("/data/db/table").write_text("quiesced")

    def post(context: ScriptContext) -> None:
        Path("/data/db/table").write_text("running")
        os.unlink("/data/db/log")

    Path("/data/db").mkdir()
    Path("/data/db/log").write_bytes(b"\0log")
    os.symlink("db", "/data/current")
    memory_vm.install(pre=pre, post=post)
    backup = memory_vm.backup()
    shutil.rmtree("/data/db")
    files = point(backup)
    assert files.read_text("/data/db/table") == "quiesced"
    assert files.read_bytes("/data/current/../../data/current/log") == b"\0log"
    assert list(files.walk("/data")) == [
        "/data/current",
        "/data/db",
        "/data/db/log",
        "/data/db/table",
    ]
    assert list(files.walk("/data/current")) == ["/data/current/log", "/data/current/table"]
    assert files.exists("/data/db")
    assert not files.exists("/data/nothing")
    assert files.consistency is Consistency.APPLICATION
    assert not Path("/data/db").exists()
    assert Backup.from_json(backup.to_json()) == backup


def test_refusals_of_a_recovery_point_are_those_of_a_file_system(
    memory_vm: MemoryMachine, fs: FakeFilesystem
) -> None:
    os.symlink("/data/loop", "/data/loop")
    Path("/data/file").write_text("x")
    fs.create_file("/data/large", st_size=10**12)
    files = point(back_up(memory_vm, succeed))
    for path, number in {
        "/data/loop": errno.ELOOP,
        "/data/none": errno.ENOENT,
        "/data/file/x": errno.ENOTDIR,
        "/data/file/..": errno.ENOTDIR,
        "/data": errno.EISDIR,
        "/data/large": errno.EFBIG,
    }.items():
        with pytest.raises(OSError, match=os.strerror(number)) as caught:
            files.read_bytes(path)
        assert (caught.value.errno, caught.value.filename) == (number, path)
    with pytest.raises(NotADirectoryError):
        list(files.walk("/data/file"))
    assert files.size > 10**12


def test_recovery_point_shows_files_of_the_host(
    memory_vm: MemoryMachine, fs: FakeFilesystem
) -> None:
    fs.add_real_file(__file__, target_path="/data/real", read_only=False)
    fs.add_real_directory(os.path.dirname(__file__), target_path="/data/tests")
    files = point(back_up(memory_vm, succeed))
    Path("/data/real").write_text("changed")
    assert "def test_recovery_point_shows" in files.read_text("/data/real")
    assert files.exists(f"/data/tests/{os.path.basename(__file__)}")
    again = point(memory_vm.backup())
    assert again.read_text("/data/real") == "changed"


def test_nothing_can_be_read_once_the_vm_is_closed(memory_vm: MemoryMachine) -> None:
    files = point(back_up(memory_vm, succeed))
    memory_vm.close()
    memory_vm.close()
    with pytest.raises(GuestDied, match="read its files before the test ends"):
        files.read_bytes("/etc/azure")
    with pytest.raises(GuestDied) as caught:
        memory_vm.backup()
    assert str(caught.value) == "the VM is closed"


def test_what_was_modelled_is_said(memory_vm: MemoryMachine) -> None:
    backup = back_up(memory_vm, succeed)
    assert backup.modelled == (
        "scripts ran as Python functions of the test, on a file system in memory",
        "the freeze was simulated by pausing every process of the VM",
    )
    assert (backup.guest, backup.storage) == ("memory", "pause-and-copy")


# -- modes, owners, kinds --------------------------------------------------------------------------


def test_modes_and_owners_are_those_of_the_file(memory_vm: MemoryMachine) -> None:
    memory_vm.install(
        pre=succeed, post=succeed, pre_mode=0o755, post_owner="www-data", config_mode=0o600
    )
    assert memory_vm.path("/opt/vmsnapshot/post.sh").owner == "www-data"
    assert os.stat("/opt/vmsnapshot/post.sh").st_uid == 33
    backup = memory_vm.backup()
    pre, post = map(str, backup.errors)
    assert pre.endswith(f"{PRE} has mode 755 and owner root; {REQUIRED}")
    assert post.endswith(f"{POST} has mode 700 and owner www-data; {REQUIRED}")
    backup.assert_error("InsufficientPermissionforPre-Script")
    backup.assert_error("InsufficientPermissionforPost-Script")
    assert backup.pre is None


def test_owners_are_those_of_the_vms_own_passwd(memory_vm: MemoryMachine) -> None:
    memory_vm.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1234:1234::/:/bin/sh\nbad\n")
    memory_vm.write("/srv/one", "", owner="app")
    memory_vm.write("/srv/two", "", owner=77)
    memory_vm.path("/srv/three").mkdir(mode=0o2750, owner="1234")
    assert os.stat("/srv/one").st_uid == 1234
    assert [memory_vm.path(f"/srv/{name}").owner for name in ("one", "two", "three")] == [
        "app",
        "77",
        "app",
    ]
    assert memory_vm.path("/srv/three").mode == 0o2750
    with pytest.raises(UsageError) as caught:
        memory_vm.write("/srv/four", "", owner="www-data")
    assert str(caught.value) == (
        "/srv/four cannot be written on the VM: the VM has no user 'www-data'"
    )
    assert not os.path.exists("/srv/four")


def test_config_that_others_may_read(memory_vm: MemoryMachine) -> None:
    memory_vm.install(pre=succeed, post=succeed, config_mode=0o644)
    backup = memory_vm.backup()
    assert f"{CONFIG_PATH} has mode 644 and owner root" in one_error(backup)
    assert backup.consistency is Consistency.FILE_SYSTEM


def test_script_that_the_other_one_removed_or_locked(memory_vm: MemoryMachine) -> None:
    memory_vm.install(pre=lambda _: os.unlink("/opt/vmsnapshot/post.sh"), post=succeed)
    backup = memory_vm.backup()
    assert backup.post is not None
    assert backup.post.launch_error == os.strerror(errno.ENOENT)

    memory_vm.install(pre=lambda _: os.chmod("/opt/vmsnapshot/post.sh", 0o600), post=succeed)
    backup = memory_vm.backup()
    assert backup.post is not None
    assert backup.post.launch_error == "it may not be executed: its mode is 600"


def test_directory_link_and_fifo_in_place_of_a_script(
    memory_vm: MemoryMachine, fs: FakeFilesystem
) -> None:
    memory_vm.install(pre=succeed, post=succeed)
    os.unlink("/opt/vmsnapshot/pre.sh")
    os.symlink("nowhere", "/opt/vmsnapshot/pre.sh")
    os.unlink("/opt/vmsnapshot/post.sh")
    os.mkdir("/opt/vmsnapshot/post.sh")
    assert [str(error) for error in memory_vm.backup().errors] == [
        "Pre-ScriptNotFound (302): /opt/vmsnapshot/pre.sh is a link that leads nowhere",
        "Post-ScriptNotFound (303): /opt/vmsnapshot/post.sh is a directory, not a file",
    ]
    os.unlink("/opt/vmsnapshot/pre.sh")
    os.symlink("pre.sh", "/opt/vmsnapshot/pre.sh")
    fs.create_file("/opt/fifo", st_mode=0o010700)
    os.rmdir("/opt/vmsnapshot/post.sh")
    os.symlink("/opt/fifo", "/opt/vmsnapshot/post.sh")
    loop = os.strerror(errno.ELOOP)
    assert [str(error) for error in memory_vm.backup().errors] == [
        f"Pre-ScriptNotFound (302): /opt/vmsnapshot/pre.sh cannot be looked at: {loop}",
        "Post-ScriptNotFound (303): /opt/vmsnapshot/post.sh is a fifo, not a file",
    ]


@pytest.mark.vm(disks=1)
def test_marker_says_what_azure_knows(memory_vm: MemoryMachine) -> None:
    memory_vm.install(pre=lambda _: 1, post=succeed, continue_on_failure=False)
    memory_vm.backup().assert_crash_consistent()


@pytest.mark.vm(deployment="classic", directories=["/orders"])
def test_classic_vm(memory_vm: MemoryMachine) -> None:
    memory_vm.install(pre=lambda _: pytest.fail("not to be run"), post=succeed)
    assert memory_vm.backup().status is Status.COMPLETED
    assert os.path.isdir("/orders")


# -- deployment code -----------------------------------------------------------------------------


def deploy(mode: int = 0o700) -> None:
    """What a project's own deployment code may look like."""
    Path("/opt/orders/releases/7").mkdir(parents=True)
    for name in ("pre.sh", "post.sh"):
        path = Path("/opt/orders/releases/7", name)
        path.write_text("#!/bin/sh\nexec orders-ctl quiesce\n", newline="\n")
        path.chmod(mode)
    os.symlink("releases/7", "/opt/orders/current")
    fd = os.open(CONFIG_PATH, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(
            '{"pluginName": "ScriptRunner", "preScriptLocation": "/opt/orders/current/pre.sh", '
            '"postScriptLocation": "/opt/orders/current/post.sh", "preScriptParams": [], '
            '"postScriptParams": [], "preScriptNoOfRetries": 0, "postScriptNoOfRetries": 0, '
            '"timeoutInSeconds": 30, "continueBackupOnFailure": true, "fsFreezeEnabled": true}'
        )


def test_deployment_code(memory_vm: MemoryMachine) -> None:
    deploy()
    memory_vm.script("/opt/orders/releases/7/pre.sh", succeed)
    memory_vm.script("/opt/orders/current/post.sh", lambda _: 0)
    memory_vm.backup().assert_application_consistent()


def test_deployment_code_with_a_wrong_mode(memory_vm: MemoryMachine) -> None:
    deploy(0o755)
    memory_vm.backup().assert_error("InsufficientPermissionforPre-Script")


def test_deployment_code_that_copies_and_changes_owners(memory_vm: MemoryMachine) -> None:
    deploy()
    shutil.copy("/opt/orders/current/pre.sh", "/opt/new.sh")
    os.replace("/opt/new.sh", "/opt/orders/releases/7/pre.sh")
    os.chown("/opt/orders/current/pre.sh", 1000, 1000)
    assert one_error(memory_vm.backup()) == (
        "InsufficientPermissionforPre-Script (306): /opt/orders/current/pre.sh has mode 700 and "
        "owner azureuser; it must have mode 700 and owner root"
    )


def test_script_nobody_spoke_of(memory_vm: MemoryMachine) -> None:
    deploy()
    with pytest.raises(UsageError) as caught:
        memory_vm.backup()
    assert str(caught.value) == (
        "the script /opt/orders/current/pre.sh lies on the VM, but a VM in memory cannot run "
        "files; say what it does: memory_vm.script('/opt/orders/current/pre.sh', function), where "
        "function(context) returns its exit status"
    )


def test_file_with_the_line_ends_of_windows(memory_vm: MemoryMachine) -> None:
    memory_vm.install(pre="#!/bin/sh\r\nexit 0\r\n", post=succeed)
    memory_vm.script("/opt/vmsnapshot/pre.sh", succeed)
    assert one_error(memory_vm.backup()) == (
        "Pre-ScriptExecutionFailed (300): /opt/vmsnapshot/pre.sh: could not be started: its first "
        "line ends in CR LF, so the interpreter '/bin/sh\\r' does not exist; save it with LF line "
        "ends"
    )


def test_framework_is_root_whoever_the_test_is(memory_vm: MemoryMachine) -> None:
    told: list[int] = []
    memory_vm.install(pre=lambda _: told.append(os.getuid()), post=succeed)
    os.chmod("/etc/azure", 0o700)
    set_uid(1001)
    with pytest.raises(PermissionError):
        os.listdir("/etc/azure")
    memory_vm.backup().assert_application_consistent()
    assert told == [0]
    assert get_uid() == 1001


# -- install and the rest of the API ---------------------------------------------------------------


def test_install_takes_what_every_vm_takes() -> None:
    """The keywords of ``install`` are written down twice; here they are compared."""
    every = inspect.signature(VirtualMachine.install).parameters
    expected = {name for name in every if name not in ("self", "pre", "post")}
    assert set(InstallOptions.__annotations__) == expected
    theirs = typing.get_type_hints(VirtualMachine.install)
    ours = typing.get_type_hints(InstallOptions)
    assert {name: ours[name] for name in expected} == {name: theirs[name] for name in expected}


def test_function_is_installed_as_a_file(memory_vm: MemoryMachine) -> None:
    memory_vm.install(pre=succeed, post=succeed, post_location="/srv/post")
    assert memory_vm.path("/srv/post").read_text() == (
        f"#!/usr/bin/env python3\n# runs {__name__}.succeed\n"
    )
    assert memory_vm.path("/srv/post").mode == 0o700
    assert memory_vm.path(CONFIG_PATH).mode == 0o600


def test_mistakes_of_install_are_all_named(memory_vm: MemoryMachine) -> None:
    wrong: typing.Any = {"pre_params": "orders", "timeout": 0}
    with pytest.raises(UsageError) as caught:
        memory_vm.install(pre=succeed, post="deploy/none.sh", **wrong)
    assert len(caught.value.mistakes) == 3
    assert not memory_vm.path(CONFIG_PATH).exists()
    nothing: typing.Any = None
    with pytest.raises(UsageError) as caught:
        memory_vm.script("opt/pre.sh", nothing)
    assert caught.value.mistakes == (
        "path is 'opt/pre.sh'; write an absolute path on the VM",
        "function is None; write a function that takes a ScriptContext and returns its exit status",
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project on the host's disk."""
    (tmp_path / "config.json").write_text(
        '{"pluginName": "ScriptRunner", "preScriptLocation": "/opt/a.sh", '
        '"postScriptLocation": "/opt/b.sh", "preScriptParams": ["x"], "postScriptParams": [], '
        '"preScriptNoOfRetries": 0, "postScriptNoOfRetries": 0, "timeoutInSeconds": 5, '
        '"continueBackupOnFailure": true, "fsFreezeEnabled": true}'
    )
    (tmp_path / "a.sh").write_text("#!/bin/sh\n")
    (tmp_path / "b.sh").write_text("#!/bin/sh\n")
    (tmp_path / "b.sh").chmod(0o640)
    return tmp_path


def test_config_of_the_project(project: Path, memory_vm: MemoryMachine) -> None:
    told: list[tuple[str, ...]] = []
    memory_vm.install_config(
        project / "config.json",
        scripts={"/opt/a.sh": lambda context: told.append(context.params), "/opt/b.sh": succeed},
    )
    memory_vm.backup().assert_application_consistent()
    assert told == [("x",)]
    assert os.path.exists("/etc/azure")
    assert not os.path.exists(project)


def test_scripts_of_the_project(project: Path, memory_vm: MemoryMachine) -> None:
    memory_vm.install_config(project / "config.json", scripts=project)
    memory_vm.script("/opt/a.sh", succeed)
    memory_vm.script("/opt/b.sh", succeed)
    memory_vm.backup().assert_application_consistent()
    assert Path("/opt/a.sh").read_text() == "#!/bin/sh\n"


def test_copy_of_the_project(project: Path, memory_vm: MemoryMachine) -> None:
    memory_vm.copy(project, "/srv/project", owner="backup")
    assert memory_vm.path("/srv/project").walk() == (
        "/srv/project/a.sh",
        "/srv/project/b.sh",
        "/srv/project/config.json",
    )
    assert memory_vm.path("/srv/project/b.sh").mode == 0o640
    assert memory_vm.path("/srv/project/b.sh").owner == "backup"


def test_config_without_scripts(memory_vm: MemoryMachine) -> None:
    memory_vm.install_config(b"\0", scripts=None)
    memory_vm.backup().assert_error("IncorrectJSONConfigFile")


def test_paths(memory_vm: MemoryMachine) -> None:
    file = memory_vm.path("/srv/x/file")
    file.write_text("one")
    assert (file.read_text(), file.mode, file.owner, file.is_file()) == ("one", 0o644, "root", True)
    file.write_bytes(b"two", mode=0o600, owner="backup")
    assert Path("/srv/x/file").read_bytes() == b"two"
    memory_vm.path("/srv/x").remove()
    assert not file.exists()
    with pytest.raises(FileNotFoundError):
        file.read_bytes()
    with pytest.raises(UsageError) as caught:
        memory_vm.write("/srv", "")
    assert str(caught.value) == "/srv cannot be written on the VM: Is a directory"


def test_commands_are_refused(memory_vm: MemoryMachine) -> None:
    with pytest.raises(UsageError) as caught:
        memory_vm.run("systemctl stop orders", check=True)
    assert str(caught.value) == (
        "the command 'systemctl stop orders' cannot be run: a VM in memory has no shell and no "
        "programs; call the Python function under test itself, look at files with "
        "memory_vm.path(), or use the fixture vm"
    )


# -- without the fixture, and on other systems -----------------------------------------------------


def test_without_the_fixture() -> None:
    before = get_uid()
    with Patcher() as patcher:
        assert patcher.fs is not None
        with MemoryMachine(patcher.fs, disks=1) as vm:
            back_up(vm, lambda _: Path("/data/x").write_text("x") and 0)
            assert point(vm.backups[0]).read_text("/data/x") == "x"
            assert get_uid() == 0
        assert get_uid() == before


def test_without_patching(project: Path) -> None:
    fs = FakeFilesystem()
    with MemoryMachine(fs, bases=[project]) as vm:
        vm.install_config("config.json", scripts={"/opt/a.sh": succeed, "/opt/b.sh": succeed})
        vm.backup().assert_application_consistent()


def test_settings_no_vm_can_have() -> None:
    with pytest.raises(UsageError, match=r"MemoryMachine\(\): disks=0; write a whole number"):
        MemoryMachine(FakeFilesystem(), disks=0)


@pytest.mark.parametrize("system", [OSType.WINDOWS, OSType.MACOS])
def test_vm_is_a_linux_one_everywhere(fs: FakeFilesystem, system: OSType) -> None:
    fs.os = system
    with MemoryMachine(fs) as vm:
        vm.install(pre=succeed, post=succeed, pre_mode=0o750)
        assert os.stat("/opt/vmsnapshot/pre.sh").st_mode & 0o777 == 0o750
        vm.backup().assert_error("InsufficientPermissionforPre-Script")


def test_files_written_as_on_windows_are_not_thrown_away(fs: FakeFilesystem) -> None:
    fs.os = OSType.WINDOWS
    fs.create_file("C:/kept", contents="x")
    with pytest.raises(UsageError) as caught:
        MemoryMachine(fs)
    assert str(caught.value) == (
        "the fake file system imitates Windows and has files already, but the VM is a Linux one; "
        "make the VM before you write files, or write fs.os = OSType.LINUX first"
    )


_IMPORTS = """
import importlib.abc, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in {refused!r}:
            raise ImportError(name + " is for Linux only")

sys.meta_path.insert(0, Refuse())
from pyfakefs.fake_filesystem import FakeFilesystem
from pytest_vmsnapshot import MemoryMachine

with MemoryMachine(FakeFilesystem()) as vm:
    vm.install(pre=lambda context: 0, post=lambda context: 0)
    vm.backup().assert_application_consistent()
linux = {{"fcntl", "grp", "posix", "pwd", "resource", "termios"}}
for name, module in list(sys.modules.items()):
    if name.startswith("pytest_vmsnapshot"):
        used = {{getattr(value, "__name__", "") for value in vars(module).values()}} & linux
        print(name, *used) if used else None
"""


def test_nothing_for_linux_only_is_imported() -> None:
    refused = {
        "pytest_vmsnapshot.running",
        *(f"pytest_vmsnapshot.guest.{name}" for name in ("remote", "session", "syscalls", "wire")),
    }
    program = _IMPORTS.format(refused=refused)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
