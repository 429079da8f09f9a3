"""What is found on a VM after a backup: processes, sessions, commands, doubles."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

import pytest

from pytest_vmsnapshot import (
    Backup,
    Finding,
    FindingKind,
    GuestDied,
    MemoryMachine,
    Reply,
    UsageError,
    VirtualMachine,
    VmFactory,
    virtual_machine,
)

pytestmark = pytest.mark.vm(allow=[kind.value for kind in FindingKind])

OK = "#!/bin/sh\n"
ADVICE = (
    "; end in the post-script what the pre-script started, and start before the backup what is to "
    "run on"
)


def backup_of(
    vm: VirtualMachine, pre: str, post: str = "", *, timeout: int = 1800, pre_retries: int = 0
) -> Backup:
    vm.install(pre=OK + pre, post=OK + post, timeout=timeout, pre_retries=pre_retries)
    return vm.backup()


def texts(backup: Backup, kind: FindingKind) -> list[str]:
    """Findings of a kind, with every process's number as N."""
    return [re.sub(r"pid \d+", "pid N", f.text) for f in backup.findings if f.kind is kind]


def processes(backup: Backup) -> list[str]:
    return [
        text.removeprefix("still running after the backup: ").removesuffix(ADVICE)
        for text in texts(backup, FindingKind.PROCESSES)
    ]


def missing(backup: Backup) -> list[str]:
    return texts(backup, FindingKind.MISSING_COMMAND)


# -- processes -------------------------------------------------------------------------------------


def test_a_clean_backup(vm: VirtualMachine) -> None:
    assert backup_of(vm, "sleep 5 & wait\n").findings == ()
    assert vm.findings == ()


def test_a_process_word_for_word(vm: VirtualMachine) -> None:
    backup = backup_of(vm, "sleep 1000 &\n")
    assert texts(backup, FindingKind.PROCESSES) == [
        "still running after the backup: sleep 1000 (pid N, by pre-script, attempt 1)" + ADVICE
    ]
    assert f"found: {backup.findings[0]}" in backup.explain()
    assert Backup.from_json(backup.to_json()).findings == backup.findings


@pytest.mark.parametrize("rules", ["documented", "shipped"])
def test_whoever_leaves_it(vm_factory: VmFactory, rules: str) -> None:
    vm = vm_factory(rules=rules)
    backup = backup_of(
        vm,
        "exec >/dev/null 2>&1\nsleep 1000 &\nsetsid sleep 2000 &\n(setsid sleep 2500 &)\n",
        "sleep 3000 &\n",
    )
    (text,) = processes(backup)
    assert sorted(text.split("), ")) == [
        "sleep 1000 (pid N, by pre-script, attempt 1",
        "sleep 2000 (pid N",
        "sleep 2500 (pid N",
        "sleep 3000 (pid N, by post-script, attempt 1)",
    ]


def test_what_the_post_script_ends_is_not_left(vm: VirtualMachine) -> None:
    backup = backup_of(vm, "sleep 1000 &\necho $! > /run/p\n", 'kill "$(cat /run/p)"\n')
    assert backup.findings == ()


def uptime(vm: VirtualMachine) -> float:
    return float(vm.run("cat /proc/uptime").stdout.split()[0])


def test_what_is_about_to_end_has_time_to(vm: VirtualMachine) -> None:
    assert backup_of(vm, "sleep 0.9 &\n").findings == ()
    before = uptime(vm)
    assert processes(backup_of(vm, "sleep 1000 &\n"))
    assert 1 <= uptime(vm) - before < 60, "and no more than a second"


def test_waiting_ends_with_the_last_of_them(vm: VirtualMachine) -> None:
    took = []
    for _ in range(5):  # one of them is not slowed down by a busy machine
        before = uptime(vm)
        assert backup_of(vm, "sleep 0.4 &\n(sleep 0.2; exec sleep 0.2) &\n").findings == ()
        took.append(uptime(vm) - before)
    assert 0.4 <= min(took) < 1


def test_a_crowd_is_counted(vm: VirtualMachine) -> None:
    (text,) = processes(backup_of(vm, "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done\n"))
    assert text.count("sleep 1000") == 8
    assert text.endswith(" and 2 more")


def test_each_backup_answers_for_itself(vm: VirtualMachine) -> None:
    assert processes(backup_of(vm, "sleep 1000 &\n"))
    assert backup_of(vm, "true\n").findings == ()
    assert len(vm.backups[0].findings) == 1


def test_what_was_there_before_and_its_children(vm: VirtualMachine) -> None:
    server = "while :; do sleep 0.01; sleep 100 & kill $!; done"
    vm.run(f"setsid sh -c '{server}' >/dev/null 2>&1 &")
    assert backup_of(vm, "sleep 0.2\n").findings == ()


def test_a_script_that_was_stopped_leaves_nothing(vm: VirtualMachine) -> None:
    backup = backup_of(vm, "setsid sleep 2000 & sleep 1000\n", timeout=3)
    backup.assert_error("Pre-ScriptTimeout")
    assert backup.findings == ()


@pytest.mark.vm(rules="shipped")
def test_a_script_that_the_rules_left_running_is_told_by_the_verdict(vm: VirtualMachine) -> None:
    backup = backup_of(vm, "sleep 5000 & setsid sleep 3000 & sleep 1000\n", timeout=3)
    assert backup.pre is not None
    assert backup.pre.left_running
    assert backup.findings == ()


@pytest.mark.parametrize(
    "moment", ["before_pre", "after_pre", "frozen", "thawed", "before_post", "after_post"]
)
def test_what_a_callback_leaves_is_of_the_test(vm: VirtualMachine, moment: str) -> None:
    vm.on(moment, lambda at: at.run("sleep 10 & setsid sleep 20 & (sleep 30 &)"))
    assert backup_of(vm, "true\n").findings == ()
    assert processes(backup_of(vm, "setsid sleep 1000 & sleep 2000 &\n")) != []


def test_without_a_script_there_is_nothing(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK, pre_mode=0o755)
    vm.on("frozen", lambda at: at.run("sleep 10 &"))
    assert vm.backup().findings == ()


@pytest.mark.vm(clock="real")
def test_on_a_real_clock(vm: VirtualMachine) -> None:
    assert backup_of(vm, "sleep 0.2 &\n").findings == ()
    assert processes(backup_of(vm, "sleep 1000 &\n"))


# -- sessions --------------------------------------------------------------------------------------

HELD = "mkfifo /run/s\nmysql -e 'lock tables' < /run/s &\nsleep 1000 > /run/s 2>&1 &\n"


def test_an_open_session(vm: VirtualMachine) -> None:
    vm.command("mysql", reads_stdin=True)
    backup = backup_of(vm, HELD)
    assert texts(backup, FindingKind.SESSIONS) == [
        "mysql -e 'lock tables' (pid N, by pre-script, attempt 1) has not ended, and whatever it "
        "holds (a lock, a transaction) is still held after the backup; end it in the post-script"
    ]
    assert processes(backup) == ["sleep 1000 (pid N, by pre-script, attempt 1)"]


def test_a_session_that_the_post_script_ends(vm: VirtualMachine) -> None:
    vm.command("mysql", reads_stdin=True)
    backup = backup_of(vm, f"{HELD}echo $! > /run/p\n", 'kill "$(cat /run/p)"\n')
    assert backup.findings == ()


def test_a_session_of_the_test_is_its_own(vm: VirtualMachine) -> None:
    vm.command("mysql", reads_stdin=True)
    vm.run("mkfifo /run/s; mysql < /run/s & sleep 1000 > /run/s &")
    assert backup_of(vm, "true\n").findings == ()


# -- what is watched over --------------------------------------------------------------------------


class Units:
    def __init__(self) -> None:
        self.said: list[str] = []

    def backup_begins(self) -> None:
        self.said.append("begins")

    def findings(self) -> Sequence[Finding]:
        self.said.append("asked")
        return [Finding(FindingKind.UNITS, "orders is stopped")]


def test_watched(vm: VirtualMachine) -> None:
    units = Units()
    backup_of(vm, "true\n")
    vm.watch_over(units)
    backup = backup_of(vm, "true\n")
    assert units.said == ["begins", "asked"]
    assert [str(finding) for finding in backup.findings] == ["units: orders is stopped"]
    assert vm.findings == (), "all is allowed here"


def test_findings_of_a_vm_are_those_that_are_not_allowed() -> None:
    with virtual_machine(allow=["processes"]) as vm:
        vm.watch_over(Units())
        vm.command("mysql")
        assert [f.kind for f in backup_of(vm, "sleep 1000 &\n").findings] == [
            FindingKind.PROCESSES,
            FindingKind.UNITS,
        ]
    assert [f.kind for f in vm.findings] == [FindingKind.UNITS, FindingKind.NEVER_CALLED]


def test_in_memory_nothing_is_found(memory_vm: MemoryMachine) -> None:
    memory_vm.install(pre=lambda _: 127, post=lambda _: 0)
    assert memory_vm.backup().findings == ()
    assert memory_vm.findings == ()
    memory_vm.watch_over(Units())
    assert [f.kind for f in memory_vm.backup().findings] == [FindingKind.UNITS]


# -- commands that are missing ---------------------------------------------------------------------

SHELLS = ["dash", "bash", "busybox sh", "ksh", "mksh", "yash", "zsh"]
TRIES = """\
nosuchcmd -e x
/opt/nosuch/tool
x=$(nosuchtwo)
cat < /no/such/input
. /no/such/source
"""


def of(name: str) -> str:
    return (
        f"the pre-script tried to run {name}, and there is no such command here; stand in for it "
        f"with vm.command('{name}')"
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell(vm: VirtualMachine, shell: str) -> None:
    program = shutil.which(shell.split()[0], path="/usr/bin:/bin")
    if program is None:
        pytest.skip(f"{shell} is not installed")
    first = " ".join([program, *shell.split()[1:]])
    vm.install(pre=f"#!{first}\n{TRIES}", post=OK)
    assert missing(vm.backup()) == [of("nosuchcmd"), of("/opt/nosuch/tool"), of("nosuchtwo")]


@pytest.mark.parametrize("runner", ["env", "nice", "timeout 3", "nohup", "setsid", "exec"])
def test_programs_that_run_others(vm: VirtualMachine, runner: str) -> None:
    if shutil.which(runner.split()[0], path="/usr/bin:/bin") is None and runner != "exec":
        pytest.skip(f"{runner} is not installed")
    assert missing(backup_of(vm, f"{runner} nosuchcmd\n")) == [of("nosuchcmd")]


def test_a_command_that_is_there_is_not_missing(vm: VirtualMachine) -> None:
    backup = backup_of(
        vm, "echo '/opt/pre.sh: 1: ls: not found' >&2\nPATH=/nowhere\nls\nnosuchcmd\n"
    )
    assert missing(backup) == [of("nosuchcmd")]


def test_both_scripts_and_each_attempt(vm: VirtualMachine) -> None:
    backup = backup_of(vm, "nosuchcmd\nexit 1\n", "nosuchcmd\n", pre_retries=2)
    assert missing(backup) == [
        "the pre-script and the post-script tried to run nosuchcmd, and there is no such command "
        "here; stand in for it with vm.command('nosuchcmd')"
    ]


def test_only_the_exit_status(vm: VirtualMachine) -> None:
    assert missing(backup_of(vm, "nosuchcmd 2> /dev/null\n")) == [
        "the pre-script ended with 127, as a shell does that does not find a command, and its "
        "standard error does not say which; stand in for it with vm.command(NAME)"
    ]
    assert missing(backup_of(vm, "nosuchcmd 2> /dev/null\ntrue\n")) == [], "nobody can tell"


def test_a_script_that_asks_first(vm: VirtualMachine) -> None:
    assert backup_of(vm, "command -v nosuchcmd && nosuchcmd\ntrue\n").findings == ()


# -- doubles ---------------------------------------------------------------------------------------


def test_unexpected_by_patterns(vm: VirtualMachine) -> None:
    mysql = vm.command("mysql", only_expected=True, patterns={"-e lock*": Reply("locked\n")})
    backup = backup_of(vm, "mysql -e lock\nmysql -e 'drop x'\nmysql -e 'drop x'\n")
    assert backup.pre is not None
    assert backup.pre.exit_status == 127
    said = "pytest-vmsnapshot: unexpected call: mysql -e 'drop x'\n"
    assert (backup.pre.stdout, backup.pre.stderr) == ("locked\n", said * 2)
    assert [call.unexpected for call in mysql.calls] == [False, True, True]
    assert backup.findings == (), "127 is explained"
    assert [event.text for event in backup.events if "drop" in event.text] == [
        "  mysql -e 'drop x' → 127 (unexpected)"
    ] * 2
    assert [str(finding) for finding in vm.double_findings] == [
        "unexpected-call: mysql -e 'drop x' (by pre-script, attempt 1) was called, 2 times, and "
        "nothing was said of such a call; add it to patterns or replies of "
        "/usr/local/sbin/mysql, or leave only_expected out"
    ]


def test_unexpected_by_replies(vm: VirtualMachine) -> None:
    vm.command("probe", only_expected=True, replies=[Reply("a\n"), Reply("b\n")])
    done = vm.run("probe; probe; probe; echo $?")
    assert done.stdout == "a\nb\n127\n"
    assert [str(finding) for finding in vm.double_findings] == [
        "unexpected-call: probe was called, and nothing was said of such a call; add it to "
        "patterns or replies of /usr/local/sbin/probe, or leave only_expected out"
    ]


def test_expecting_nothing_is_a_mistake(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as caught:
        vm.command("mysql", only_expected=True)
    assert caught.value.mistakes == (
        "only_expected is true, but no call is expected; write which are: patterns={...}, or "
        "replies=[...]",
    )
    with pytest.raises(UsageError) as caught:
        vm.command("mysql", only_expected=True, answer=lambda _: None, patterns={"a": Reply()})
    assert caught.value.mistakes == (
        "answer is asked at every call, so none is unexpected; raise there instead",
    )


def test_never_called(vm: VirtualMachine) -> None:
    vm.command("mysql")
    vm.command("psql", optional=True)
    assert list(vm.never_called) == ["/usr/local/sbin/mysql"]
    never = (
        Finding(
            FindingKind.NEVER_CALLED,
            "nobody called the command double /usr/local/sbin/mysql; take it away, or say "
            "optional=True",
            "/usr/local/sbin/mysql",
        ),
    )
    assert vm.double_findings == never
    vm.close()
    assert vm.double_findings == never, "what was known at the end"
    with pytest.raises(GuestDied):
        vm.backup()
    assert list(vm.never_called) == []


def test_a_double_that_was_replaced_need_not_be_called(vm: VirtualMachine) -> None:
    vm.command("mysql")
    vm.command("mysql", exit_status=1)
    assert list(vm.never_called) == ["/usr/local/sbin/mysql"]
    vm.run("mysql")
    assert list(vm.never_called) == []
    assert vm.double_findings == ()
