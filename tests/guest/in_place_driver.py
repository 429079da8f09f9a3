"""Runs on a VM that plays the disposable container: works in place there and says what is left.

``in_place_driver.py SCENARIO [WHOM]`` prints one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from pytest_vmsnapshot import VirtualMachine, virtual_machine
from pytest_vmsnapshot.errors import HarnessError
from pytest_vmsnapshot.guest import put_back

STORE = "/var/lib/pytest-vmsnapshot"
TREES = ("/etc", "/opt", "/srv", "/data", "/scripts", "/usr/local", "/var/lib")
WAIT_LIMIT = 30.0
PRE = """#!/bin/sh
mkfifo /data/mark
setsid sh -c 'echo up >/data/mark; exec sleep 987654' &
read up </data/mark
"""


def survey() -> dict[str, Any]:
    """Everything that can be seen of the trees a VM in place works in."""
    found: dict[str, Any] = {"/": (sorted(os.listdir("/")), os.stat("/").st_mtime_ns)}
    for tree in TREES:
        for here, directories, names in os.walk(tree):
            for path in [here, *(os.path.join(here, name) for name in [*directories, *names])]:
                found[path] = _facts(path)
    return found


def _facts(path: str) -> list[Any]:
    facts = os.lstat(path)
    content = ""
    if stat.S_ISREG(facts.st_mode):
        with contextlib.suppress(PermissionError), open(path, "rb") as file:
            content = file.read(4096).hex()
    elif stat.S_ISLNK(facts.st_mode):
        content = os.readlink(path)
    attributes = {}
    with contextlib.suppress(OSError):
        for name in os.listxattr(path, follow_symlinks=False):
            attributes[name] = os.getxattr(path, name, follow_symlinks=False).hex()
    times = facts.st_mtime_ns
    return [facts.st_mode, facts.st_uid, facts.st_gid, times, content, sorted(attributes.items())]


def changes(before: dict[str, Any]) -> list[str]:
    """Paths that are not as they were."""
    after = survey()
    return sorted(path for path in {*before, *after} if before.get(path) != after.get(path))


def prepare() -> None:
    """Give the container something to lose."""
    for directory in ("/etc/azure", "/data", "/scripts"):
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(directory)
    os.makedirs("/srv/app/state", mode=0o750)
    for path in ("/srv/app/settings", "/srv/app/state/orders", "/usr/local/bin/mysql"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"the original of {path}\n")
    os.chmod("/srv/app/settings", 0o604)
    os.utime("/srv/app/settings", ns=(10**18, 10**18 + 7))
    with contextlib.suppress(OSError):
        os.setxattr("/srv/app/settings", "user.origin", b"by hand")
    os.symlink("/usr/local/bin/mysql", "/usr/local/bin/mariadb")


def use(vm: VirtualMachine) -> None:
    """Change all kinds of things."""
    vm.install(pre=PRE, post="#!/bin/sh\n")
    vm.write("/srv/app/settings", "ours\n", mode=0o600)
    vm.write("/srv/app/settings", "ours again\n", mode=0o600)
    vm.write("/usr/local/bin/mariadb", "#!/bin/sh\n", mode=0o755)
    vm.write("/srv/new/deep/file", "new\n")
    vm.path("/srv/app/state").mkdir(mode=0o700)
    vm.path("/srv/app/state").remove()
    vm.write("/srv/app/state/orders", "replaced\n")
    vm.path("/opt/shop").mkdir(mode=0o711)
    vm.backup().assert_application_consistent()


def hold() -> None:
    """Use a VM and leave it open until standard input closes."""
    with contextlib.suppress(HarnessError), virtual_machine(guest="in-place") as vm:
        use(vm)
        print("ready", flush=True)
        sys.stdin.read()


def lifecycle(_: str) -> dict[str, Any]:
    """Open, use, close."""
    before = survey()
    with virtual_machine(guest="in-place") as vm:
        use(vm)
        during = changes(before)
        alive = _running("sleep 987654")
    return {"during": during, "alive_during": bool(alive), **_left(before)}


def point(_: str) -> dict[str, Any]:
    """Read a recovery point."""
    before = survey()
    with virtual_machine(guest="in-place") as vm:
        vm.install(pre="#!/bin/sh\n", post="#!/bin/sh\necho after >/data/orders\n")
        vm.run("echo before >/data/orders; mkdir /data/dir", check=True)
        vm.run("ln -s /data/orders /data/inside; ln -s /usr/local/bin/mysql /data/outside")
        vm.write("/usr/local/bin/tool", "a tool\n")
        backup = vm.backup()
        files = backup.recovery_point
        assert files is not None
        try:
            outside = files.read_text("/data/outside")
        except FileNotFoundError:
            outside = "not found"
        seen = {
            "now": vm.path("/data/orders").read_text(),
            "then": files.read_text("/data/orders"),
            "inside": files.read_text("/data/inside"),
            "outside": outside,
            "tool": files.read_text("/usr/local/bin/tool"),
            "whole /usr/local/bin": files.exists("/usr/local/bin/mysql"),
            "mode": oct(os.stat(STORE).st_mode & 0o777),
            "modelled": list(backup.modelled),
            "guest": backup.guest,
        }
    return {**seen, **_left(before)}


def faults(_: str) -> dict[str, Any]:
    """Let scripts go wrong, and see what is refused."""
    before = survey()
    with virtual_machine(guest="in-place") as vm:
        vm.install(pre="#!/bin/sh\n:\n", post="#!/bin/sh\n:\n")
        vm.fault(pre={"exit_status": 3, "at": "start"}, post={"signal": 9})
        backup = vm.backup()
        try:
            vm.fault(disk_full=True, commands={"id": "fail"})
            refused = ""
        except HarnessError as error:
            refused = str(error)
    assert backup.pre is not None
    assert backup.post is not None
    seen = {"pre": backup.pre.exit_status, "post": backup.post.last.signal, "refused": refused}
    return {**seen, **_left(before)}


def second(_: str) -> dict[str, Any]:
    """Ask for a second VM, in this run and in another one."""
    before = survey()
    with virtual_machine(guest="in-place"):
        child = [sys.executable, __file__, "error"]
        other = subprocess.run(child, capture_output=True, text=True, check=True)
    again = _error()
    return {"other run": json.loads(other.stdout)["error"], "after": again, **_left(before)}


def error(_: str) -> dict[str, Any]:
    """Only say why there is no VM."""
    before = survey()
    return {"error": _error(), **_left(before)}


def _error() -> str:
    try:
        with virtual_machine(guest="in-place"):
            return ""
    except HarnessError as refused:
        return str(refused)


def kill(whom: str) -> dict[str, Any]:
    """Kill one or several of the processes that work in place.

    Args:
        whom: names separated by ``+``: harness, helper, agent.
    """
    before = survey()
    command = [sys.executable, __file__, "hold"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as harness:
        assert harness.stdout is not None
        assert harness.stdout.readline() == "ready\n"
        (helper,) = _children(harness.pid)
        (agent,) = _children(helper)
        pids = {"harness": harness.pid, "helper": helper, "agent": agent}
        daemons = _running("sleep 987654")
        ends = [os.pidfd_open(pid) for pid in (helper, agent, *daemons)]
        for number in (signal.SIGSTOP, signal.SIGKILL):  # none may react to another's death
            for name in whom.split("+"):
                with contextlib.suppress(ProcessLookupError):  # the helper was quicker
                    os.kill(pids[name], number)
        if whom == "agent":
            harness.communicate(timeout=WAIT_LIMIT)  # it closes the VM and the session
        if whom != "helper+agent":
            _await(ends)
        harness.communicate(timeout=WAIT_LIMIT)
    found = {"daemons": len(daemons), **_left(before)}
    if whom == "helper+agent":
        found["next run"] = _error()
        with contextlib.redirect_stdout(sys.stderr):
            found["put back"] = put_back.main()
        found["then"] = changes(before)
        for pid in daemons:
            with contextlib.suppress(ProcessLookupError):  # without its clock it may not start
                os.kill(pid, signal.SIGKILL)
    return found


def _await(ends: list[int]) -> None:
    for end in ends:
        assert select.select([end], [], [], WAIT_LIMIT)[0], "a process lives on"


def _left(before: dict[str, Any]) -> dict[str, Any]:
    return {
        "left": changes(before),
        "store": os.path.lexists(STORE),
        "alive": _running("sleep 987654"),
    }


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def _running(words: str) -> list[int]:
    """Processes with these words in their command line."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as file:
            if words.encode() in file.read().replace(b"\0", b" "):
                found.append(int(name))
    return found


SCENARIOS: dict[str, Callable[[str], dict[str, Any]]] = {
    "lifecycle": lifecycle,
    "point": point,
    "faults": faults,
    "second": second,
    "error": error,
    "kill": kill,
}

if __name__ == "__main__":
    if sys.argv[1] == "hold":
        hold()
    else:
        if sys.argv[1] != "error":
            prepare()
        print(json.dumps(SCENARIOS[sys.argv[1]]("".join(sys.argv[2:]))))
