"""What a VM's agent asks of whoever keeps its time, and the keeper of the machine's own time."""

from __future__ import annotations

import errno
import os
import select
import signal
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from .shift import SECOND


@dataclass(frozen=True, slots=True)
class Program:
    """A program to start.

    Args:
        path: the file to execute.
        argv: its arguments, its own name first.
        env: its environment.
        stdin: descriptor it reads.
        output: descriptor it prints to.
        error_output: descriptor it prints errors to.
        drained: whether somebody reads what it prints, all the time.
        others: more descriptors it inherits: the number it has there, and the descriptor.
    """

    path: str
    argv: list[str]
    env: Mapping[str, str]
    stdin: int
    output: int
    error_output: int
    drained: bool = True
    others: tuple[tuple[int, int], ...] = ()

    @property
    def descriptors(self) -> tuple[tuple[int, int], ...]:
        """All it inherits: the number each has there, and the descriptor."""
        return (0, self.stdin), (1, self.output), (2, self.error_output), *self.others


DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM)
"""Those the agent ignores; all others are default after an exec anyway."""


class Keeper(Protocol):
    """Keeps the time of one VM. Times are nanoseconds of its monotonic clock."""

    def now(self) -> int:
        """The VM's time."""
        ...

    def ahead(self) -> int:
        """Nanoseconds by which it is ahead of the kernel's."""
        ...

    def remarks(self) -> list[str]:
        """What was not as it should be so far, each a sentence."""
        ...

    def spawn(self, program: Program) -> int:
        """Start a program in a session of its own; returns its number.

        Raises:
            OSError: it could not be started.
        """
        ...

    def tell_of_programs(self, told: Callable[[int], None]) -> None:
        """Tell of each program that is executed, if this keeper can know."""
        ...

    def see_to_time(self, path: str, *, is_right: bool) -> None:
        """Bring the time of a file to the VM's clock, or take note that it is right."""
        ...

    def set_wall_clock(self, amount: int) -> None:
        """Set the VM's wall clock forward or back by so many nanoseconds.

        Raises:
            OSError: this keeper cannot.
        """
        ...

    def listen(self, poller: select.poll) -> None:
        """Let a poller also wait for what this keeper must be told."""
        ...

    def serve(self, ready: Collection[int]) -> bool:
        """Take in what has arrived; says whether it has been quiet since."""
        ...

    def patience(self, limit: int | None, *, eventful: bool, moving: bool) -> float | None:
        """Let time pass as far as it can; returns seconds until something may be due.

        Args:
            limit: the moment somebody waits for.
            eventful: whether anything has happened since the last call.
            moving: whether time may be skipped, because somebody waits for it to pass.
        """
        ...

    def ended(self) -> None:
        """The program that was started last has ended."""
        ...

    def paused(self) -> None:
        """All processes are about to be stopped, and will go on later."""
        ...


def spawn_plainly(program: Program) -> int:
    """Start a program on the machine's own clock."""
    return os.posix_spawn(
        program.path,
        program.argv,
        program.env,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, source, number) for number, source in program.descriptors
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=DEFAULT_SIGNALS,
    )


class RealKeeper:
    """The machine's own time."""

    def now(self) -> int:
        """The kernel's monotonic clock."""
        return time.monotonic_ns()

    def ahead(self) -> int:
        """It is the kernel's."""
        return 0

    def remarks(self) -> list[str]:
        """Nothing is ever modelled."""
        return []

    def spawn(self, program: Program) -> int:
        """Start a program."""
        return spawn_plainly(program)

    def tell_of_programs(self, told: Callable[[int], None]) -> None:
        """The kernel tells nobody."""

    def see_to_time(self, path: str, *, is_right: bool) -> None:
        """It is the kernel's, and right."""

    def set_wall_clock(self, amount: int) -> None:
        """Refuse.

        Raises:
            OSError: always: it is the machine's.
        """
        raise OSError(errno.EPERM, "the wall clock is the machine's")

    def listen(self, poller: select.poll) -> None:
        """There is nothing to listen to."""

    def serve(self, ready: Collection[int]) -> bool:
        """Nothing arrives."""
        return not ready

    def patience(self, limit: int | None, *, eventful: bool, moving: bool) -> float | None:
        """Time passes by itself."""
        return None if limit is None else max(0, limit - self.now()) / SECOND

    def ended(self) -> None:
        """Nothing was kept for it."""

    def paused(self) -> None:
        """The kernel knows what to do."""
