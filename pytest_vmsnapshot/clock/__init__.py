"""Clocks of a VM."""

from __future__ import annotations

from .memory import MemoryClock
from .real import RealClock

__all__ = ["MemoryClock", "RealClock"]
