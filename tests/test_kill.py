"""pytest killed with SIGKILL at random moments: nothing of its VMs may be left anywhere."""

from __future__ import annotations

import hashlib
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

MOMENTS = 50
AT_ONCE = 4

PATIENCE = 5.0
"""Seconds the kernel may take to end what its parent's death dooms, on a loaded machine."""

SUITE = """
import pytest

PRE = '''#!/bin/sh
trap "" TERM HUP INT
(setsid sh -c 'trap "" TERM HUP; sleep 1000.{token}; sleep 1000.{token}' &)
setsid sleep 1000.{token} &
: > /tmp/x; : > /srv/x; : > /etc/x; mkdir /newtop
sleep 0.05
'''

@pytest.mark.vm(allow=["processes"])
@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_it(vm_factory, number, clock):
    vm = vm_factory(clock=clock)
    vm.install(pre=PRE, post="#!/bin/sh\\nsleep 0.02\\n", timeout=5)
    vm.backup().assert_application_consistent()
    vm.backup().recovery_point.read_text("/etc/hostname")
"""


def test_nothing_is_left(tmp_path: Path) -> None:
    token = f"{random.getrandbits(64)}"
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "test_it.py").write_text(SUITE.format(token=token))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    etc, mounts, shared = fingerprint(Path("/etc")), mount_table(), set(os.listdir("/dev/shm"))

    began = time.monotonic()
    whole = start(suite, temporary, token)
    assert whole.wait() == 0
    length = time.monotonic() - began
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    shares = [dice.uniform(0, 1.1) for _ in range(MOMENTS)]
    print(f"a whole run takes {length:.2f} s; moments from seed {seed}")

    killed = 0
    for index in range(0, MOMENTS, AT_ONCE):
        batch = sorted(share * length for share in shares[index : index + AT_ONCE])
        runs = [start(suite, temporary, token) for _ in batch]
        began = time.monotonic()
        for run, moment in zip(runs, batch, strict=True):
            try:
                run.wait(max(0.0, moment - (time.monotonic() - began)))
                length = min(length, time.monotonic() - began)  # the first one may have been slow
            except subprocess.TimeoutExpired:
                run.send_signal(signal.SIGKILL)
                killed += 1
            run.wait()
        left = [describe(pid) for pid in survivors(token)]
        assert left == [], f"alive {PATIENCE:g} s after SIGKILL (seed {seed})"

    assert killed > MOMENTS / 2, "most moments must lie within the run"
    assert [path.name for path in temporary.iterdir()] == []
    assert mount_table() == mounts
    assert fingerprint(Path("/etc")) == etc
    assert not {name for name in os.listdir("/dev/shm") if token in name} - shared
    assert not Path("/newtop").exists()


def start(suite: Path, temporary: Path, token: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TMPDIR": str(temporary), "VMSNAPSHOT_TEST_TOKEN": token}
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"],
        cwd=suite,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def survivors(token: str) -> list[int]:
    """Processes of the killed runs that are still there when the kernel had its time."""
    deadline = time.monotonic() + PATIENCE
    while pids := list(carrying(token)):
        poller = select.poll()
        fds = []
        for pid in pids:
            try:
                fds.append(os.pidfd_open(pid))
            except ProcessLookupError:
                continue
            poller.register(fds[-1], select.POLLIN)
        ended = poller.poll(max(0.0, deadline - time.monotonic()) * 1000) if fds else [(0, 0)]
        for fd in fds:
            os.close(fd)
        if not ended:
            return pids
    return []


def carrying(token: str) -> Iterator[int]:
    """Processes that have the token in their environment or arguments."""
    needle = token.encode()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        for part in ("environ", "cmdline"):
            try:
                content = Path(f"/proc/{name}/{part}").read_bytes()
            except OSError:
                continue
            if needle in content:
                yield int(name)
                break


def describe(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def mount_table() -> str:
    return Path("/proc/self/mountinfo").read_text()


def fingerprint(top: Path) -> str:
    """Names, kinds, modes, owners, sizes and times of all below a directory."""
    digest = hashlib.sha256()
    for here, directories, files in os.walk(top):
        directories.sort()
        for name in sorted([*directories, *files]):
            facts = os.lstat(os.path.join(here, name))
            row = (here, name, facts.st_mode, facts.st_uid, facts.st_size, facts.st_mtime_ns)
            digest.update(repr(row).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def test_the_search_finds_what_it_looks_for() -> None:
    token = f"{random.getrandbits(64)}"
    with subprocess.Popen(["sleep", f"1000.{token}"]) as process:
        while list(carrying(token)) != [process.pid]:
            assert process.poll() is None
        process.kill()


@pytest.mark.parametrize("which", ["outer", "warden"])
def test_death_of_the_helper_ends_its_vms(pytester: pytest.Pytester, which: str) -> None:
    token = f"{random.getrandbits(64)}"
    pytester.makepyfile(
        f"""
        import os, signal, subprocess
        import pytest
        from pytest_vmsnapshot import GuestDied

        def children(pid):
            return [int(word) for word in
                    open(f"/proc/{{pid}}/task/{{pid}}/children").read().split()]

        def test_it(vm):
            vm.run("setsid sleep 1000.{token} >/dev/null 2>&1 &")
            outer = next(pid for pid in children(os.getpid())
                         if b"warden" in open(f"/proc/{{pid}}/cmdline", "rb").read())
            warden, = (pid for pid in children(outer)
                       if open(f"/proc/{{pid}}/comm").read() != "vm-thaw\\n")
            ended = os.pidfd_open(warden)
            os.kill({{"outer": outer, "warden": warden}}["{which}"], signal.SIGKILL)
            with pytest.raises(GuestDied) as gone:
                while True:
                    vm.run("true")
            assert str(gone.value) == "the VM has ended: its first process died"

        def test_and_the_next_test_gets_a_new_one(vm):
            vm.run("true", check=True)
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(passed=2)
    assert survivors(token) == []
