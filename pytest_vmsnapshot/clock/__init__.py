"""Clocks of a VM."""

from __future__ import annotations

from .real import RealClock

__all__ = ["RealClock"]
