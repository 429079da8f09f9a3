"""A VM's clock that is the machine's own."""

from __future__ import annotations

import time
from collections.abc import Callable


class RealClock:
    """Seconds since this object was made, as the kernel's monotonic clock counts them."""

    name = "real"

    def __init__(self) -> None:
        self._origin = time.monotonic()
        self._ahead = 0.0
        self._wait: Callable[[float], None] | None = None

    def now(self) -> float:
        """Seconds since the VM was made."""
        return self.from_guest(time.monotonic() + self._ahead)

    def deadline(self, seconds: float) -> float:
        """The moment at which so many seconds from now are over."""
        return self.now() + seconds

    def run_until(self, moment: float) -> None:
        """Let time pass on the VM until a moment of this clock."""
        assert self._wait is not None, "the guest says how"
        self._wait(moment)

    def let_pass_by(self, wait: Callable[[float], None]) -> None:
        """Say how time passes: what the guest does until a moment."""
        self._wait = wait

    def set_ahead(self, seconds: float) -> None:
        """The VM is ahead of the kernel's clock, because it has skipped time.

        Args:
            seconds: all it has skipped so far.
        """
        self._ahead = seconds

    def to_guest(self, at: float) -> float:
        """What the VM's monotonic clock shows at a second of this clock."""
        return at + self._origin

    def from_guest(self, reading: float) -> float:
        """The second of this clock at which the VM's monotonic clock shows something."""
        return reading - self._origin
