"""What the virtual clock costs and saves: ``python -m benchmarks.clock [ROUNDS]``."""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import interleaved, table
from pytest_vmsnapshot.machine import VirtualMachine
from pytest_vmsnapshot.running import Workshop
from pytest_vmsnapshot.settings import Source

NOTHING = "#!/bin/sh\n"

HUNDRED = "i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done"

READS = "import time\nfor i in range({count}): time.monotonic()\n"

_LATEST = 20.1


def main() -> None:
    """Print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    workshop = Workshop(Path.cwd(), Path.cwd())
    with contextlib.ExitStack() as stack:
        stack.callback(workshop.close)

        def machine(clock: str) -> VirtualMachine:
            source = Source("benchmark", {"clock": clock})
            vm = stack.enter_context(workshop.make([source], Path.cwd(), None))
            vm.install(pre=NOTHING, post=NOTHING)
            return vm

        virtual, real = machine("virtual"), machine("real")
        print(f"{virtual!r}, {rounds} rounds, {os.cpu_count()} processors")
        print("\n".join(skipped(machine("virtual"), rounds)))
        print("\n".join(two_no_ops(virtual, real, rounds)))
        print("\n".join(hundred_programs(virtual, real, max(1, rounds // 2))))


def skipped(vm: VirtualMachine, rounds: int) -> list[str]:
    """A backup that waits for its limit, and a sleep."""
    vm.install(pre="#!/bin/sh\nsleep 3600\n", post=NOTHING, timeout=1800)
    backups = [vm.backup() for _ in range(rounds)]
    for backup in backups:
        backup.assert_error("Pre-ScriptTimeout")
    took = statistics.median(backup.real_duration for backup in backups) * 1000
    slept = [_slept(vm) for _ in range(rounds)]
    return [
        f"pre-script past timeoutInSeconds 1800: median {took:.1f} ms of real time (must be < 50)",
        f"sleep 20: {min(slept):.3f} to {max(slept):.3f} s of the VM's clock "
        f"(must be 20.0 to {_LATEST})",
    ]


def _slept(vm: VirtualMachine) -> float:
    times = vm.run("date +%s.%N; sleep 20; date +%s.%N").stdout.split()
    return float(times[1]) - float(times[0])


def two_no_ops(virtual: VirtualMachine, real: VirtualMachine, rounds: int) -> list[str]:
    """A backup of two scripts that do nothing."""
    return _compare("backup of two no-op scripts", virtual.backup, real.backup, rounds, 2.0)


def hundred_programs(virtual: VirtualMachine, real: VirtualMachine, rounds: int) -> list[str]:
    """A hundred programs one after the other, against the same without any VM."""

    def bare() -> None:
        os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", HUNDRED], os.environ), 0)

    lines = _compare("100 x /bin/true", lambda: virtual.run(HUNDRED), bare, rounds, 1.6)
    reads = ["python3", "-c", READS.format(count=100_000)]
    lines += _compare(
        "python3, 100,000 clock reads",
        lambda: virtual.run(reads),
        lambda: real.run(reads),
        max(1, rounds // 5),
    )
    return lines


def _compare(
    what: str,
    virtual: Callable[[], object],
    other: Callable[[], object],
    rounds: int,
    most: float | None = None,
) -> list[str]:
    baseline = "the machine's clock"
    for work in (virtual, other):  # warm
        work()
    medians = interleaved({baseline: other, "virtual clock": virtual}, rounds)
    goal = "" if most is None else f"must be at most {most:g} x"
    return [f"{what}:", *table(medians, baseline, {"virtual clock": goal})]


if __name__ == "__main__":
    began = time.perf_counter()
    main()
    print(f"took {time.perf_counter() - began:.1f} s")
