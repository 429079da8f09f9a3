"""Killed while frozen: ``python -m benchmarks.freeze_kill [KILLS] [LIMIT_MS]``. Needs root.

A harness has a file system of each type frozen, with a writer at work on it, and is killed with
SIGKILL at a random moment. Then it is measured how long the writer hangs, and counted what is left:
frozen file systems, mounts, loop devices, processes. The writer is outside the VM: a process inside
would be killed too, and could not tell.

Every other kill comes while the file system is only being frozen, with data still to be written.
The kernel cannot be stopped there, and lets nobody thaw or die before it is ready (it waits for
three grace periods of RCU, of 14 ms each on a busy machine). So the time counts from the agent's
death then; that from the kill is shown beside it.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pytest_vmsnapshot import syscalls
from pytest_vmsnapshot.guest import disk_image, frozen, image_store, loop_device, thawer, wire
from pytest_vmsnapshot.guest.disk_image import FileSystem
from pytest_vmsnapshot.guest.loop_device import Departure, LoopDevice, StillAttached

SIZES = {FileSystem.EXT4: 64 << 20, FileSystem.XFS: 300 << 20, FileSystem.BTRFS: 128 << 20}
STORE = 1 << 30
DIRTY = 20 << 20
"""Bytes written just before the freeze, at most."""

PIECE = bytes(64 * 1024)
WINDOW = 16 << 20
"""Bytes of the file that the writer writes again and again."""

LATEST = 0.05
"""Seconds after which it is killed at the latest, in the frozen window or while it is made."""

BLOCKED = 0.001
"""Seconds: a write that takes longer has been held up."""

PAUSE = 0.0005
"""Seconds between two writes."""

PATIENCE = 10.0
"""Seconds for what was killed to be gone."""

TOKEN = "VMSNAPSHOT_FREEZE_KILL"


def main(kills: int, limit: float) -> int:
    """Kill, print what was found, and return the exit status."""
    if os.geteuid() != 0:
        print("only root may freeze file systems: sudo python -m benchmarks.freeze_kill")
        return 2
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    print(f"{kills} kills at random moments (seed {seed}); must be: at most {limit:g} ms, 0 left")
    kinds = list(FileSystem)
    found = {kind: Found() for kind in kinds}
    for index in range(kills):
        found[kinds[index % len(kinds)]].add(kill_once(kinds[index % len(kinds)], index, dice))
    for kind, row in found.items():
        print(kind.value, *row.lines(), sep="\n")
    return int(any(not row.good(limit) for row in found.values()))


@dataclass(frozen=True, slots=True)
class Kill:
    """What one kill came to.

    Args:
        moment: ``frozen``, or ``freezing`` while it was being frozen.
        held_up: milliseconds after the kill at which a write went on that had been held up; None
            if none was.
        delay: of these, those for which the watchdog is to blame.
        left: what was left, and how many.
    """

    moment: str
    held_up: float | None
    delay: float
    left: dict[str, int]


@dataclass(slots=True)
class Found:
    """All kills with one type of file system."""

    kills: list[Kill] = field(default_factory=list)

    def add(self, kill: Kill) -> None:
        """Count one more."""
        self.kills.append(kill)

    def good(self, limit: float) -> bool:
        """Whether nothing hung for longer than this, and nothing is left."""
        return all(kill.delay < limit and not any(kill.left.values()) for kill in self.kills)

    def lines(self) -> list[str]:
        """What there is to tell."""
        lines = []
        for moment, phrase in (("frozen", "frozen"), ("freezing", "while being frozen")):
            kills = [kill for kill in self.kills if kill.moment == moment]
            held_up = [kill.held_up for kill in kills if kill.held_up is not None]
            line = f"{len(kills):4} kills {phrase}, {len(held_up):4} with a write held up"
            if held_up:
                delays = [kill.delay for kill in kills if kill.held_up is not None]
                line += f": it went on after {_median_and_most(delays)}"
                if moment == "freezing":
                    line += f", from the kill {_median_and_most(held_up)}"
            lines.append(line)
        left = {
            name: sum(kill.left[name] for kill in self.kills)
            for name in ("frozen", "mounts", "devices", "processes")
        }
        lines.append("     left: " + ", ".join(f"{count} {name}" for name, count in left.items()))
        return lines


def _median_and_most(values: list[float]) -> str:
    return f"{statistics.median(values):5.1f} ms (max {max(values):5.1f})"


def kill_once(kind: FileSystem, index: int, dice: random.Random) -> Kill:
    """Kill one harness, in the frozen window or, every other time, while that is made."""
    token = secrets.token_hex(8)
    moment = "freezing" if index // len(FileSystem) % 2 else "frozen"
    ours, theirs = wire.socket_pair()
    with tempfile.TemporaryDirectory() as directory, Departure() as departure, ours:
        place, nodes = Path(directory, "place"), Path(directory, "nodes")
        place.mkdir()
        nodes.mkdir()
        with theirs:
            harness = subprocess.Popen(
                [sys.executable, "-m", __spec__.name, "harness", kind.value, str(place)],
                stdin=theirs.fileno(),
                env={**os.environ, TOKEN: token},
            )
        ready = hear(ours, "ready")
        target, agent = ready.take(), ready.take()
        before = set(loop_device.attached(str(nodes)).values())
        devices = [
            LoopDevice(number, f"{nodes}/loop{number}", mark, direct_io=True)
            for number, mark in ready.body["devices"]
        ]
        assert before >= {device.mark for device in devices}
        writer = Writer(target)
        wire.send(ours, {"dirty": dice.randrange(DIRTY)})
        hear(ours, "freezing").close()
        processes = Processes(token)
        if moment == "frozen":
            hear(ours, "frozen").close()
        select.select([], [], [], dice.uniform(0.0, LATEST))
        killed = time.monotonic()
        harness.send_signal(signal.SIGKILL)
        blamed = killed
        if moment == "freezing":
            select.select([agent], [], [], PATIENCE)
            blamed = time.monotonic()
        alive = processes.wait()
        harness.wait()
        still = rescue(target)
        went_on = writer.stop(killed)
        os.close(target)
        os.close(agent)
        left: frozenset[int] = frozenset()
        try:
            departure.wait(devices, PATIENCE)
        except StillAttached as error:
            left = error.numbers
        rest = {"mounts": mounts_of(directory), "devices": len(left), "processes": alive}
        return Kill(
            moment,
            None if went_on is None else (went_on - killed) * 1000,
            0.0 if went_on is None else max(0.0, went_on - blamed) * 1000,
            {"frozen": still, **rest},
        )


def hear(sock: socket.socket, word: str) -> wire.Received:
    """Wait for a message of the agent."""
    while True:
        readable, _, _ = select.select([sock], [], [], PATIENCE)
        assert readable, f"no word of {word!r}"
        received = wire.receive(sock)
        if received.body["word"] == word:
            return received
        received.close()


class Writer:
    """Writes all the time, in a process of its own, and notes how long it was held up.

    Args:
        fd: descriptor of a file on the file system.
    """

    def __init__(self, fd: int) -> None:
        self._end, end = wire.socket_pair()
        self._pid = os.fork()
        if self._pid == 0:
            self._end.close()
            try:
                self._write(fd, end)
            finally:
                os._exit(0)
        end.close()

    def _write(self, fd: int, end: socket.socket) -> None:
        held_up = []
        offset = 0
        while not select.select([end], [], [], PAUSE)[0]:
            began = time.monotonic()
            os.pwrite(fd, PIECE, offset)
            ended = time.monotonic()
            if ended - began > BLOCKED:
                held_up.append(ended)
            offset = (offset + len(PIECE)) % WINDOW
        wire.receive(end).close()
        wire.send(end, {"held_up": held_up})

    def stop(self, since: float) -> float | None:
        """End, and tell when the last write went on that was held up at some moment or later."""
        wire.send(self._end, {"stop": True})
        assert select.select([self._end], [], [], PATIENCE)[0], "a write hangs for ever"
        held_up = wire.receive(self._end).body["held_up"]
        self._end.close()
        os.waitpid(self._pid, 0)
        return max((moment for moment in held_up if moment > since), default=None)


def rescue(target: int) -> int:
    """Thaw what should not be frozen any more; returns how many file systems it was needed for."""
    volume = frozen.Volume("", target)
    return int(frozen.thaw([volume])[0].outcome is not frozen.Thaw.WAS_NOT_FROZEN)


class Processes:
    """The processes of one harness.

    Args:
        token: in the environment of each.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._fds: dict[int, int] = {}
        self.look()

    def look(self) -> None:
        """Take in those that are there now. One that is dying has no environment any more."""
        for pid in carrying(self._token):
            with contextlib.suppress(ProcessLookupError):
                self._fds[os.pidfd_open(pid)] = pid

    def wait(self) -> int:
        """Wait until all have ended; returns how many have not."""
        deadline = time.monotonic() + PATIENCE
        poller = select.poll()
        for fd in self._fds:
            poller.register(fd, select.POLLIN)
        while self._fds:
            ended = poller.poll(max(0.0, deadline - time.monotonic()) * 1000)
            if not ended:
                break
            for fd, _ in ended:
                poller.unregister(fd)
                os.close(fd)
                del self._fds[fd]
        return len(self._fds) + sum(1 for _ in carrying(self._token))


def carrying(token: str) -> Iterator[int]:
    """Living processes with the token in their environment."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if f"{TOKEN}={token}".encode() in Path("/proc", name, "environ").read_bytes():
                    yield int(name)


def mounts_of(directory: str) -> int:
    """Mounts below a directory, in the mount namespace of any process."""
    lines = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                text = Path("/proc", name, "mountinfo").read_text(encoding="utf-8")
                lines |= {line for line in text.splitlines() if directory in line}
    return len(lines)


def be_harness(kind: FileSystem, place: str) -> None:
    """Have a watchdog and an agent, and wait to be killed."""
    door = thawer.start(os.pidfd_open(os.getpid()))
    syscalls.unshare(syscalls.CLONE_NEWPID)
    if os.fork() == 0:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        be_agent(kind, place, door)
    os.close(0)
    door.close()
    signal.pause()


def be_agent(kind: FileSystem, place: str, door: socket.socket) -> None:
    """Have a file system, freeze it when asked to, and wait to be killed."""
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("tmpfs", place, "tmpfs")
    nodes, target, store_place = f"{place}/nodes", f"{place}/volume", f"{place}/store"
    for directory in (nodes, target, store_place):
        os.mkdir(directory)
    store = image_store.make(store_place, nodes, STORE)
    image = disk_image.create(f"{store.directory}/image", kind, SIZES[kind])
    device = disk_image.mount(image, kind, target, nodes)
    devices = [device, store.device] if store.device is not None else [device]
    marks = [(device.number, device.mark) for device in devices]
    control = socket.socket(fileno=os.dup(0))
    os.close(0)
    file = os.open(f"{target}/written", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    wire.send(control, {"word": "ready", "devices": marks}, [file, os.pidfd_open(os.getpid())])
    os.close(file)
    dirty = wire.receive(control).body["dirty"]
    with open(f"{target}/dirty", "wb", buffering=0) as out:
        out.write(bytes(dirty))
    with frozen.opened([target]) as volumes:
        watched = thawer.Thawer(door)
        deadline = watched.arm(volumes)
        wire.send(control, {"word": "freezing"})
        frozen.freeze(volumes, deadline)
        wire.send(control, {"word": "frozen"})
        signal.pause()


if __name__ == "__main__":
    if sys.argv[1:2] == ["harness"]:
        be_harness(FileSystem(sys.argv[2]), sys.argv[3])
    else:
        numbers = [float(word) for word in sys.argv[1:]]
        kills, limit, *_ = [*numbers, *[100.0, 50.0][len(numbers) :]]
        sys.exit(main(int(kills), limit))
