"""A VM's clock that is the machine's own."""

from __future__ import annotations

import time


class RealClock:
    """Seconds since this object was made, as the kernel's monotonic clock counts them."""

    name = "real"

    def __init__(self) -> None:
        self._origin = time.monotonic()

    def now(self) -> float:
        """Seconds since the VM was made."""
        return time.monotonic() - self._origin

    def kernel_time(self, at: float) -> float:
        """The monotonic clock's reading at a second of this clock."""
        return at + self._origin

    def from_kernel(self, reading: float) -> float:
        """The second of this clock at a reading of the monotonic clock."""
        return reading - self._origin
