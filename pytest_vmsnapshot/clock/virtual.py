"""A VM's clock that jumps when everybody sleeps, as the harness sees it."""

from __future__ import annotations

from .real import RealClock


class VirtualClock(RealClock):
    """The kernel's monotonic clock and what the VM has skipped so far.

    The VM's agent skips time, and only while it carries out a request. Its answer says how far it
    is ahead.
    """

    name = "virtual"
