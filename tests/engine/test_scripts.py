"""Running scripts: how they are started, what they find, how they end, how they are stopped."""

from __future__ import annotations

import resource
import signal

import pytest

from pytest_vmsnapshot import Backup, Consistency, VirtualMachine

OK = "#!/bin/sh\n"


def back_up(vm: VirtualMachine, pre: str | bytes, post: str | bytes = OK) -> Backup:
    vm.install(pre=pre, post=post)
    return vm.backup()


def test_surroundings_of_a_script(vm: VirtualMachine) -> None:
    backup = back_up(
        vm,
        "#!/bin/sh\n"
        "id -u; pwd; umask; cat; env | sort | grep -v ^PWD=; ls /proc/self/fd | wc -l\n"
        "[ -t 0 ] || [ -t 1 ] || echo no terminal\n",
    )
    assert backup.pre is not None
    assert backup.pre.stdout.splitlines() == [
        "0",
        "/var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9120.0",
        "0022",
        "LANG=C.UTF-8",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "4",
        "no terminal",
    ]


def test_shebang_counts(vm: VirtualMachine) -> None:
    backup = back_up(vm, "#!/bin/bash\na=(1 2)\n[[ ${a[1]} == 2 ]] && echo bash\n")
    assert backup.pre is not None
    assert backup.pre.stdout == "bash\n"
    backup.assert_application_consistent()


def test_script_without_an_interpreter_line_is_run_by_the_shell(vm: VirtualMachine) -> None:
    backup = back_up(vm, "echo run by $0\nexit 3\n")
    assert backup.pre is not None
    assert backup.pre.stdout == "run by /opt/vmsnapshot/pre.sh\n"
    assert backup.pre.argv == ("/bin/sh", "/opt/vmsnapshot/pre.sh")
    assert backup.pre.exit_status == 3


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (
            b"#!/bin/sh\r\nexit 0\r\n",
            "could not be started: its first line ends in CR LF, so the interpreter '/bin/sh\\r' "
            "does not exist; save it with LF line ends",
        ),
        (
            b"#!/no/such/shell -e\n",
            "could not be started: its interpreter '/no/such/shell' does not exist on the VM",
        ),
        (
            b"#!/etc/passwd\n",
            "could not be started: its interpreter /etc/passwd cannot be executed: "
            "Permission denied",
        ),
        (
            b"\0\1\2",
            "could not be started: it is neither a program of this machine nor a script",
        ),
    ],
)
def test_script_that_cannot_be_started(vm: VirtualMachine, script: bytes, error: str) -> None:
    backup = back_up(vm, script)
    backup.assert_error("Pre-ScriptExecutionFailed")
    assert backup.pre is not None
    assert backup.pre.last.ending == error
    assert backup.consistency is Consistency.FILE_SYSTEM


@pytest.mark.parametrize(
    "status", [1, 2, 5, pytest.param(127, marks=pytest.mark.vm(allow=["missing-command"])), 255]
)
def test_exit_status(vm: VirtualMachine, status: int) -> None:
    backup = back_up(vm, f"#!/bin/sh\nexit {status}\n")
    assert backup.pre is not None
    assert (backup.pre.exit_status, backup.pre.signal) == (status, None)
    backup.assert_error("Pre-ScriptExecutionFailed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_death_by_signal(vm: VirtualMachine, number: signal.Signals) -> None:
    backup = back_up(vm, f"#!/bin/sh\nulimit -c 0\nkill -{number.value} $$\n")
    assert backup.pre is not None
    assert (backup.pre.exit_status, backup.pre.signal) == (None, number)
    backup.assert_error("Pre-ScriptExecutionFailed")


def test_signals_are_not_ignored_in_scripts(vm: VirtualMachine) -> None:
    backup = back_up(vm, "#!/bin/sh\ngrep -E '^Sig(Blk|Ign):' /proc/self/status\n")
    assert backup.pre is not None
    blocked, ignored = (int(word, 16) for word in backup.pre.stdout.split()[1::2])
    library_own = 0b11 << 31  # signals 32 and 33, which glibc keeps for itself
    assert (blocked, ignored & ~library_own) == (0, 0)


def test_params(vm: VirtualMachine) -> None:
    vm.install(
        pre='#!/bin/sh\nprintf "<%s>" "$@"\n', post=OK, pre_params=["a b", "", "$(id)", "ä", "*"]
    )
    backup = vm.backup()
    assert backup.pre is not None
    assert backup.pre.stdout == "<a b><><$(id)><ä><*>"


@pytest.mark.parametrize(
    ("params", "error"),
    [
        (["a\0b"], "has a character in it that no program can be given"),
        (["\ud800"], "has a character in it that no program can be given"),
        (["x" * 200_000], "its parameters are too long for the system"),
    ],
)
def test_params_no_program_can_get(vm: VirtualMachine, params: list[str], error: str) -> None:
    vm.install(pre=OK, post=OK, pre_params=params)
    backup = vm.backup()
    backup.assert_error("Pre-ScriptExecutionFailed")
    assert backup.pre is not None
    assert error in backup.pre.launch_error
    assert error in backup.explain()


def test_output_is_kept_apart_and_bounded(vm: VirtualMachine) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    backup = back_up(
        vm,
        "#!/bin/sh\necho first; echo problem >&2\nhead -c 300000000 /dev/zero\necho last\n",
    )
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert backup.pre is not None
    output = backup.pre.last.output
    assert output.head.startswith(b"first\n")
    assert output.tail.endswith(b"last\n")
    assert len(output.kept) + output.dropped == 300_000_000 + len("first\nlast\n")
    assert backup.pre.stderr == "problem\n"
    assert grown < 8 * 1024, "KiB"


def test_output_that_is_not_text(vm: VirtualMachine) -> None:
    backup = back_up(vm, "#!/bin/sh\nprintf '\\377\\376 ok'\n")
    assert backup.pre is not None
    assert backup.pre.stdout == "\\xff\\xfe ok"
    assert backup.pre.stdout_bytes == b"\xff\xfe ok"


@pytest.mark.vm(allow=["processes"])
def test_daemon_that_keeps_the_pipe_open_holds_nothing_up(vm: VirtualMachine) -> None:
    backup = back_up(vm, "#!/bin/sh\nsleep 1000 &\necho done\n")
    backup.assert_application_consistent()
    assert backup.duration < 10
    assert backup.pre is not None
    assert backup.pre.stdout == "done\n"


def test_daemon_may_go_on_printing(vm: VirtualMachine) -> None:
    """Its output is nobody's, but it must neither block nor die of it."""
    vm.run("mkfifo /srv/fifo", check=True)
    backup = back_up(
        vm,
        "#!/bin/sh\n(read go < /srv/fifo; head -c 1000000 /dev/zero; echo alive > /srv/fifo) &\n",
        "#!/bin/sh\necho go > /srv/fifo; read answer < /srv/fifo; echo $answer\n",
    )
    assert backup.post is not None
    assert backup.post.stdout == "alive\n"


def test_background_process_of_the_pre_script_lives_at_the_post_script(
    vm: VirtualMachine,
) -> None:
    backup = back_up(
        vm,
        "#!/bin/sh\nsetsid sleep 1000 >/dev/null 2>&1 &\necho $! > /run/holder\n",
        "#!/bin/sh\nkill $(cat /run/holder)\n",
    )
    backup.assert_application_consistent()


def test_timeout_kills_the_whole_tree(vm: VirtualMachine) -> None:
    vm.install(
        pre="#!/bin/sh\ntrap '' TERM\n"
        "(setsid sh -c 'trap \"\" TERM HUP; sleep 1001; true' &)\n"
        "echo waiting >&2\nsleep 1002\n",
        post="#!/bin/sh\nps axww -o args | grep -c '[s]leep 100'\n",
        timeout=1,
    )
    backup = vm.backup()
    backup.assert_error("Pre-ScriptTimeout")
    assert backup.consistency is Consistency.FILE_SYSTEM
    assert backup.pre is not None
    assert backup.post is not None
    assert backup.pre.timed_out
    assert backup.pre.exit_status is None
    assert backup.pre.stderr == "waiting\n"
    assert backup.pre.last.waiting_in == ("sleep 1002",)
    assert backup.pre.last.stopped_processes == 4
    assert backup.pre.ended >= 1.0  # the limit counts from before the script is started
    assert backup.pre.ended - backup.pre.started < 6
    assert backup.post.stdout == "0\n"


@pytest.mark.vm(allow=["processes"])
def test_timeout_of_the_post_script_spares_what_the_pre_script_left(vm: VirtualMachine) -> None:
    vm.install(
        pre="#!/bin/sh\nsetsid sleep 1001 >/dev/null 2>&1 &\n",
        post="#!/bin/sh\n(setsid sleep 1002 &)\nsleep 1003\n",
        timeout=1,
    )
    backup = vm.backup()
    backup.assert_error("Post-ScriptTimeout")
    assert vm.run("ps axww -o args | grep '[s]leep 100'").stdout == "sleep 1001\n"


def test_crowd_of_forking_processes_is_stopped(vm: VirtualMachine) -> None:
    forever = "while :; do (:) & wait; done"
    vm.install(
        pre=f"#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8; do setsid sh -c '{forever}' & done\nwait\n",
        post=OK,
        timeout=1,
    )
    backup = vm.backup()
    backup.assert_error("Pre-ScriptTimeout")
    assert backup.pre is not None
    assert backup.pre.ended < 6
    assert vm.run("kill -0 -1").exit_status != 0


def test_stopped_script_times_out(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\nkill -STOP $$\n", post=OK, timeout=1)
    vm.backup().assert_error("Pre-ScriptTimeout")


def test_retries_start_the_script_again(vm: VirtualMachine) -> None:
    vm.install(
        pre="#!/bin/sh\necho try >> /srv/tries\n[ $(wc -l < /srv/tries) -eq 3 ]\n",
        post=OK,
        pre_retries=5,
    )
    backup = vm.backup()
    backup.assert_application_consistent()
    assert backup.pre is not None
    assert [attempt.exit_status for attempt in backup.pre.attempts] == [1, 1, 0]
    assert vm.path("/srv/tries").read_text() == "try\n" * 3


def test_retries_are_used_up(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post="#!/bin/sh\nexit 4\n", post_retries=2)
    backup = vm.backup()
    backup.assert_error("Post-ScriptExecutionFailed")
    assert backup.post is not None
    assert len(backup.post.attempts) == 3
    assert str(backup.errors[0]) == (
        "Post-ScriptExecutionFailed (301): /opt/vmsnapshot/post.sh: exit status 4 "
        "in the last of 3 attempts"
    )


def test_all_attempts_share_the_limit(vm: VirtualMachine) -> None:
    vm.install(
        pre="#!/bin/sh\nif mkdir /srv/first; then exit 1; fi\nsleep 100\n",
        post=OK,
        pre_retries=10,
        timeout=1,
    )
    backup = vm.backup()
    backup.assert_error("Pre-ScriptTimeout")
    assert backup.pre is not None
    assert [attempt.timed_out for attempt in backup.pre.attempts] == [False, True]
    assert 1.0 <= backup.pre.ended < 6


def test_script_that_fails_at_once_may_be_retried_until_the_limit(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\nexit 1\n", post=OK, pre_retries=10**9, timeout=1)
    backup = vm.backup()
    backup.assert_error("Pre-ScriptTimeout")
    assert backup.pre is not None
    assert 10 < len(backup.pre.attempts) <= 200
    assert len(backup.events) < 1000


def test_limit_beyond_any_clock(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK, timeout=10**400)
    vm.backup().assert_application_consistent()


def test_script_that_deletes_itself_and_the_other(vm: VirtualMachine) -> None:
    backup = back_up(vm, "#!/bin/sh\nrm /opt/vmsnapshot/post.sh $0\n")
    backup.assert_error("Post-ScriptExecutionFailed")
    assert backup.post is not None
    assert backup.post.launch_error == "No such file or directory"


def test_script_may_kill_everybody(vm: VirtualMachine) -> None:
    backup = back_up(vm, "#!/bin/sh\nkill -9 -1\nexit 0\n", "#!/bin/sh\nkill -9 1\nexit 0\n")
    backup.assert_application_consistent()


def test_two_backups_of_one_vm(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\necho x >> /srv/log\n", post=OK)
    first, second = vm.backup(), vm.backup()
    assert (first.number, second.number) == (1, 2)
    assert first.recovery_point is not None
    assert second.recovery_point is not None
    assert first.recovery_point.read_text("/srv/log") == "x\n"
    assert second.recovery_point.read_text("/srv/log") == "x\nx\n"
    assert vm.backups == (first, second)
