"""Seconds in words, as a person would say them."""

from __future__ import annotations

import math


def duration(seconds: float) -> str:
    """How long something took, in two units at most.

    Args:
        seconds: of any clock, from 0 up.
    """
    if not math.isfinite(seconds):
        return "for ever"
    if seconds < 0.9995:
        milliseconds = seconds * 1000
        return f"{milliseconds:.0f} ms" if milliseconds >= 9.95 else f"{milliseconds:.1f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, name, small, less in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size} {name} {rest} {less}" if rest else f"{whole // size} {name}"
    return f"{whole} s"


def moment(seconds: float) -> str:
    """A place on the VM's time axis, to the millisecond."""
    return f"{seconds:.3f} s"
