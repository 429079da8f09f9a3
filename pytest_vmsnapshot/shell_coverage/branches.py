"""Which ways scripts have gone at their branches."""

from __future__ import annotations

from collections.abc import Iterable

from .placing import Placed


def ways(steps: Iterable[Placed]) -> dict[int, set[tuple[int, int]]]:
    """Ways taken, by the identity of the script."""
    return {}
