"""Clients that are talked to while they live."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import Call, Reply, UsageError, VirtualMachine


class Echo:
    """Says what it is told, and writes down what happens to it."""

    def __init__(self, call: Call) -> None:
        self.name = call.args[0] if call.args else "?"
        HAPPENED.append(f"{self.name} called")

    def called(self) -> Reply | None:
        return Reply("one shot\n", exit_status=4) if self.name == "once" else None

    def told(self, line: str, at: float) -> Reply | None:
        HAPPENED.append(f"{self.name} told {line!r}")
        if line == "stop\n":
            return Reply("stopped\n", exit_status=3)
        return Reply(f"<{line.strip()}>\n", "noted\n" * (line == "loud\n"), goes_on=True)

    def input_ended(self, at: float) -> Reply | None:
        HAPPENED.append(f"{self.name} at the end")
        return Reply("bye\n")

    def gone(self, at: float) -> None:
        HAPPENED.append(f"{self.name} gone")


HAPPENED: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_happened() -> None:
    HAPPENED.clear()


def test_a_client_answers_line_by_line(vm: VirtualMachine) -> None:
    db = vm.command("db", client=Echo)
    done = vm.run("printf 'a\\nloud\\nrest' | db x; echo $?")
    assert done.stdout == "<a>\n<loud>\n<rest>\nbye\n0\n"
    assert done.stderr == "noted\n"
    assert db.calls[0].stdin_text == "a\nloud\nrest"
    assert HAPPENED == [
        "x called",
        "x told 'a\\n'",
        "x told 'loud\\n'",
        "x told 'rest'",
        "x at the end",
        "x gone",
    ]


def test_a_client_of_one_shot_leaves_its_input_alone(vm: VirtualMachine) -> None:
    vm.command("db", client=Echo)
    done = vm.run("printf 'a\\nb\\n' | while read -r line; do db once; echo $? $line; done")
    assert done.stdout == "one shot\n4 a\none shot\n4 b\n"


def test_a_client_can_end_before_its_input(vm: VirtualMachine) -> None:
    vm.command("db", client=Echo)
    assert vm.run("printf 'a\\nstop\\nb\\n' | db x; echo $?").stdout == "<a>\nstopped\n3\n"


def test_a_client_without_input(vm: VirtualMachine) -> None:
    vm.command("db", client=Echo)
    assert vm.run("db x <&-; db y < /dev/null").stdout == "bye\nbye\n"


def test_a_session_answers_while_it_lives(vm: VirtualMachine) -> None:
    vm.command("db", client=Echo)
    done = vm.run(
        "mkfifo /run/in /run/out\n"
        "db x < /run/in > /run/out &\n"
        "exec 3> /run/in 4< /run/out\n"
        'echo hello >&3; read -r said <&4; echo "$said"; sleep 100\n'
        'echo again >&3; read -r said <&4; echo "$said"\n'
        "exec 3>&-; cat <&4; wait\n",
        timeout=200,
    )
    assert done.stdout == "<hello>\n<again>\nbye\n"


def test_the_end_of_a_killed_client_is_told_before_the_next_call(vm: VirtualMachine) -> None:
    db = vm.command("db", client=Echo)
    vm.run("(sleep 1000 | db x) >/dev/null 2>&1 & sleep 1; pkill -x db; sleep 1; db once")
    assert len(db.open_calls) == 0
    assert HAPPENED == ["x called", "x gone", "once called", "once gone"]


def test_who_has_gone_is_told_when_calls_are_looked_at(vm: VirtualMachine) -> None:
    db = vm.command("db", client=Echo)
    vm.run("(sleep 10 | db x) >/dev/null 2>&1 &")
    vm.wait(20)
    assert len(db.open_calls) == 0
    assert HAPPENED == ["x called", "x at the end", "x gone"]


def test_very_many_lines(vm: VirtualMachine) -> None:
    vm.command("db", client=Echo)
    assert vm.run("seq 500 | db x | tail -n 2").stdout == "<500>\nbye\n"


def test_what_a_client_raises_reaches_the_test(vm: VirtualMachine) -> None:
    def make(call: Call) -> Echo:
        raise LookupError("no client for this")

    vm.command("db", client=make)
    with pytest.raises(LookupError, match=r"^no client for this$"):
        vm.run("db x")
    assert vm.run("echo goes on").stdout == "goes on\n"


def test_passthrough_to_another_program(vm: VirtualMachine) -> None:
    vm.write("/opt/fake", '#!/bin/sh\necho "fake $*"\n', mode=0o755)
    double = vm.command("db", passthrough="/opt/fake")
    assert vm.run("db a b").stdout == "fake a b\n"
    assert double.calls[0].args == ("a", "b")


def test_mistakes(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as caught:
        vm.command("db", client=3, reads_stdin=True, passthrough="fake")  # type: ignore[arg-type]
    assert caught.value.mistakes == (
        "passthrough is 'fake'; write True, or an absolute path on the VM",
        "client is 3; write a function that takes a Call",
        "client answers by itself; leave answer and reads_stdin out",
    )


@pytest.mark.parametrize("name", ["nosuch", "/opt/nosuch"])
def test_passthrough_to_nothing(vm: VirtualMachine, name: str) -> None:
    vm.command(name, passthrough=True)
    done = vm.run(f"{name} a")
    assert (done.exit_status, done.stderr) == (
        127,
        "pytest-vmsnapshot: there is no nosuch on the VM to pass this call to\n",
    )
