"""Reports of tests whose scripts may have printed what a CI would take for a command.

What this package writes is harmless by itself. This is for what pytest shows beside it: values in
a failed assertion, and what a test has printed.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from .harmless import harmless


def make_harmless(report: pytest.TestReport) -> None:
    """Escape commands in all that is shown of a report.

    Args:
        report: of a test that used VMs.
    """
    report.sections = [(title, harmless(text)) for title, text in report.sections]
    if (shown := report.longreprtext) and harmless(shown) != shown:
        report.longrepr = _escaped(report.longrepr)


def _escaped(part: Any) -> Any:
    """A part of pytest's representation of a failure; its objects stay what they are."""
    if isinstance(part, str):
        return harmless(part)
    if isinstance(part, list):
        return [_escaped(each) for each in part]
    if isinstance(part, tuple):
        return tuple(_escaped(each) for each in part)
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        for name, value in vars(part).items():
            setattr(part, name, _escaped(value))
    return part
