"""The watchdog: whatever dies, and whatever lasts too long, nothing stays frozen."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_vmsnapshot.guest import disk_image, frozen, thawer, wire
from pytest_vmsnapshot.guest.disk_image import FileSystem
from pytest_vmsnapshot.guest.frozen import Thaw, Volume
from pytest_vmsnapshot.guest.loop_device import Departure, LoopDevice
from pytest_vmsnapshot.guest.thawer import Thawer, ThawerGone

from .private_place import run_in, skip_without, why_no_loop_devices

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024
SIZES = {FileSystem.EXT4: 8 * MIB, FileSystem.XFS: 300 * MIB, FileSystem.BTRFS: 109 * MIB}

PATIENCE = 10.0
"""Seconds for what takes milliseconds on an idle machine."""

GONE = (
    "the process vm-thaw, which thaws file systems if this run is killed, is gone, so nothing may "
    "be frozen; somebody or something (the out-of-memory killer?) has ended it"
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    if reason := why_no_loop_devices(tmp_path):
        pytest.skip(reason)
    return tmp_path


@dataclass(frozen=True, slots=True)
class Child:
    """A process of this test.

    Args:
        pid: it.
        pidfd: tells its end.
        sock: connected to it.
    """

    pid: int
    pidfd: int
    sock: socket.socket

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def heard(self) -> object:
        assert select.select([self.sock], [], [], PATIENCE)[0]
        return wire.receive(self.sock).body["word"]


def child(work: Callable[[socket.socket], None]) -> Child:
    """A process that does work, and then waits to be killed."""
    ours, theirs = wire.socket_pair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        with contextlib.suppress(BaseException):
            work(theirs)
            signal.pause()
        os._exit(1)
    theirs.close()
    return Child(pid, os.pidfd_open(pid), ours)


def harness() -> Child:
    return child(lambda sock: None)


def mount(place: Path, name: str, kind: FileSystem) -> tuple[LoopDevice, str]:
    image = disk_image.create(f"{place}/{name}.img", kind, SIZES[kind])
    target = place / name
    target.mkdir()
    device = disk_image.mount(image, kind, str(target), f"{place}/nodes")
    os.close(image)
    return device, str(target)


@contextlib.contextmanager
def rescued(paths: list[str]) -> Iterator[None]:
    """Thaw by ourselves what the watchdog leaves frozen: else this test would hang for ever."""
    late: list[Thaw] = []
    with frozen.opened(paths) as volumes:
        timer = threading.Timer(
            PATIENCE, lambda: late.extend(row.outcome for row in frozen.thaw(volumes))
        )
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
    assert late == [], "the watchdog has thawed nothing"


def write(path: str) -> None:
    """Hangs while the file system is frozen."""
    Path(path, "written").write_text("x", encoding="ascii")


def freezing(door: socket.socket, paths: list[str], count: int) -> Callable[[socket.socket], None]:
    """What an agent does that freezes the first of its file systems."""

    def work(sock: socket.socket) -> None:
        with frozen.opened(paths) as volumes:
            watchdog = Thawer(door, 1)
            frozen.freeze(volumes[:count], watchdog.arm(volumes))
            wire.send(sock, {"word": "frozen"})
            wire.receive(sock)
            wire.send(sock, {"word": watchdog.release()})
            signal.pause()

    return work


@pytest.mark.parametrize("kind", list(FileSystem))
@pytest.mark.parametrize("count", [1, 2])
def test_the_death_of_the_agent(place: Path, kind: FileSystem, count: int) -> None:
    skip_without(kind, FileSystem.EXT4)

    def work(place: Path) -> None:
        mounts = [mount(place, "a", kind), mount(place, "b", FileSystem.EXT4)]
        devices, paths = [device for device, _ in mounts], [path for _, path in mounts]
        with Departure() as departure:
            test = harness()
            door = thawer.start(test.pidfd)
            agent = child(freezing(door, paths, count))
            assert agent.heard() == "frozen"
            with rescued(paths):
                agent.kill()
                for path in paths:
                    write(path)
            for path, device in zip(paths, devices, strict=True):
                disk_image.unmount(path, device)
            departure.wait(devices)
        test.kill()

    run_in(place, work)


@pytest.mark.parametrize("kind", list(FileSystem))
def test_the_death_of_the_harness(place: Path, kind: FileSystem) -> None:
    skip_without(kind)

    def work(place: Path) -> None:
        device, path = mount(place, "a", kind)
        test = harness()
        door = thawer.start(test.pidfd)
        agent = child(freezing(door, [path], 1))
        assert agent.heard() == "frozen"
        with rescued([path]):
            test.kill()
            write(path)
        wire.send(agent.sock, {})
        assert agent.heard() == 1, "the agent is told that it was thawed"
        agent.kill()
        disk_image.unmount(path, device)

    run_in(place, work)


def test_the_time_is_over(place: Path) -> None:
    skip_without(FileSystem.EXT4)

    def work(place: Path) -> None:
        device, path = mount(place, "a", FileSystem.EXT4)
        test = harness()
        watchdog = Thawer(thawer.start(test.pidfd), 1)
        with frozen.opened([path]) as volumes:
            began = time.monotonic()
            deadline = watchdog.arm(volumes, 0.1)
            assert began + 0.1 <= deadline <= time.monotonic() + 0.1
            frozen.freeze(volumes, deadline)
            with rescued([path]):
                write(path)
            assert time.monotonic() - began >= 0.1
            assert frozen.thaw(volumes)[0].outcome is Thaw.WAS_NOT_FROZEN
            assert watchdog.release() == 1
            assert watchdog.release() == 0
        disk_image.unmount(path, device)
        test.kill()

    run_in(place, work)


def test_a_thaw_in_time_needs_no_watchdog_and_nothing_is_held_afterwards(place: Path) -> None:
    skip_without(FileSystem.EXT4)

    def work(place: Path) -> None:
        device, path = mount(place, "a", FileSystem.EXT4)
        test = harness()
        watchdog = Thawer(thawer.start(test.pidfd), 1)
        for _ in range(3):
            with frozen.opened([path]) as volumes:
                frozen.freeze(volumes, watchdog.arm(volumes))
                assert frozen.thaw(volumes)[0].outcome is Thaw.THAWED
                assert watchdog.release() == 0
        disk_image.unmount(path, device)
        test.kill()

    run_in(place, work)


def test_what_a_script_has_frozen_itself_is_left_to_it_by_a_release(place: Path) -> None:
    skip_without(FileSystem.EXT4)

    def work(place: Path) -> None:
        device, path = mount(place, "a", FileSystem.EXT4)
        test = harness()
        watchdog = Thawer(thawer.start(test.pidfd), 1)
        with frozen.opened([path]) as volumes:
            frozen.freeze(volumes)
            deadline = watchdog.arm(volumes)
            with pytest.raises(frozen.FreezeRefused):
                frozen.freeze(volumes, deadline)
            assert watchdog.release() == 0
            assert frozen.thaw(volumes)[0].outcome is Thaw.THAWED
        disk_image.unmount(path, device)
        test.kill()

    run_in(place, work)


@pytest.mark.parametrize("victim", ["agent", "harness"])
def test_what_a_script_has_left_frozen_is_thawed_when_the_vm_ends(place: Path, victim: str) -> None:
    skip_without(FileSystem.EXT4)

    def work(place: Path) -> None:
        device, path = mount(place, "a", FileSystem.EXT4)
        test = harness()
        door = thawer.start(test.pidfd)

        def be_agent(sock: socket.socket) -> None:
            with frozen.opened([path]) as volumes:
                watchdog = Thawer(door, 1)
                watchdog.keep(volumes[0])
                watchdog.arm(volumes, 0.01)
                watchdog.release()
                frozen.freeze(volumes)
                wire.send(sock, {"word": "frozen"})
                signal.pause()

        agent = child(be_agent)
        assert agent.heard() == "frozen"
        with rescued([path]):
            (agent if victim == "agent" else test).kill()
            write(path)
        (test if victim == "agent" else agent).kill()
        disk_image.unmount(path, device)

    run_in(place, work)


def test_an_agent_that_hangs_itself_can_be_ended(place: Path) -> None:
    skip_without(FileSystem.EXT4)

    def work(place: Path) -> None:
        device, path = mount(place, "a", FileSystem.EXT4)
        test = harness()
        door = thawer.start(test.pidfd)

        def be_agent(sock: socket.socket) -> None:
            with frozen.opened([path]) as volumes:
                Thawer(door, 6).keep(volumes[0])
                watchdog = Thawer(door, 7)
                watchdog.keep(volumes[0])
                frozen.freeze(volumes)
                wire.send(sock, {"word": "frozen"})
                write(path)
                wire.send(sock, {"word": "written"})
                signal.pause()

        agent = child(be_agent)
        assert agent.heard() == "frozen"
        with rescued([path]):
            thawer.end(door, 5)
            thawer.end(door, 7)
            assert agent.heard() == "written"
        agent.kill()
        disk_image.unmount(path, device)
        test.kill()
        thawer.end(door, 7)

    run_in(place, work)


def test_signals_do_not_concern_it(place: Path) -> None:
    skip_without(FileSystem.EXT4)

    def work(place: Path) -> None:
        device, path = mount(place, "a", FileSystem.EXT4)
        test = harness()
        door = thawer.start(test.pidfd)
        agent = child(freezing(door, [path], 1))
        assert agent.heard() == "frozen"
        pids = watchdogs()
        assert len(pids) == 2
        for pid in pids:
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                os.kill(pid, number)
        with rescued([path]):
            agent.kill()
            write(path)
        disk_image.unmount(path, device)
        test.kill()

    run_in(place, work)


def watchdogs() -> list[int]:
    """Our watchdog, then the guards it has made."""
    found = []
    pending = [os.getpid()]
    while pending:
        pid = pending.pop(0)
        for name in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            if Path(f"/proc/{name}/comm").read_text(encoding="ascii").strip() == thawer.NAME:
                found.append(int(name))
                pending.append(int(name))
    return found


@pytest.fixture
def test_process() -> Iterator[Child]:
    made = harness()
    yield made
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        made.kill()
    os.close(made.pidfd)
    made.sock.close()


@pytest.fixture
def directories(tmp_path: Path) -> Iterator[list[Volume]]:
    with frozen.opened([str(tmp_path)] * 3) as volumes:
        yield volumes


def ends(pids: list[int]) -> None:
    """Wait until processes have ended, and bury our children."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            fd = os.pidfd_open(pid)
            assert select.select([fd], [], [], PATIENCE)[0], "the watchdog goes on for ever"
            os.close(fd)
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def test_it_holds_nothing_else(
    test_process: Child, directories: list[Volume], tmp_path: Path
) -> None:
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        door = thawer.start(test_process.pidfd)
        watchdog = Thawer(door, 1)
        watchdog.arm(directories)
        main, guard = pids = watchdogs()
    own = [*["/dev/null"] * 3, "anon_inode:[pidfd]", "socket", "socket"]
    assert held(main) == own, "the door and a bell"
    assert held(guard) == [*own, *[str(tmp_path)] * 3]
    watchdog.release()
    assert held(guard) == own
    assert [os.getsid(pid) for pid in pids] == pids
    watchdog.close()
    ends([guard])
    door.close()
    ends([main])


def held(pid: int) -> list[str]:
    """What a process has open, sorted; newer kernels give a pidfd a file system."""
    names = [os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")]
    plain = ["socket" if name.startswith("socket:") else name for name in names]
    plain = ["anon_inode:[pidfd]" if name.startswith("pidfd:") else name for name in plain]
    return sorted(plain, key=lambda name: (name != "/dev/null", name.startswith("/"), name))


def test_it_ends_when_the_harness_does(test_process: Child) -> None:
    door = thawer.start(test_process.pidfd)
    watchdog = Thawer(door, 1)
    watchdog.arm([])
    main, guard = watchdogs()
    test_process.kill()
    ends([main])
    watchdog.close()  # the agent may have been in the middle of a freeze until now
    ends([guard])
    door.close()


def test_after_the_end_of_its_vm_nothing_is_armed(
    test_process: Child, directories: list[Volume]
) -> None:
    door = thawer.start(test_process.pidfd)
    watchdog = Thawer(door, 1)
    watchdog.arm(directories)
    main, guard = watchdogs()
    thawer.end(door, 1)
    with contextlib.closing(Thawer(door, 2)) as another:
        another.arm([])  # answered in turn: the end has been heard
    with pytest.raises(ThawerGone) as caught:
        watchdog.arm(directories)
    assert str(caught.value) == GONE
    ends([guard])
    door.close()
    ends([main])


def test_guards_that_have_ended_leave_nothing(test_process: Child) -> None:
    door = thawer.start(test_process.pidfd)
    for number in range(5):
        watchdog = Thawer(door, number)
        watchdog.arm([])
        main, guard = watchdogs()
        watchdog.close()
        ends([guard])
    watchdog = Thawer(door, 5)
    watchdog.arm([])
    assert len(held(main)) == 6, "one bell"
    watchdog.close()
    door.close()
    ends([main])


def test_more_directories_than_go_into_one_message(test_process: Child, tmp_path: Path) -> None:
    door = thawer.start(test_process.pidfd)
    watchdog = Thawer(door, 1)
    with frozen.opened([str(tmp_path)] * 50) as volumes:
        watchdog.arm(volumes)
    assert len([name for name in held(watchdogs()[1]) if name == str(tmp_path)]) == 50
    watchdog.close()
    pids = watchdogs()
    door.close()
    ends(pids)


def test_a_watchdog_that_may_not_hold_so_many(test_process: Child, tmp_path: Path) -> None:
    door = thawer.start(test_process.pidfd)
    watchdog = Thawer(door, 1)
    watchdog.arm([])
    main, guard = watchdogs()
    resource.prlimit(guard, resource.RLIMIT_NOFILE, (20, 20))
    with (
        frozen.opened([str(tmp_path)] * 40) as volumes,
        pytest.raises(OSError, match="Too many open files") as caught,
    ):
        watchdog.arm(volumes)
    assert caught.value.errno == errno.EMFILE
    ends([guard])
    door.close()
    ends([main])


def test_without_a_watchdog_nothing_may_be_frozen(
    test_process: Child, directories: list[Volume]
) -> None:
    door = thawer.start(test_process.pidfd)
    first, second = Thawer(door), Thawer(door)
    assert second.release() == 0
    first.arm(directories)
    main, guard = watchdogs()
    os.kill(guard, signal.SIGKILL)
    with pytest.raises(ThawerGone) as caught:
        first.release()
    assert str(caught.value) == GONE
    os.kill(main, signal.SIGKILL)
    ends([main])
    for watchdog in (first, second):
        with pytest.raises(ThawerGone) as caught:
            watchdog.arm(directories)
        assert str(caught.value) == GONE
    door.close()


def test_killed_at_random_moments(place: Path) -> None:
    for kind in FileSystem:
        skip_without(kind)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.freeze_kill", "6", "1000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("left: 0 frozen, 0 mounts, 0 devices, 0 processes") == 3, done.stdout
