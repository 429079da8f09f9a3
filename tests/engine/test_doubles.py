"""Command doubles: what they answer, what they record, who calls them."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import (
    Call,
    MemoryMachine,
    Reply,
    UsageError,
    VirtualMachine,
    VmFactory,
)

OK = "#!/bin/sh\n"
PLACES = ("mysql", "/usr/bin/mysql", "/opt/vendor/bin/mysql")


@pytest.mark.parametrize("place", PLACES)
def test_a_call_is_recorded(vm: VirtualMachine, place: str) -> None:
    mysql = vm.command(place, stdout="ok\n", stderr="warning\n", exit_status=3)
    name = place if place.startswith("/") else "mysql"
    done = vm.run(f"cd /srv; WHO=me {name} -e 'FLUSH TABLES' ''")
    assert (done.stdout, done.stderr, done.exit_status) == ("ok\n", "warning\n", 3)
    (call,) = mysql.calls
    assert call.argv == (name, "-e", "FLUSH TABLES", "")
    assert call.args == ("-e", "FLUSH TABLES", "")
    assert (call.cwd, call.uid, call.env["WHO"], call.made_by) == ("/srv", 0, "me", "")
    assert call.exit_status == 3
    assert call.ended is not None
    assert call.started <= call.ended
    assert mysql.open_calls == ()


def test_calls_of_a_backup_are_on_its_timeline(vm: VirtualMachine) -> None:
    mysql = vm.command("mysql")
    vm.install(
        pre="#!/bin/sh\nmysql -e lock\n(sleep 3; mysql late) >/dev/null 2>&1 &\n",
        post="#!/bin/sh\nsleep 5\nmysql -e unlock\n",
        pre_retries=1,
    )
    backup = vm.backup()
    texts = [event.text for event in backup.events if "mysql" in event.text]
    assert texts == ["  mysql -e lock → 0", "  mysql late → 0", "  mysql -e unlock → 0"]
    assert [call.made_by for call in mysql.calls] == [
        "pre-script, attempt 1",
        "pre-script, attempt 1",
        "post-script, attempt 1",
    ]
    starts = [call.started for call in mysql.calls]
    assert 3 <= starts[1] - starts[0] < 4
    assert "    mysql -e lock → 0" in backup.explain()


def test_replies_one_after_the_other(vm: VirtualMachine) -> None:
    vm.command("probe", replies=[Reply(exit_status=1), Reply(exit_status=2), Reply("up\n")])
    done = vm.run("for i in 1 2 3 4; do probe; echo $?; done")
    assert done.stdout == "1\n2\nup\n0\nup\n0\n"


def test_replies_by_pattern(vm: VirtualMachine) -> None:
    patterns = {"stop *": Reply("stopped\n"), "status db": Reply(exit_status=3)}
    vm.command("systemctl", stdout="?\n", patterns=patterns)
    done = vm.run("systemctl stop db; systemctl status db; echo $?; systemctl status web")
    assert done.stdout == "stopped\n3\n?\n"


def test_a_delay_is_on_the_clock_of_the_vm(vm: VirtualMachine) -> None:
    slow = vm.command("slow", delay=90, stdout="at last\n")
    vm.install(pre="#!/bin/sh\nslow\n", post=OK, timeout=30)
    backup = vm.backup()
    backup.assert_error("Pre-ScriptTimeout")
    assert backup.pre is not None
    assert backup.pre.stdout == ""
    assert [call.ended is None for call in slow.calls] == [False], "it was stopped with the script"


def test_a_signal(vm: VirtualMachine) -> None:
    double = vm.command("killed", signal=15, stdout="before\n")
    assert vm.run("killed; echo $?").stdout == "before\n143\n"
    assert double.calls[0].exit_status is None


@pytest.mark.parametrize("place", ["uname", "/usr/bin/uname"])
def test_the_real_command(vm: VirtualMachine, place: str) -> None:
    uname = vm.command(place, passthrough=True)
    assert vm.run("uname -s").stdout == "Linux\n"
    assert uname.calls[0].args == ("-s",)


def test_a_function_of_the_test_answers(vm: VirtualMachine) -> None:
    seen: list[Call] = []

    def answer(call: Call) -> Reply | None:
        seen.append(call)
        return None if call.args == ("quiet",) else Reply(f"answer {len(seen)}\n", exit_status=4)

    vm.command("psql", answer=answer)
    assert vm.run("psql a; echo $?; psql quiet; echo $?").stdout == "answer 1\n4\n0\n"
    assert [call.args for call in seen] == [("a",), ("quiet",)]


def test_time_stands_still_while_the_test_answers(vm: VirtualMachine) -> None:
    vm.command("psql", answer=lambda call: Reply("done\n"))
    done = vm.run("sleep 1000 & psql; kill $!", timeout=30)
    assert done.stdout == "done\n"


def test_what_a_function_raises_reaches_the_test(vm: VirtualMachine) -> None:
    def answer(call: Call) -> Reply:
        raise AssertionError(f"unexpected: {call.args}")

    vm.command("psql", answer=answer)
    with pytest.raises(AssertionError, match=r"^unexpected: \('drop',\)$"):
        vm.run("psql drop")
    assert vm.run("echo goes on").stdout == "goes on\n"


def test_a_function_cannot_use_the_vm(vm: VirtualMachine) -> None:
    vm.command("psql", answer=lambda call: Reply(str(vm.path("/etc/azure").exists())))
    with pytest.raises(UsageError, match=r"^the VM was used by the answer of a command double"):
        vm.run("psql")


def test_input_is_looked_at_and_not_taken_away(vm: VirtualMachine) -> None:
    mysql = vm.command("mysql")
    done = vm.run(
        "mysql <<X\nlock tables;\nX\n"
        "printf 'one\\ntwo\\n' > /srv/lines\n"
        "while read -r line; do mysql -e $line; echo $line; done < /srv/lines\n"
    )
    assert done.stdout == "one\ntwo\n", "the loop reads what mysql could have read"
    assert mysql.calls[0].stdin_text == "lock tables;\n"


@pytest.mark.vm(allow=["processes", "sessions"])
def test_a_session_lives_until_its_input_is_closed(vm: VirtualMachine) -> None:
    mysql = vm.command("mysql", reads_stdin=True, stdout="bye\n")
    vm.install(
        pre="#!/bin/sh\nmkfifo /run/session\nmysql < /run/session > /run/said &\n"
        "(exec 3> /run/session; echo 'FLUSH TABLES WITH READ LOCK;' >&3; sleep 100) "
        ">/dev/null 2>&1 &\nsleep 1\n",
        post="#!/bin/sh\ncat /run/said\n",
    )
    backup = vm.backup()
    assert backup.post is not None
    assert backup.post.stdout == "", "the lock is still held"
    assert [call.ended for call in mysql.open_calls] == [None]
    vm.wait(200)
    assert [call.ended for call in mysql.open_calls] == []
    assert mysql.calls[0].stdin_text == "FLUSH TABLES WITH READ LOCK;\n"
    assert vm.path("/run/said").read_text() == "bye\n"


def test_a_session_that_is_killed(vm: VirtualMachine) -> None:
    mysql = vm.command("mysql", reads_stdin=True)
    vm.run("sleep 1000 | mysql & sleep 1; pkill -x mysql || kill %1; wait", timeout=2000)
    assert [call.ended is None for call in mysql.calls] == [False]


def test_much_output(vm: VirtualMachine) -> None:
    vm.command("dump", stdout=b"\0\xff" * 300_000)
    assert vm.run("dump | wc -c").stdout == "600000\n"


def test_many_at_once(vm: VirtualMachine) -> None:
    double = vm.command("tick")
    vm.run("for i in $(seq 50); do tick $i & done; wait")
    assert sorted(int(call.args[0]) for call in double.calls) == list(range(1, 51))
    assert double.open_calls == ()


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh", "mksh", "yash", "ksh", "zsh"])
def test_in_every_shell(vm: VirtualMachine, shell: str) -> None:
    if vm.run(f"command -v {shell.split()[0]}").exit_status:
        pytest.skip(f"needs {shell}")
    double = vm.command("mysql", stdout="ok\n")
    assert vm.run(f"{shell} -c 'mysql -e x; (mysql y &) ; mysql z | cat'").exit_status == 0
    vm.wait(1)
    assert sorted(call.args for call in double.calls) == [("-e", "x"), ("y",), ("z",)]


@pytest.mark.vm(rules="shipped")
def test_a_script_that_is_left_running_calls_on(vm: VirtualMachine) -> None:
    ticks = vm.command("tick")
    vm.install(pre="#!/bin/sh\nwhile :; do tick; sleep 1; done\n", post=OK, timeout=3)
    backup = vm.backup()
    assert backup.pre is not None
    assert backup.pre.left_running
    assert len(ticks.calls) > 10


def test_a_stranger_at_the_socket_is_turned_away(vm: VirtualMachine, python: str) -> None:
    double = vm.command("mysql", stdout="ok\n")
    name = vm.run("grep -ao 'vmsnapshot-[0-9a-f]*' /usr/local/sbin/mysql").stdout.strip()
    program = (
        "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
        f"s.connect('\\0{name}'); s.send(b'hello there'); print(s.recv(10))"
    )
    assert vm.run([python, "-c", program]).stdout == "b''\n"
    assert vm.run("mysql").stdout == "ok\n"
    assert len(double.calls) == 1


CALLS_AND_IS_GONE = """
import os, re, socket
content = open("/usr/local/sbin/mysql", "rb").read()
number, name = content[-34:-30], content[-23:]
sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
if os.fork() == 0:
    sock.connect(b"\\0" + name)
    os._exit(0)
os.wait()
sock.send(number)
sock.recv(100)
"""


def test_a_call_that_is_killed_before_it_can_be_looked_at(vm: VirtualMachine, python: str) -> None:
    double = vm.command("mysql")
    vm.run([python, "-c", CALLS_AND_IS_GONE], check=True)
    (call,) = double.calls
    assert call.argv == ("/usr/local/sbin/mysql",)


def test_two_vms_have_doubles_of_their_own(vm: VirtualMachine, vm_factory: object) -> None:
    assert callable(vm_factory)
    other: VirtualMachine = vm_factory()
    one, two = vm.command("mysql", stdout="one\n"), other.command("mysql", stdout="two\n")
    assert (vm.run("mysql").stdout, other.run("mysql a; mysql b").stdout) == ("one\n", "two\ntwo\n")
    assert (len(one.calls), len(two.calls)) == (1, 2)


def test_mistakes_are_all_told(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as caught:
        vm.command(
            "usr/bin/mysql",
            replies=[Reply(exit_status=300), Reply(delay=-1, signal=99, stdout=3)],  # type: ignore[arg-type]
            answer="no",  # type: ignore[arg-type]
        )
    assert caught.value.mistakes == (
        "the command is 'usr/bin/mysql'; write a bare name, or an absolute path",
        "exit_status is 300; write a number from 0 to 255",
        "stdout is 3; write text or bytes",
        "signal is 99; write a number, such as 15",
        "delay is -1; write a number of seconds from 0 up",
        "answer is 'no'; write a function that takes a Call",
    )


def test_an_answer_that_is_none(vm: VirtualMachine) -> None:
    vm.command("psql", answer=lambda call: "text")  # type: ignore[arg-type,return-value]
    with pytest.raises(UsageError, match=r"^the answer to psql a: 'text' is no reply; write Reply"):
        vm.run("psql a")


def test_a_vm_in_memory_has_none(memory_vm: MemoryMachine) -> None:
    with pytest.raises(UsageError, match=r"mysql cannot be doubled: a VM in memory"):
        memory_vm.command("mysql")


def test_calls_keep_no_descriptor_of_the_agent(vm: VirtualMachine) -> None:
    vm.command("mysql")
    look = "mysql < /dev/null; ls -l /proc/1/fd | grep -c /dev/null"
    assert vm.run(look).stdout == vm.run(look).stdout


LOOKUPS = """#!/bin/sh
i=0
while [ $i -lt 400 ]; do
    hash -r
    : | quiet || echo "missed at $i: $?"
    i=$((i + 1))
done
"""


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_child_that_ends_makes_no_shell_look_elsewhere(vm_factory: VmFactory, shell: str) -> None:
    """A look at a file is never interrupted, though the agent is asked first."""
    vm = vm_factory(shell=shell)
    vm.write("/usr/local/sbin/quiet", "#!/bin/sh\n", mode=0o755)
    vm.write("/opt/lookups", LOOKUPS, mode=0o755)
    done = vm.run("/opt/lookups")
    assert (done.stdout, done.stderr) == ("", "")
