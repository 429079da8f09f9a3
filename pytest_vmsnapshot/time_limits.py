"""Time limits of tests that use a VM (by pytest-timeout)."""

from __future__ import annotations

import os

import pytest

SLACK = 30.0
"""Seconds a test may take beyond what its backup may: making the VM, running commands."""

DEFAULT = 2 * 30 + 60 + SLACK
"""Seconds: two scripts with the stock limit, a freeze, and the slack."""


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
