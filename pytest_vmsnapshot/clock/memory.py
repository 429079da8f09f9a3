"""A VM's clock that stands still unless it is told to move."""

from __future__ import annotations


class MemoryClock:
    """Seconds since this object was made; only a script that sleeps makes them pass."""

    name = "memory"

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Seconds since the VM was made."""
        return self._now

    def deadline(self, seconds: float) -> float:
        """The moment at which so many seconds from now are over."""
        return self._now + seconds

    def run_until(self, moment: float) -> None:
        """Let time pass until a moment: nothing runs meanwhile."""
        self.advance_to(moment)

    def advance_to(self, moment: float) -> None:
        """Let time pass.

        Args:
            moment: second of this clock; one that is over changes nothing.
        """
        self._now = max(self._now, moment)
