"""Absolute paths, sessions, functions of the test, background: the same in every shell."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import Call, Reply, VirtualMachine

PRE = """\
#!/bin/sh
mkfifo /run/session
/usr/bin/db < /run/session > /run/said &
exec 3> /run/session
exec sleep 600 >&3 2> /dev/null < /dev/null &
echo $! > /run/holder
echo lock >&3
exec 3>&-
until grep -q lock /run/said; do sleep 1; done
(sleep 2; /opt/vendor/late now) > /dev/null 2>&1 &
ask "who is there" > /run/answer
"""
POST = """\
#!/bin/sh
sleep 5
ask again >> /run/answer
kill $(cat /run/holder)
sleep 1
"""


class Db:
    """Repeats each line, and knows who is open."""

    open: list[str]

    def __init__(self, call: Call) -> None:
        self.call = call

    def called(self) -> Reply | None:
        self.open.append(self.call.made_by)
        return None

    def told(self, line: str, at: float) -> Reply | None:
        return Reply(f"{line.strip()} at {at > 0}\n", goes_on=True)

    def input_ended(self, at: float) -> Reply | None:
        return None

    def gone(self, at: float) -> None:
        self.open.remove(self.call.made_by)


@pytest.mark.filterwarnings("ignore::pytest_vmsnapshot.RulesDiffer")
@pytest.mark.parametrize("rules", ["documented", "shipped"])
@pytest.mark.vm(shell=["dash", "bash", "busybox", "ksh", "mksh", "yash"])
def test_doubles(vm_factory: object, rules: str) -> None:
    assert callable(vm_factory)
    vm: VirtualMachine = vm_factory(rules=rules)
    Db.open = []
    db = vm.command("/usr/bin/db", client=Db)
    late = vm.command("/opt/vendor/late")
    ask = vm.command("ask", answer=lambda call: Reply(f"<{call.args[0]}>\n"))
    held: list[tuple[str, ...]] = []
    vm.on("after_snapshot", lambda at: held.append(tuple(c.made_by for c in db.open_calls)))
    vm.install(pre=PRE, post=POST)

    backup = vm.backup()

    backup.assert_application_consistent()
    assert held == [("pre-script, attempt 1",)]
    assert db.open_calls == ()
    assert Db.open == []
    assert vm.path("/run/said").read_text() == "lock at True\n"
    assert vm.path("/run/answer").read_text() == "<who is there>\n<again>\n"
    (call,) = late.calls
    assert (call.args, call.made_by) == (("now",), "pre-script, attempt 1")
    assert ask.calls[0].started < call.started < ask.calls[1].started
    assert backup.findings == ()
