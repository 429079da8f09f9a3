"""What a backup costs: ``python -m benchmarks.lifecycle [ROUNDS]``."""

from __future__ import annotations

import gc
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import interleaved, table
from pytest_vmsnapshot.machine import VirtualMachine
from pytest_vmsnapshot.running import Workshop
from pytest_vmsnapshot.settings import Source

NOTHING = "#!/bin/sh\n"

TWO_GIGABYTES = "#!/bin/sh\nhead -c 2000000000 /dev/zero\n"

DAEMONS = """#!/bin/sh
for i in 1 2 3 4 5 6 7 8; do
    (trap '' TERM HUP INT; setsid sh -c 'trap "" TERM; sleep 1000; sleep 1000' &) &
done
sleep 1000
"""

GOALS = {
    "backup on a warm VM": "goal 1.7, must 2.5",
    "fresh VM, backup, teardown": "goal 5, must 8",
}


def main() -> None:
    """Print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    workshop = Workshop(Path.cwd(), Path.cwd())
    try:
        with machine(workshop) as vm, tempfile.TemporaryDirectory() as directory:
            print(f"{vm!r}, {rounds} rounds, {os.cpu_count()} processors")
            for line in lifecycle(workshop, vm, Path(directory), rounds):
                print(line)
        print(
            f"memory grown by a script that prints 2 GB: {memory(workshop):.1f} MiB (must be < 8)"
        )
        late, worst = lateness(workshop, 20)
        print(
            f"tree of 17 daemons dead after the deadline: median {late:.1f} ms, "
            f"worst of 20 {worst:.1f} ms (must be < 20)"
        )
    finally:
        workshop.close()


@contextmanager
def machine(workshop: Workshop) -> Iterator[VirtualMachine]:
    """A VM with two scripts that do nothing."""
    real = Source("benchmark", {"clock": "real"})  # what the virtual one costs: benchmarks.clock
    with workshop.make([real], Path.cwd(), None) as vm:
        vm.install(pre=NOTHING, post=NOTHING)
        yield vm


def lifecycle(workshop: Workshop, vm: VirtualMachine, directory: Path, rounds: int) -> list[str]:
    """Compare a backup with starting the same two scripts."""
    scripts = [str(directory / "pre"), str(directory / "post")]
    for script in scripts:
        Path(script).write_text(NOTHING)

    def spawned() -> None:
        for script in scripts:
            os.waitpid(os.posix_spawn("/bin/sh", ["sh", script], os.environ), 0)

    def in_one_shell() -> None:
        command = f"sh {scripts[0]}; sh {scripts[1]}"
        os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", command], os.environ), 0)

    def fresh() -> None:
        with machine(workshop) as other:
            other.backup()

    names = ("posix_spawn of sh pre, of sh post", "posix_spawn of sh -c 'sh pre; sh post'")
    medians = interleaved(
        {
            names[0]: spawned,
            names[1]: in_one_shell,
            "backup on a warm VM": vm.backup,
            "fresh VM, backup, teardown": fresh,
        },
        rounds,
    )
    stricter, other = (table(medians, name, GOALS) for name in names)
    return [
        f"ratios to two bare spawns ({names[0]}):",
        *stricter,
        f"the same to one spawn of a shell ({names[1]}):",
        *other[2:],
    ]


def memory(workshop: Workshop) -> float:
    """Growth of this process's peak memory, in MiB."""
    with machine(workshop) as vm:
        vm.backup()
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        vm.install(pre=TWO_GIGABYTES, post=NOTHING, timeout=600)
        backup = vm.backup()
        assert backup.pre is not None
        assert backup.pre.last.output.dropped > 1_900_000_000
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def lateness(workshop: Workshop, rounds: int) -> tuple[float, float]:
    """Milliseconds after a script's deadline at which nothing of it is alive any more."""
    late = []
    with machine(workshop) as vm:
        vm.install(pre=DAEMONS, post=NOTHING, timeout=1)
        for _ in range(rounds):
            start = time.perf_counter()
            backup = vm.backup()
            assert backup.pre is not None
            assert backup.pre.last.stopped_processes >= 17, backup.explain()
            assert vm.run("kill -0 -1").exit_status != 0
            assert time.perf_counter() - start < 30
            late.append((backup.pre.ended - backup.pre.started - 1.0) * 1000)
    return statistics.median(late), max(late)


if __name__ == "__main__":
    main()
