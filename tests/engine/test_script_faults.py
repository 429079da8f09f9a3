"""Faults of scripts: the author's own script runs, and something goes wrong with it."""

from __future__ import annotations

import re

import pytest

from pytest_vmsnapshot import (
    Backup,
    CommandFault,
    Reply,
    ScriptFault,
    Step,
    UsageError,
    VirtualMachine,
    VmFactory,
)

OK = "#!/bin/sh\n"
WORK = "#!/bin/sh\necho working\necho done > /srv/done\n"
COMMANDS = "#!/bin/sh\nset -e\ndate > /dev/null\nid > /dev/null\nuname\necho done > /srv/done\n"

both_rules = pytest.mark.parametrize(
    "rules",
    [pytest.param(name, marks=pytest.mark.vm(rules=name)) for name in ("documented", "shipped")],
)
pytestmark = pytest.mark.filterwarnings("ignore::pytest_vmsnapshot.RulesDiffer")


def back_up(vm: VirtualMachine, fault: ScriptFault, pre: str = WORK) -> Backup:
    vm.install(pre=pre, post=OK)
    vm.fault(pre=fault)
    return vm.backup()


def pre_events(backup: Backup) -> list[str]:
    return [event.text for event in backup.events if event.step is Step.PRE_SCRIPT]


def fault_events(backup: Backup) -> list[str]:
    return [event.text for event in backup.events if event.text.startswith("  fault: ")]


@both_rules
@pytest.mark.parametrize("at", ["start", "end"])
def test_exit_status(vm: VirtualMachine, at: str, rules: str) -> None:
    backup = back_up(vm, ScriptFault(exit_status=3, at=at))
    backup.assert_error("Pre-ScriptExecutionFailed")
    assert backup.pre is not None
    assert backup.pre.exit_status == 3
    assert backup.pre.last.argv[-1] == "/opt/vmsnapshot/pre.sh"
    assert vm.path("/srv/done").exists() is (at == "end")
    assert backup.pre.stdout == ("working\n" if at == "end" else "")
    when = {"start": "before its first line", "end": "after its work"}[at]
    assert fault_events(backup) == [f"  fault: the script ends with exit status 3 {when}"]
    assert backup.faults == (f"the pre-script ends with exit status 3 {when}",)


@both_rules
@pytest.mark.parametrize("at", ["start", "end"])
def test_signal(vm: VirtualMachine, at: str, rules: str) -> None:
    backup = back_up(vm, ScriptFault(signal=15, at=at))
    assert backup.pre is not None
    assert (backup.pre.exit_status, backup.pre.last.signal) == (None, 15)


@both_rules
@pytest.mark.parametrize("at", ["start", "end"])
def test_hang(vm: VirtualMachine, at: str, rules: str) -> None:
    backup = back_up(vm, ScriptFault(hang=True, at=at))
    backup.assert_error("Pre-ScriptTimeout")
    assert backup.pre is not None
    assert backup.pre.timed_out
    if rules == "documented":
        assert backup.pre.last.waiting_in == ("/opt/vmsnapshot/pre.sh",)
        assert backup.pre.last.stopped_processes == 1


def test_all_a_hanging_script_has_started_dies_with_it(vm: VirtualMachine) -> None:
    back_up(vm, ScriptFault(hang=True), pre="#!/bin/sh\nsleep 1000 > /dev/null 2>&1 &\n")
    assert vm.run("pgrep -x sleep").exit_status == 1


@both_rules
@pytest.mark.parametrize("at", ["start", "end"])
def test_delay(vm: VirtualMachine, at: str, rules: str) -> None:
    backup = back_up(vm, ScriptFault(delay=7, at=at), pre=WORK + "exit 5\n")
    assert backup.pre is not None
    assert backup.pre.exit_status == 5
    assert 7 <= backup.pre.last.ended - backup.pre.last.started < 12
    assert vm.path("/srv/done").exists()


def test_a_delay_keeps_the_signal_a_script_has_died_of(vm: VirtualMachine) -> None:
    backup = back_up(vm, ScriptFault(delay=3), pre="#!/bin/sh\nkill -9 $$\n")
    assert backup.pre is not None
    assert backup.pre.last.signal == 9


@pytest.mark.parametrize("at", ["start", "end"])
def test_prints(vm: VirtualMachine, at: str) -> None:
    backup = back_up(vm, ScriptFault(prints=3 * 1024**2, at=at))
    backup.assert_application_consistent()
    assert backup.pre is not None
    output = backup.pre.last.output
    assert len(output.kept) + output.dropped == 3 * 1024**2 + len("working\n")


@pytest.mark.vm(rules="shipped")
def test_nobody_reads_what_a_fault_prints(vm: VirtualMachine) -> None:
    back_up(vm, ScriptFault(prints=100_000)).assert_error("Pre-ScriptTimeout")


def test_only_the_first_attempts(vm: VirtualMachine) -> None:
    vm.install(pre=WORK, post=OK, pre_retries=3)
    vm.fault(pre=ScriptFault(exit_status=1, at="start", attempts=2))
    backup = vm.backup()
    assert backup.pre is not None
    assert [attempt.exit_status for attempt in backup.pre.attempts] == [1, 1, 0]


def test_post_script(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=WORK)
    vm.fault(post={"exit_status": 4})
    backup = vm.backup()
    backup.assert_error("Post-ScriptExecutionFailed")
    vm.fault(post="ok")
    assert vm.backup().faults == ()


def test_the_file_is_the_authors(vm: VirtualMachine) -> None:
    pre = "#!/bin/sh\ncat $0 > /srv/copy; stat -c %a $0 > /srv/mode\n"
    back_up(vm, ScriptFault(exit_status=1), pre=pre)
    assert vm.path("/srv/copy").read_text() == pre
    assert vm.path("/srv/mode").read_text() == "700\n"


def test_a_script_without_a_first_line(vm: VirtualMachine) -> None:
    backup = back_up(vm, ScriptFault(delay=3, at="start"), pre="echo hello\necho $0\n")
    backup.assert_application_consistent()
    assert backup.pre is not None
    assert backup.pre.stdout == "hello\n/opt/vmsnapshot/pre.sh\n"
    assert backup.pre.last.ended - backup.pre.last.started >= 3


def test_a_script_that_cannot_start_does_not_come_to_its_fault(vm: VirtualMachine) -> None:
    backup = back_up(vm, ScriptFault(exit_status=3, at="start"), pre="#!/nowhere/sh\n")
    assert backup.pre is not None
    assert backup.pre.last.launch_error == "its interpreter '/nowhere/sh' does not exist on the VM"
    assert backup.faults == (
        "the pre-script ends with exit status 3 before its first line: it did not come to that",
    )


def test_a_script_that_times_out_does_not_come_to_its_end(vm: VirtualMachine) -> None:
    backup = back_up(vm, ScriptFault(exit_status=3), pre="#!/bin/sh\nsleep 100\n")
    backup.assert_error("Pre-ScriptTimeout")
    assert backup.faults[0].endswith(": it did not come to that")


@pytest.mark.vm(clock="real")
def test_on_a_real_clock(vm: VirtualMachine) -> None:
    backup = back_up(vm, ScriptFault(exit_status=3))
    assert backup.pre is not None
    assert backup.pre.exit_status == 3
    with pytest.raises(UsageError) as caught:
        vm.fault(pre=ScriptFault(exit_status=3, at=2))
    assert str(caught.value) == (
        "pre: at=2 needs the virtual clock, which sees every program that is executed, and here "
        "the clock is real; write at='start', at='end', or commands={'NAME': 'fail'}"
    )


# -- the Nth command -------------------------------------------------------------------------------


@both_rules
def test_the_second_command_fails(vm: VirtualMachine, rules: str) -> None:
    backup = back_up(vm, ScriptFault(exit_status=5, at=2), pre=COMMANDS)
    assert backup.pre is not None
    assert (backup.pre.exit_status, backup.pre.stdout) == (5, "")
    assert fault_events(backup) == ["  fault: the 2nd command, id, ends with exit status 5"]
    assert backup.faults == ("the 2nd command of the pre-script ends with exit status 5",)


@both_rules
def test_the_third_command_hangs(vm: VirtualMachine, rules: str) -> None:
    backup = back_up(vm, ScriptFault(hang=True, at=3), pre=COMMANDS)
    backup.assert_error("Pre-ScriptTimeout")
    assert fault_events(backup) == ["  fault: the 3rd command, uname, hangs"]
    assert not vm.path("/srv/done").exists()
    assert backup.clock == "virtual"
    assert backup.real_duration < 20


def test_the_first_command_dies(vm: VirtualMachine) -> None:
    backup = back_up(vm, ScriptFault(signal=11, at=1), pre=COMMANDS)
    assert backup.pre is not None
    assert backup.pre.exit_status == 128 + 11


def test_fewer_commands(vm: VirtualMachine) -> None:
    backup = back_up(vm, ScriptFault(exit_status=5, at=9), pre=COMMANDS)
    backup.assert_application_consistent()
    assert backup.faults == (
        "the 9th command of the pre-script ends with exit status 5: it did not come to that, the "
        "script executed 3 commands",
    )


@pytest.mark.parametrize("line", ["#!/bin/sh", "#!/usr/bin/env sh", ""])
@pytest.mark.parametrize("shell", ["dash", "bash", "busybox", "ksh", "mksh", "yash"])
def test_the_interpreter_does_not_count(vm_factory: VmFactory, line: str, shell: str) -> None:
    vm = vm_factory(shell=shell)
    places = [f"/srv/{name}" for name in ("first", "second", "third")]
    pre = "\n".join([line, *(f"/usr/bin/touch {place}" for place in places), ""])
    backup = back_up(vm, ScriptFault(exit_status=5, at=2), pre=pre)
    found = [vm.path(place).exists() for place in places]
    assert found == [True, False, True], backup.explain()


def test_what_runs_as_another_user_counts(vm: VirtualMachine) -> None:
    if vm.run("su -s /bin/sh daemon -c :").exit_status:
        pytest.skip("nobody can become another user here")
    pre = "#!/bin/sh\nsu -s /bin/sh daemon -c 'id -u; uname -s; exit 0'\n"
    backup = back_up(vm, ScriptFault(exit_status=7, at=3), pre=pre)
    assert fault_events(backup) == ["  fault: the 3rd command, id -u, ends with exit status 7"]


def test_what_env_finds_is_one_program(vm: VirtualMachine) -> None:
    vm.write("/opt/helper", "#!/usr/bin/env sh\ndate\n", mode=0o755)
    backup = back_up(vm, ScriptFault(exit_status=7, at=3), pre="#!/bin/sh\n/opt/helper\nid\n")
    assert fault_events(backup) == ["  fault: the 3rd command, id, ends with exit status 7"]


@pytest.mark.vm(allow=["processes"])
def test_programs_left_by_a_former_backup_do_not_count(vm: VirtualMachine) -> None:
    pre = "#!/bin/sh\n(while sleep 1; do date; done) > /dev/null 2>&1 &\nuname\n"
    back_up(vm, ScriptFault(exit_status=7, at=50), pre=pre)
    backup = back_up(vm, ScriptFault(exit_status=7, at=1), pre="#!/bin/sh\nid\n")
    assert fault_events(backup) == ["  fault: the 1st command, id, ends with exit status 7"]


def test_what_a_script_becomes_counts(vm: VirtualMachine) -> None:
    backup = back_up(vm, ScriptFault(exit_status=7, at=1), pre="#!/bin/sh\nexec uname\n")
    assert backup.pre is not None
    assert (backup.pre.exit_status, backup.pre.stdout) == (7, "")


def test_doubles_are_counted_once(vm: VirtualMachine) -> None:
    mysql = vm.command("mysql", stdout="double\n")
    vm.command("/usr/bin/id", passthrough=True)
    vm.install(pre="#!/bin/sh\n/usr/bin/id\nmysql a\nmysql b\nuname -x\n", post=OK)
    vm.fault(pre=ScriptFault(exit_status=9, at=3))
    backup = vm.backup()
    assert fault_events(backup) == ["  fault: the 3rd command, mysql b, ends with exit status 9"]
    assert [(call.args, call.exit_status) for call in mysql.calls] == [(("a",), 0), (("b",), 9)]
    vm.fault(pre=ScriptFault(exit_status=9, at=4))
    assert fault_events(vm.backup()) == [
        "  fault: the 4th command, uname -x, ends with exit status 9"
    ]


def test_commands_of_others_do_not_count(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\nid\nid\n", post="#!/bin/sh\ndate\n")
    vm.on("before_pre", lambda at: at.run("date; date"))
    vm.fault(pre=ScriptFault(exit_status=9, at=2))
    assert fault_events(vm.backup()) == ["  fault: the 2nd command, id, ends with exit status 9"]


def test_each_attempt_is_counted_anew(vm: VirtualMachine) -> None:
    vm.install(pre=COMMANDS, post=OK, pre_retries=2)
    vm.fault(pre=ScriptFault(exit_status=5, at=2, attempts=1))
    backup = vm.backup()
    assert backup.pre is not None
    assert [attempt.exit_status for attempt in backup.pre.attempts] == [5, 0]


def test_programs_in_a_pipe_are_hit(vm: VirtualMachine) -> None:
    pre = "#!/bin/bash\nset -o pipefail\ntrue\n/bin/true | cat\n"
    backup = back_up(vm, ScriptFault(exit_status=6, at=2), pre=pre)
    assert backup.pre is not None
    assert backup.pre.exit_status == 6
    assert len(fault_events(backup)) == 1


# -- commands --------------------------------------------------------------------------------------

SHOW = (
    "#!/bin/sh\nid > /dev/null; echo $?\n/usr/bin/id > /dev/null; echo $?\nmysql; echo $?\nexit 0\n"
)
LOOK = (
    "ls -l --time-style=full-iso /usr/bin/id; md5sum /usr/bin/id; ls /usr/bin/id.* /usr/local/sbin"
)


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        ("fail", ["1", "1", "1"]),
        ("missing", ["127", "127", "127"]),
        (CommandFault(exit_status=7, calls=1), ["7", "0", "7"]),
        (CommandFault(signal=9), ["137", "137", "137"]),
        (CommandFault(delay=4), ["0", "0", "0"]),
        ({"exit_status": 3, "delay": 4}, ["3", "3", "3"]),
    ],
    ids=str,
)
def test_commands(vm: VirtualMachine, fault: CommandFault | str, statuses: list[str]) -> None:
    mysql = vm.command("mysql", optional=True)
    vm.install(pre=SHOW, post=OK)
    before = vm.run(LOOK).stdout
    vm.fault(commands={"id": fault, "mysql": fault})
    backup = vm.backup()
    assert backup.pre is not None
    assert backup.pre.stdout.split() == statuses
    waited = [*re.findall(r"delay.*?4", str(fault))]
    assert (backup.duration >= 12) is bool(waited)
    assert vm.run(LOOK).stdout == before
    assert len(mysql.calls) == (0 if fault == "missing" else 1)
    assert not any("did not come" in sentence for sentence in backup.faults)


def test_a_hanging_command(vm: VirtualMachine) -> None:
    vm.install(pre=SHOW, post=OK)
    vm.fault(commands={"id": "hang", "nobody-calls-this": "hang"})
    backup = vm.backup()
    backup.assert_error("Pre-ScriptTimeout")
    assert backup.pre is not None
    assert backup.pre.last.waiting_in == ("id",)
    assert backup.faults == ("id hangs", "nobody-calls-this hangs: it did not come to that")
    assert fault_events(backup) == ["  fault: id hangs"]


def test_a_command_by_its_path(vm: VirtualMachine) -> None:
    vm.install(pre="#!/bin/sh\n/opt/app/ctl stop\n", post=OK)
    vm.write("/opt/app/ctl", "#!/bin/sh\necho stopped\n", mode=0o755)
    vm.fault(commands={"/opt/app/ctl": "fail"})
    vm.backup().assert_error("Pre-ScriptExecutionFailed")
    vm.fault(commands="ok")
    backup = vm.backup()
    assert backup.pre is not None
    assert backup.pre.stdout == "stopped\n"


def test_a_faulty_double_answers_as_before_afterwards(vm: VirtualMachine) -> None:
    mysql = vm.command("mysql", replies=[Reply(exit_status=2), Reply(exit_status=0)])
    vm.install(pre="#!/bin/sh\nmysql one; mysql two\n", post=OK)
    vm.fault(commands={"mysql": {"exit_status": 9, "calls": 1}})
    backup = vm.backup()
    backup.assert_application_consistent()
    assert [call.exit_status for call in mysql.calls] == [9, 0]
