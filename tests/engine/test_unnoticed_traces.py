"""A backup whose scripts are traced is the same as one whose scripts are not."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot import VirtualMachine
from pytest_vmsnapshot.kept import Keep, Measured
from pytest_vmsnapshot.running import Workshop
from pytest_vmsnapshot.second_backup import SecondBackup
from pytest_vmsnapshot.settings import Source

pytest.importorskip("tree_sitter_bash", reason="needs tree-sitter-bash (pip)")

from pytest_vmsnapshot.shell_coverage.tracing import BashTracer

BASH = "#!/bin/bash\n"
TIMES = frozenset({"at", "until", "started", "ended", "duration", "real_duration", "snapshot_at"})

Workshops = tuple[Workshop, Workshop]


@pytest.fixture(scope="module")
def workshops() -> Iterator[Workshops]:
    here = Path.cwd()
    plain, tracing = Workshop(here, here), Workshop(here, here, Keep(tracer=BashTracer()))
    yield plain, tracing
    plain.close()
    tracing.close()


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_times(v) for name, v in value.items() if name not in TIMES}
    if isinstance(value, list):
        return [without_times(item) for item in value]
    return value


def facts(vm: VirtualMachine, pre: str, **wanted: Any) -> dict[str, Any]:
    """All that a backup says and leaves, but for times."""
    double = vm.command("tell", optional=True)
    vm.install(pre=pre, post=BASH + "tell post\n", **wanted)
    backup = vm.backup()
    found: dict[str, Any] = without_times(json.loads(backup.to_json()))
    for event in found["events"]:
        if event["step"] == "snapshot":
            event["text"] = event["text"].partition(" in ")[0]  # how long it took
    point = backup.recovery_point
    assert point is not None
    found["files"] = {
        path: point.read_bytes(path) for path in point.walk("/srv") if not point.walk(path)
    }
    found["calls"] = [(call.argv, call.env) for call in double.calls]
    return found


def both(
    workshops: Workshops,
    vm: VirtualMachine,
    pre: str,
    files: dict[str, str] | None = None,
    **wanted: Any,
) -> Measured:
    """Take the same backup without and with a trace, and compare; ``vm`` skips the test if there
    can be none.
    """
    guest = vm.guest.removeprefix("namespaces (").removesuffix(")")
    found = []
    for workshop in workshops:
        with workshop.make([Source("test", {"guest": guest})], Path.cwd()) as made:
            for path, text in (files or {}).items():
                made.write(path, text, mode=0o755)
            found.append(facts(made, pre, **wanted))
            measured = made.kept[0].measured
    assert found[0] == found[1]
    assert measured is not None
    return measured


IN_ITSELF = {
    "calls": "tell a; tell b\nfalse\n",
    "underscore": "echo $_; echo a b; echo $_\n",
    "traps": "set -ET\ntrap 'echo D $BASH_COMMAND $LINENO' DEBUG\ntrap 'echo E $?' ERR\n"
    "trap 'echo X $?' EXIT\nf() { false; echo f; }\nf\n(exit 3)\n",
    "coproc": "coproc cat\necho hi >&${COPROC[1]}\nread -r x <&${COPROC[0]}\n"
    "echo $x ${COPROC[@]}\n",
    "descriptors": "exec {a}>/srv/a 3>&1 >/srv/b 2>/srv/c\necho $a >&3\necho c >&2\n",
    "substitution": "echo <(:)\ndiff <(echo a) <(echo b)\n",
    "nounset": 'set -u\necho "$undefined"\n',
    "killed": "kill -9 $$\n",
    "empty environment": "env -i bash -c 'echo $0; exit 3'\necho $?\n",
    "functions of children": "unset() { echo mine; }\nexport -f unset\nbash -c 'echo child'\n",
    "limits": "ulimit -n 20\necho hi | cat\nbash -c 'echo child'\n",
    "shared options": "set -o posix\nsh -c 'echo b'\nbash --posix -c 'echo c'\n",
}


@pytest.mark.parametrize("name", IN_ITSELF)
def test_in_the_backup_itself(name: str, workshops: Workshops, vm: VirtualMachine) -> None:
    assert both(workshops, vm, BASH + IN_ITSELF[name]).twin == ""


IN_A_TWIN = {
    "size of files": "ulimit -f 1\nfor i in {1..99}; do : aaaaaaaaaaaaaaaaaaaa; done\n",
    "xtrace": "[ -o xtrace ]\n",
    "all closed": 'for n in {3..255}; do eval "exec $n>&-"; done 2>/dev/null\necho x >&2\n',
    "its descriptor": "exec 251>/srv/log\necho a >&251\nexec 251>&-\necho b\n",
    "listed": "ls /proc/self/fd >/srv/list\n",
    "environment": "env >/srv/list\n",
    "verbose child": "bash -v -c 'echo a'\n",
}


@pytest.mark.parametrize("name", IN_A_TWIN)
def test_in_a_twin(name: str, workshops: Workshops, vm: VirtualMachine) -> None:
    assert "would notice" in both(workshops, vm, BASH + IN_A_TWIN[name]).twin


OTHERS = {
    "sourced": (". /srv/lib.sh\necho main\n", "set -x\n"),
    "source": ('source "/srv/lib"\necho main\n', "case $- in *x*) exit 9; esac\n"),
    "beside": ('. "$(dirname "$0")/../../srv/lib.sh"; . /opt/vmsnapshot/lib.sh\n', "set -x\n"),
    "started": ("/srv/lib.sh 2>/srv/err\n", BASH + "set -x\necho started\n"),
    "started verbose": ("/srv/lib.sh\n", "#!/bin/bash -v\necho started\n"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_scripts_would_notice(name: str, workshops: Workshops, vm: VirtualMachine) -> None:
    text, other = OTHERS[name]
    files = dict.fromkeys(("/srv/lib.sh", "/srv/lib", "/opt/vmsnapshot/lib.sh"), other)
    measured = both(workshops, vm, BASH + text, files)
    assert measured.twin.startswith(("/srv/lib", "/opt/vmsnapshot/lib.sh"))
    assert " would notice: " in measured.twin


def test_others_of_others_would_notice(workshops: Workshops, vm: VirtualMachine) -> None:
    files = {"/srv/one.sh": BASH + ". /srv/two.sh\n", "/srv/two.sh": "set -x\n"}
    measured = both(workshops, vm, BASH + "/srv/one.sh\n/srv/none.sh\n", files)
    assert measured.twin == "/srv/two.sh would notice: line 1 has set -x"


def test_others_that_bash_does_not_run(workshops: Workshops, vm: VirtualMachine) -> None:
    files = {"/srv/notes": "set -x\n", "/srv/tool.py": "#!/usr/bin/python3\n# set -x\n"}
    assert both(workshops, vm, BASH + "cat /srv/notes /srv/tool.py\n", files).twin == ""


def test_what_the_backup_did_not_run_is_not_measured(
    workshops: Workshops, vm: VirtualMachine
) -> None:
    """The twin is a new VM, with all that a VM begins with."""
    guest = vm.guest.removeprefix("namespaces (").removesuffix(")")
    with workshops[1].make([Source("test", {"guest": guest})], Path.cwd()) as made:
        made.install(pre="#!/nowhere/sh\necho a\n", post="#!/bin/sh\necho b\n")
        made.backup()
        measured = made.kept[0].measured
    assert measured is not None
    assert [trace.script for trace in measured.traces] == ["post-script"]


def test_a_time_limit_that_ends_the_twin(
    workshops: Workshops, vm: VirtualMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pytest-timeout does it: by an exception at any moment."""

    class TimeIsUp(BaseException):
        pass

    def measure(*_: object) -> None:
        raise TimeIsUp

    monkeypatch.setattr(SecondBackup, "measure", measure)
    guest = vm.guest.removeprefix("namespaces (").removesuffix(")")
    with workshops[1].make([Source("test", {"guest": guest})], Path.cwd()) as made:
        made.install(pre="#!/bin/sh\n", post="#!/bin/sh\n")
        with pytest.raises(TimeIsUp):
            made.backup()
        assert [kept.number for kept in made.kept] == [1]
        assert [backup.number for backup in made.backups] == [1]


def test_an_error_of_the_twin_is_no_error_of_the_backup(
    workshops: Workshops, vm: VirtualMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(*_: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr(SecondBackup, "measure", measure)
    guest = vm.guest.removeprefix("namespaces (").removesuffix(")")
    with workshops[1].make([Source("test", {"guest": guest})], Path.cwd()) as made:
        made.install(pre="#!/bin/sh\n", post="#!/bin/sh\n")
        made.backup().assert_application_consistent()
        measured = made.kept[0].measured
    assert measured is not None
    assert measured.notes == ("no twin could be made to measure: KeyError: 'lost'",)


def test_few_descriptors(vm: VirtualMachine) -> None:
    """A script that cannot have the descriptors of a trace runs without one."""
    guest = vm.guest.removeprefix("namespaces (").removesuffix(")")
    here = Path.cwd()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        workshop = Workshop(here, here, Keep(tracer=BashTracer()))
        try:
            with workshop.make([Source("test", {"guest": guest})], here) as made:
                made.install(pre=BASH + ":\n", post="#!/bin/sh\n")
                made.backup().assert_application_consistent()
                measured = made.kept[0].measured
        finally:
            workshop.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert measured is not None
    assert measured.notes == (
        "no script is measured: it takes 252 descriptors, and ulimit -n is 200",
    )
