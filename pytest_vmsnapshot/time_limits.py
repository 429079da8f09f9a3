"""Time limits of tests that use a VM (by pytest-timeout)."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

SLACK = 30.0
"""Seconds a test may take beyond what its backup may: making the VM, running commands."""

DEFAULT = 2 * 30 + 60 + SLACK
"""Seconds: two scripts with the stock limit, a freeze, and the slack."""

TIMER: pytest.StashKey[Any] = pytest.StashKey()
"""How the timer of a running test was set."""

OURS: pytest.StashKey[bool] = pytest.StashKey()
"""Whether a test's limit is the plugin's, and not the author's."""


def has_own(item: pytest.Item) -> bool:
    """Whether the author set a limit: by marker, option, ini value or environment."""
    if item.get_closest_marker("timeout") is not None:
        return True
    config = item.config
    return bool(
        config.getoption("timeout", None)
        or config.getini("timeout")
        or os.environ.get("PYTEST_TIMEOUT")
    )


def allow(item: pytest.Item, seconds: float) -> None:
    """A backup starts that may take this long: set the test's timer anew if the limit is ours.

    A backup in a thread of its own keeps the timer that runs: signals belong to the main thread.

    Args:
        item: the running test.
        seconds: how long the backup may take at most.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if item.stash.get(OURS, False) and TIMER in item.stash:
        settings = item.stash[TIMER]._replace(timeout=seconds + SLACK)
        item.config.hook.pytest_timeout_cancel_timer(item=item)
        item.config.hook.pytest_timeout_set_timer(item=item, settings=settings)
