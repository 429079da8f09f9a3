"""Clocks of a VM."""

from __future__ import annotations

from .memory import MemoryClock
from .real import RealClock
from .virtual import VirtualClock

__all__ = ["MemoryClock", "RealClock", "VirtualClock"]
