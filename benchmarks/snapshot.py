"""What a recovery point costs beside ``cp``: ``python -m benchmarks.snapshot [ROUNDS]``.

A VM of its own for each round and each kind of data. ``cp -a --reflink=auto`` copies the same files
on the same file system (a tmpfs, or the volume's own), started by the VM's own shell, right after
the recovery points were made. Paused is from the freeze to the thaw; copied is the snapshot itself.
What is unchanged is linked only when somebody looks, which has rows of its own.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pytest_vmsnapshot.backup import Backup, Step
from pytest_vmsnapshot.machine import VirtualMachine
from pytest_vmsnapshot.running import Workshop
from pytest_vmsnapshot.settings import Source

FILES = 10_000

NOTHING = "#!/bin/sh\n"

MANY_FILES = f"""
text=$(head -c 4000 /dev/zero | tr '\\0' x)
mkdir /data/tree
i=0
while [ $i -lt {FILES} ]; do
    [ $((i % 100)) != 0 ] || mkdir /data/tree/$((i / 100))
    printf '%.*s' $((i % 4000)) "$text" > /data/tree/$((i / 100))/$i
    i=$((i + 1))
done
"""

SPARSE = """
mkdir /data/tree
head -c 100M /dev/urandom | dd of=/data/tree/image bs=1M seek=400 iflag=fullblock status=none
truncate -s 1G /data/tree/image
"""

CHANGE = f"""
i=0
while [ $i -lt {FILES} ]; do echo changed > /data/tree/$((i / 100))/$i; i=$((i + 100)); done
"""

CP = "cp -a --reflink=auto /data/tree /data/copy"

_SHARING = ("xfs", "btrfs")
"""File systems on which cp shares the blocks of a large file, too."""

_SETTLE_SECONDS = 0.05
"""Files changed in the last ticks before a recovery point are looked into at the next one."""


@dataclass(slots=True)
class Row:
    """One line of the table.

    Args:
        name: what was done.
        goal: how it compares to cp at most, or empty.
        paused: milliseconds of each round.
        copied: milliseconds of each round.
        baseline: milliseconds cp took in each round.
    """

    name: str
    goal: str = ""
    paused: list[float] = field(default_factory=list)
    copied: list[float] = field(default_factory=list)
    baseline: list[float] = field(default_factory=list)

    def line(self, width: int) -> str:
        """The medians, and their ratios to that of cp."""
        baseline = statistics.median(self.baseline)
        copied = statistics.median(self.copied)
        paused = " " * 28
        if self.paused:
            took = statistics.median(self.paused)
            paused = f"paused {took:7.1f} ms  {took / baseline:5.2f} x  "
        text = (
            f"{self.name:<{width}}  {paused}"
            f"copied {copied:7.1f} ms  {copied / baseline:5.2f} x  cp {baseline:7.1f} ms"
        )
        return f"{text}  {self.goal}".rstrip()


def main() -> None:
    """Print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    workshop = Workshop(Path.cwd(), Path.cwd())
    try:
        rows = [*many_files(workshop, rounds), *sparse_file(workshop, rounds)]
        if os.geteuid() == 0:
            rows += loop(workshop, rounds)
        else:
            print("no rows for the storage loop: only root may mount images")
    finally:
        workshop.close()
    print(f"{rounds} rounds, {len(os.sched_getaffinity(0))} processors; medians, and cp = 1.0")
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(row.line(width))


def many_files(workshop: Workshop, rounds: int) -> list[Row]:
    """Ten thousand small files: all of them, after a change of one in a hundred, and all read."""
    first = Row(f"(a) {FILES} files, first", "must be <= 1.0")
    second = Row("(c) 1 % changed, second", "must be <= 0.2")
    third = Row("    every file read, third")
    seen = Row("    its first look (makes a VM)")
    linked = Row("    its first look (links 9,900 files)")
    for _ in range(rounds):
        with machine(workshop) as vm:
            vm.run(MANY_FILES, check=True)
            settled(vm)
            backups = [vm.backup()]
            vm.run(CHANGE, check=True)
            settled(vm)
            backups.append(vm.backup())
            took = timed(CP, vm)
            looks = [time_of_look(backup) for backup in backups]
            vm.run("rm -r /data/copy", check=True)
            backups.append(vm.backup())
        for row, backup in zip((first, second, third), backups, strict=True):
            note(row, backup, took)
        for row, look in zip((seen, linked), looks, strict=True):
            row.copied.append(look)
            row.baseline.append(took)
    return [first, seen, second, linked, third]


def sparse_file(workshop: Workshop, rounds: int) -> list[Row]:
    """One file of a gibibyte, of which a tenth is used."""
    row = Row("(b) 1 GiB sparse, 100 MiB used", "must be <= 1.0")
    again = Row("    unchanged, second", "must be <= 0.2")
    for _ in range(rounds):
        with machine(workshop) as vm:
            vm.run(SPARSE, check=True)
            settled(vm)
            backups = [vm.backup(), vm.backup()]
            took = timed(CP, vm)
        for each, backup in zip((row, again), backups, strict=True):
            note(each, backup, took)
    return [row, again]


def loop(workshop: Workshop, rounds: int) -> list[Row]:
    """The storage that clones images, beside cp on the same real file system."""
    rows = []
    for fstype in ("ext4", "xfs", "btrfs"):
        for name, script in ((f"{FILES} files", MANY_FILES), ("sparse", SPARSE)):
            itself = script is SPARSE and fstype in _SHARING
            goal = "no goal: here cp clones, too" if itself else "must be <= 0.05"
            row = Row(f"(l) {fstype}, {name}, cloned", goal)
            for _ in range(rounds):
                with machine(workshop, "loop") as vm:
                    vm.volume("/data", fstype=fstype, size="2G")
                    vm.run(script, check=True)
                    vm.run("sync", check=True)
                    backup = vm.backup()
                    note(row, backup, timed(CP, vm))
            rows.append(row)
    return rows


def time_of_look(backup: Backup) -> float:
    """Milliseconds until a recovery point can be read."""
    start = time.perf_counter()
    assert backup.recovery_point is not None
    assert backup.recovery_point.exists("/data/tree/0/1")
    return (time.perf_counter() - start) * 1000


@contextlib.contextmanager
def machine(workshop: Workshop, storage: str = "pause-and-copy") -> Iterator[VirtualMachine]:
    """A VM with two scripts that do nothing, by the machine's own clock."""
    asked = {"clock": "real", "storage": storage, "disk_size": "4G"}
    with workshop.make([Source("benchmark", asked)], Path.cwd()) as vm:
        vm.install(pre=NOTHING, post=NOTHING)
        yield vm


def settled(vm: VirtualMachine) -> None:
    """Let the ticks pass in which files were changed."""
    vm.wait(_SETTLE_SECONDS)


def timed(command: str, vm: VirtualMachine) -> float:
    """Milliseconds a command on the VM takes."""
    start = time.perf_counter()
    vm.run(command, check=True)
    return (time.perf_counter() - start) * 1000


def note(row: Row, backup: Backup, baseline: float) -> None:
    """Take in one backup, and what cp took for the same."""
    at = {event.step: event.at for event in backup.events}
    copied = next(event.text for event in backup.events if event.step is Step.SNAPSHOT)
    row.paused.append((at[Step.THAW] - at[Step.FREEZE]) * 1000)
    row.copied.append(float(copied.split(" in ")[1].split()[0]))
    row.baseline.append(baseline)


if __name__ == "__main__":
    main()
