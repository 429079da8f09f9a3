"""Killed while frozen: ``python -m benchmarks.freeze_kill [KILLS] [LIMIT_MS]``. Needs root.

A harness has a VM with a volume of each type. During a backup, frozen and with a writer at work on
it, the harness is killed with SIGKILL at a random moment. Then it is measured how long the writer
hangs, and counted what is left: frozen file systems, mounts, loop devices, processes. The writer is
outside the VM: a process inside would be killed too, and could not tell.

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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pytest_vmsnapshot import virtual_machine
from pytest_vmsnapshot.guest import frozen, loop_device, wire
from pytest_vmsnapshot.guest.disk_image import FileSystem
from pytest_vmsnapshot.guest.loop_device import Departure, LoopDevice, StillAttached

SIZES = {FileSystem.EXT4: 64 << 20, FileSystem.XFS: 300 << 20, FileSystem.BTRFS: 128 << 20}
DIRTY = 20
"""MiB written just before the freeze, at most."""

PRE = """#!/bin/sh
dd if=/dev/zero of={place}/dirty bs=1M count={dirty} 2> /dev/null
"""

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
    place = f"/srv/{token}"
    moment = "freezing" if index // len(FileSystem) % 2 else "frozen"
    ours, theirs = wire.socket_pair()
    with tempfile.TemporaryDirectory() as nodes, Departure() as departure, ours:
        with theirs:
            words = [kind.value, place, str(dice.randrange(DIRTY))]
            harness = subprocess.Popen(
                [sys.executable, "-m", __spec__.name, "harness", *words],
                stdin=theirs.fileno(),
                env={**os.environ, TOKEN: token},
            )
        hear(ours, "ready").close()
        processes = Processes(token)
        agent, target = opened(processes.numbers(), f"{place}/written")
        devices = devices_of(processes.numbers(), nodes)
        assert len(devices) == 2, "its own, and that of the store"
        wire.send(ours, {})
        writer = Writer(target)
        hear(ours, moment).close()
        processes.look()
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
        went_on = writer.stop(killed, blamed)
        os.close(target)
        os.close(agent)
        left: frozenset[int] = frozenset()
        try:
            departure.wait(devices, PATIENCE)
        except StillAttached as error:
            left = error.numbers
        rest = {"mounts": mounts_of(place), "devices": len(left), "processes": alive}
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
                held_up.append((began, ended))
            offset = (offset + len(PIECE)) % WINDOW
        wire.receive(end).close()
        wire.send(end, {"held_up": held_up})

    def stop(self, killed: float, blamed: float) -> float | None:
        """End, and tell when the last write went on that hung between two moments."""
        wire.send(self._end, {"stop": True})
        assert select.select([self._end], [], [], PATIENCE)[0], "a write hangs for ever"
        held_up = wire.receive(self._end).body["held_up"]
        self._end.close()
        os.waitpid(self._pid, 0)
        hung = [ended for began, ended in held_up if began <= blamed and ended > killed]
        return max(hung, default=None)


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

    def numbers(self) -> list[int]:
        """Their numbers."""
        return list(self._fds.values())

    def look(self) -> None:
        """Take in those that are there now. One that is dying has no environment any more."""
        for pid in set(carrying(self._token)) - set(self._fds.values()):
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


def opened(pids: Iterable[int], path: str) -> tuple[int, int]:
    """Of the one process that has a file in its root, a pidfd, and the file."""
    for pid in pids:
        with contextlib.suppress(OSError):
            target = os.open(f"/proc/{pid}/root{path}", os.O_RDWR)
            return os.pidfd_open(pid), target
    raise FileNotFoundError(path)


def devices_of(pids: Iterable[int], nodes: str) -> list[LoopDevice]:
    """Loop devices that are mounted in the mount namespaces of some processes."""
    marks = loop_device.attached(nodes)
    mounted = set()
    for pid in pids:
        for line in Path("/proc", str(pid), "mountinfo").read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[words.index("-") + 1] == "btrfs":  # which has a number of its own making
                mounted.add(number_of(pid, words[words.index("-") + 2]))
            mounted.add(words[2])
    return [
        LoopDevice(number, f"{nodes}/loop{number}", mark, direct_io=True)
        for number, mark in marks.items()
        if Path(f"/sys/block/loop{number}/dev").read_text(encoding="ascii").strip() in mounted
    ]


def number_of(pid: int, node: str) -> str:
    """The number of the device behind a node that a process sees."""
    with contextlib.suppress(OSError):
        device = os.stat(f"/proc/{pid}/root{node}").st_rdev
        return f"{os.major(device)}:{os.minor(device)}"
    return ""


def mounts_of(directory: str) -> int:
    """Mounts at a path, in the mount namespace of any process."""
    lines = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                text = Path("/proc", name, "mountinfo").read_text(encoding="utf-8")
                lines |= {line for line in text.splitlines() if directory in line}
    return len(lines)


def be_harness(kind: FileSystem, place: str, dirty: int) -> None:
    """Take a backup of a VM, and wait to be killed once it is frozen."""
    control = socket.socket(fileno=os.dup(0))
    with virtual_machine(storage="loop", clock="real") as vm:
        vm.volume(place, fstype=kind.value, size=SIZES[kind])
        vm.write(f"{place}/written", "")
        vm.install(pre=PRE.format(place=place, dirty=dirty), post="#!/bin/sh\n")
        vm.on("after_pre", lambda _: wire.send(control, {"word": "freezing"}))
        vm.on("frozen", lambda _: wire.send(control, {"word": "frozen"}))
        vm.on("frozen", lambda _: signal.pause())
        wire.send(control, {"word": "ready"})
        wire.receive(control)
        vm.backup()


if __name__ == "__main__":
    if sys.argv[1:2] == ["harness"]:
        be_harness(FileSystem(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        numbers = [float(word) for word in sys.argv[1:]]
        kills, limit, *_ = [*numbers, *[100.0, 50.0][len(numbers) :]]
        sys.exit(main(int(kills), limit))
