"""Timing in interleaved rounds, so that a noisy machine is noisy to everybody alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def interleaved(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Run every piece of work once per round.

    Args:
        works: names and what to time.
        rounds: how often.

    Returns:
        The median of each, in milliseconds.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


def table(medians: Mapping[str, float], baseline: str, goals: Mapping[str, str]) -> list[str]:
    """Lines with each median and its ratio to the baseline."""
    width = max(len(name) for name in medians)
    return [
        f"{name:<{width}}  {median:9.3f} ms  {median / medians[baseline]:6.2f} x  "
        f"{goals.get(name, '')}".rstrip()
        for name, median in medians.items()
    ]
