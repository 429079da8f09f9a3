"""What is the same for all virtual clocks on a machine."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from .machine import Machine, this_machine
from .seccomp import Filter
from .vdso import Vdso


@dataclass(frozen=True, slots=True)
class Kernel:
    """What is the same for all virtual clocks on a machine.

    Args:
        machine: what this runs on.
        filtered: the filter.
        vdso: the vDSO.
    """

    machine: Machine
    filtered: Filter
    vdso: Vdso

    @staticmethod
    @functools.cache
    def here() -> Kernel:
        """Work it out, once: a VM's agent has it from the process it is forked from.

        Raises:
            OSError: there can be no virtual clock here.
        """
        machine = this_machine()
        if machine is None:
            raise OSError("the system calls of this machine are not known")
        return Kernel(machine, Filter(machine), Vdso.of_this_kernel(machine))
