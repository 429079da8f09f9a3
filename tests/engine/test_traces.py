"""Which lines a backup's scripts execute, told by bash: in the backup itself, or in a twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot import Call, Reply, VirtualMachine
from pytest_vmsnapshot.kept import Keep, Measured
from pytest_vmsnapshot.running import Workshop
from pytest_vmsnapshot.settings import Source

pytest.importorskip("tree_sitter_bash", reason="needs tree-sitter-bash (pip)")

from pytest_vmsnapshot.shell_coverage.of_backup import covered_lines, in_words
from pytest_vmsnapshot.shell_coverage.trace import read_trace
from pytest_vmsnapshot.shell_coverage.tracing import BashTracer

OK = "#!/bin/sh\n"

Make = Callable[..., VirtualMachine]


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    here = Path.cwd()
    workshop = Workshop(here, here, Keep(texts=True, tracer=BashTracer()))
    yield workshop
    workshop.close()


@pytest.fixture
def make(workshop: Workshop, vm: VirtualMachine) -> Iterator[Make]:
    """VMs that trace; ``vm`` skips the test where there can be none."""
    with ExitStack() as closing:

        def made(**settings: Any) -> VirtualMachine:
            asked = {"guest": vm.guest.removeprefix("namespaces (").removesuffix(")"), **settings}
            return closing.enter_context(workshop.make([Source("test", asked)], Path.cwd()))

        yield made


def measured(vm: VirtualMachine) -> Measured:
    found = vm.kept[-1].measured
    assert found is not None
    return found


def lines(vm: VirtualMachine, script: str = "pre-script") -> set[int]:
    place = f"/opt/vmsnapshot/{script.removesuffix('-script')}.sh"
    return {
        traced.line
        for trace in measured(vm).traces
        if trace.script == script
        for traced in read_trace(trace.text)
        if traced.file == place
    }


def test_bash_is_traced_in_the_backup_itself(make: Make) -> None:
    vm = make()
    vm.install(
        pre="#!/bin/bash\nif [ -e /none ]; then\n  echo no\nfi\necho yes\n",
        post="#!/bin/bash\ntrue\n",
    )
    backup = vm.backup()
    backup.assert_application_consistent()
    assert backup.pre is not None
    assert (backup.pre.last.stdout, backup.pre.last.stderr) == ("yes\n", "")
    found = measured(vm)
    assert (found.shell, found.twin, found.notes) == ("bash", "", ())
    assert (lines(vm), lines(vm, "post-script")) == ({2, 5}, {2})


def test_sh_is_traced_in_a_twin(make: Make) -> None:
    vm = make()
    vm.install(pre="#!/bin/sh\ncase $1 in\n  a) echo a;;\n  b) echo b;;\nesac\n", post=OK + ":\n")
    vm.backup()
    found = measured(vm)
    assert (found.shell, found.twin) == ("bash as sh", "sh does not tell which line it executes")
    assert (lines(vm), lines(vm, "post-script")) == ({2}, {2})
    assert len(vm.backups) == 1


@pytest.mark.parametrize(("rules", "run"), [("documented", {2}), ("shipped", {2, 3})])
def test_options_of_the_first_line(make: Make, rules: str, run: set[int]) -> None:
    """They count where the script is executed, and not where sh is given it."""
    vm = make(rules=rules)
    vm.install(pre="#!/bin/sh -e\nfalse\necho on\n", post=OK)
    vm.backup()
    assert lines(vm) == run
    assert measured(vm).notes == ()


@pytest.mark.parametrize("rules", ["documented", "shipped"])
def test_nothing_of_it_is_seen_on_the_vm(make: Make, rules: str) -> None:
    look = "env | sort; set | grep -c BASH_; ls /run /tmp; echo $-; ls -A /srv\n"
    texts = []
    for tracing in (True, False):
        vm = make(rules=rules)
        if not tracing:
            vm._keep = Keep()
        vm.install(pre=OK + look, post=OK)
        backup = vm.backup()
        assert backup.pre is not None
        assert backup.recovery_point is not None
        texts.append((backup.pre.last.stdout, backup.pre.last.stderr, backup.recovery_point.files))
    assert texts[0] == texts[1]


def test_each_attempt_is_traced(make: Make) -> None:
    vm = make()
    again = "#!/bin/bash\nif [ ! -e /srv/again ]; then\n  touch /srv/again; exit 1\nfi\necho done\n"
    vm.install(pre=again, post="#!/bin/bash\n", pre_retries=3)
    vm.backup().assert_application_consistent()
    assert [(trace.script, trace.attempt) for trace in measured(vm).traces] == [
        ("pre-script", 1),
        ("pre-script", 2),
        ("post-script", 1),
    ]


def test_a_script_that_is_stopped(make: Make) -> None:
    vm = make()
    vm.install(pre="#!/bin/bash\nsleep 100\necho never\n", post="#!/bin/bash\n:\n", timeout=10)
    vm.backup().assert_error("Pre-ScriptTimeout")
    assert lines(vm) == {2}


def test_a_script_in_circles_fills_nothing(make: Make) -> None:
    vm = make()
    vm.install(
        pre="#!/bin/bash\ni=0\nwhile [ $i -lt 25000 ]; do ((i+=1)); : "
        + "x" * 1500
        + "\ndone\necho end\n",
        post="#!/bin/bash\n",
        timeout=300,
    )
    vm.backup().assert_application_consistent()
    (trace, _) = measured(vm).traces
    assert trace.is_cut
    assert len(trace.text) == 32 * 1024 * 1024
    assert {2, 3} <= lines(vm)


class Session:
    """Answers differently each time a line is read."""

    def __init__(self, call: Call) -> None:
        self._count = 0

    def called(self) -> Reply | None:
        return None

    def told(self, line: str, at: float) -> Reply | None:
        self._count += 1
        return Reply(f"{self._count}: {line}", goes_on=True)

    def input_ended(self, at: float) -> Reply | None:
        return Reply("bye\n")

    def gone(self, at: float) -> None:
        pass


def test_doubles_answer_the_twin_as_they_did(make: Make) -> None:
    """The test is asked once only; answers in turn go on where they were."""
    asked: list[Call] = []

    def answer(call: Call) -> Reply:
        asked.append(call)
        return Reply(f"{len(asked)}\n")

    vm = make()
    vm.command("ask", answer=answer)
    vm.command("turn", replies=[Reply("1\n"), Reply("2\n"), Reply("3\n"), Reply("4\n")])
    talk = vm.command("talk", client=Session)
    script = (
        "#!/bin/sh\n"
        "[ $(ask)$(ask) = $1 ] || exit 7\n"
        "[ $(turn)$(turn) = $2 ] || exit 8\n"
        "[ \"$(printf 'a\\nb\\n' | talk)\" = \"$(printf '1: a\\n2: b\\nbye')\" ] || exit 9\n"
        "exit 0\n"
    )
    for params in (["12", "12"], ["34", "34"]):
        vm.install(pre=script, post=OK, pre_params=params)
        vm.backup().assert_application_consistent()
        assert measured(vm).notes == ()
        assert lines(vm) == {2, 3, 4, 5}
    assert len(asked) == 4
    assert len(talk.calls) == 2


def test_faults_are_those_of_the_backup(make: Make) -> None:
    vm = make()
    vm.command("mysql")
    vm.fault(commands={"mysql": "fail"})
    vm.install(pre="#!/bin/sh\nif mysql; then\n  :\nelse\n  echo failed\nfi\n", post=OK)
    vm.backup()
    assert lines(vm) == {2, 5}
    assert measured(vm).notes == ()


def test_files_of_before_are_the_twins(make: Make) -> None:
    vm = make()
    vm.write("/srv/state", "1")
    vm.install(pre="#!/bin/sh\nif [ -e /srv/state ]; then\n  rm /srv/state\nfi\n", post=OK)
    vm.backup()
    assert lines(vm) == {2, 3}
    assert measured(vm).notes == ()
    assert not vm.path("/srv/state").exists()


def test_a_twin_that_goes_another_way_is_told(make: Make) -> None:
    vm = make()
    vm.run("echo here > /run/marker")
    vm.install(pre="#!/bin/sh\n[ -e /run/marker ]\n", post=OK)
    vm.backup().assert_application_consistent()
    assert measured(vm).notes == (
        "the twin that was measured went another way (the pre-script: exit status 1, in the backup "
        "itself: exit status 0): what was in memory, in /run, and what the test does meanwhile are "
        "not in a twin, and bash takes some of what sh refuses",
    )


def test_what_cannot_be_traced(make: Make, python: str) -> None:
    vm = make()
    vm.install(pre=f"#!{python}\nprint('x')\n", post=OK + ":\n")
    vm.backup()
    found = measured(vm)
    assert found.shell == "bash as sh"
    assert [trace.script for trace in found.traces] == ["pre-script", "post-script"]
    (note,) = found.notes
    assert note == (
        "/opt/vmsnapshot/pre.sh is not measured: what runs it, "
        f"{Path(python).name}, cannot be traced"
    )


def test_nothing_is_traced_unless_asked(vm: VirtualMachine) -> None:
    vm.install(pre='#!/bin/bash\n[ -z "$BASH_ENV" ]\n', post=OK)
    vm.backup().assert_application_consistent()
    assert vm.kept[0].measured is None


def test_lines_of_a_backup_for_reports(make: Make, python: str) -> None:
    vm = make()
    vm.install(pre="#!/bin/sh\nif false; then\n  echo no\nfi\n", post=f"#!{python}\nprint()\n")
    vm.backup()
    (pre,) = covered_lines(vm.kept[0])
    assert (pre.path, pre.executable, pre.executed) == ("/opt/vmsnapshot/pre.sh", (2, 3), (2,))
    assert list(in_words(measured(vm))) == [
        "lines measured by bash as sh in a twin VM: sh does not tell which line it executes",
        "/opt/vmsnapshot/post.sh is not measured: what runs it, "
        f"{Path(python).name}, cannot be traced",
    ]
