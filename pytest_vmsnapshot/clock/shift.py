"""How far the VM's clocks are ahead of the kernel's, and what they were when."""

from __future__ import annotations

import bisect
import time

SECOND = 1_000_000_000
"""Nanoseconds: all of the virtual clock counts in them."""

_MICROSECOND = 1000

_TICK, _TICKS_AWAITED = 0.001, 1000
"""Seconds of a look, and looks, until the kernel's clock ticks: 100 to 1000 times a second, but a
machine that gets no time of its own misses many.
"""

_REALTIME_COARSE = 5  # linux/time.h

_WALL_CLOCKS = frozenset({0, 5, 8, 11})
"""linux/time.h: REALTIME, REALTIME_COARSE, REALTIME_ALARM, TAI. The others count from the boot."""


class Shift:
    """The difference between the VM's time and the kernel's.

    Every clock of the VM jumps by the same amount. The wall clock is set besides, once, when the
    first program starts.

    Args:
        start: the date at which the VM's wall clock starts, in seconds since 1970; without it,
            the next whole second.
    """

    def __init__(self, start: int | None = None) -> None:
        self.jumped = 0
        """Nanoseconds skipped so far."""
        self._start = start
        self._base = 0
        self._set = False
        self.began = kernel_stamp()
        """What the kernel stamped files with when the VM was made."""
        self._moments = [0]
        self._walls = [0]

    @property
    def wall(self) -> int:
        """Nanoseconds by which the VM's wall clock differs from the kernel's."""
        return self._base + self.jumped

    def set_wall_clock(self) -> None:
        """Let the wall clock start, on a whole second; only the first call does it."""
        if self._set:
            return
        self._set = True
        now = time.time_ns()
        wanted = -(-now // SECOND) if self._start is None else self._start
        self._base = _whole(wanted * SECOND - now)
        self._walls[0] = self._base  # of files that were there before

    def set_wall_clock_by(self, amount: int) -> None:
        """Set the wall clock forward or back; the others go on as before.

        Args:
            amount: nanoseconds; rounded up to microseconds.
        """
        self.set_wall_clock()
        before = time.time_ns()  # since Linux 6.13 files can be stamped as finely as that
        for _ in range(_TICKS_AWAITED):  # files stamped before are told from those after by that
            if kernel_stamp() >= before:
                break
            time.sleep(_TICK)
        self._base += _whole(amount)
        self._moments.append(kernel_stamp())
        self._walls.append(self.wall)

    def now(self) -> int:
        """The VM's monotonic clock."""
        return time.monotonic_ns() + self.jumped

    def read(self, clock: int) -> int:
        """A clock of the VM.

        Args:
            clock: number of a clock that does not count processor time.
        """
        return time.clock_gettime_ns(clock) + self.of(clock)

    def of(self, clock: int) -> int:
        """Nanoseconds by which a clock of the VM differs from the kernel's."""
        return self.wall if clock in _WALL_CLOCKS else self.jumped

    def jump(self, amount: int) -> None:
        """Skip time.

        Args:
            amount: nanoseconds; rounded up to microseconds, so that all clocks agree. What the
                kernel has stamped before must have been stamped before its last tick.
        """
        self.jumped += _whole(amount)
        self._moments.append(kernel_stamp())
        self._walls.append(self.wall)

    def wall_at(self, stamp: int) -> int:
        """What ``wall`` was when the kernel stamped a file.

        Args:
            stamp: nanoseconds since 1970.
        """
        return self._walls[max(0, bisect.bisect_right(self._moments, stamp) - 1)]


def kernel_stamp() -> int:
    """What the kernel stamps files with now, at least: its wall clock at its last tick."""
    return time.clock_gettime_ns(_REALTIME_COARSE)


def _whole(amount: int) -> int:
    return -(-amount // _MICROSECOND) * _MICROSECOND
