"""Putting the virtual clock of one VM together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .file_times import FileTimes, IsOurs, of_nobody
from .keeper import VirtualKeeper
from .keeping import Keeper, RealKeeper
from .kernel import Kernel
from .reads import Uptime
from .shift import Shift
from .syncs import Written, unwritten


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the clock must know of its VM.

    Args:
        members: lists its processes.
        shares_machine: whether its processes and files are among the machine's.
        shares_network: whether its network is the machine's.
        is_own_file: tells its own files from the machine's.
        written: makes what keeps in mind which of them are on the disk, from the VM's clock.
        uptime: a descriptor of the file that lies over /proc/uptime, or None.
    """

    members: Callable[[], list[int]]
    shares_machine: bool
    shares_network: bool
    is_own_file: IsOurs = of_nobody
    written: Callable[[Callable[[], int]], Written] = unwritten
    uptime: int | None = None


def keeper(
    spec: dict[str, Any] | None, vm: Surroundings
) -> Callable[[Callable[[int, int], None]], Keeper]:
    """What makes the keeper of a VM's time.

    Args:
        spec: the virtual clock as it was asked for, or None for the machine's own.
        vm: the VM.

    Returns:
        A function that is told whom to tell of a child that has ended.
    """
    if spec is None:
        return lambda on_exit: RealKeeper()
    kernel = Kernel.here()

    def make(on_exit: Callable[[int, int], None]) -> Keeper:
        machine, shift = kernel.machine, Shift(spec["start"])
        return VirtualKeeper(
            kernel,
            shift,
            vm.members,
            on_exit,
            FileTimes(machine, shift, vm.is_own_file),
            vm.written(shift.now),
            Uptime(vm.uptime, shift),
            shared=vm.shares_machine,
            shares_network=vm.shares_network,
        )

    return make
