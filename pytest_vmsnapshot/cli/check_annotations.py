"""Checks that failed, and what the lint found, as annotations of GitHub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..lint import github
from .check_names import LINT
from .check_results import Summary


def annotation_lines(summary: Summary, root: Path) -> Iterator[str]:
    """Lines for the output of a step.

    Args:
        summary: what became of the checks.
        root: the root of the repository.
    """
    yield from github.annotations(summary.findings, root)
    for result in summary.failed:
        if result.check != LINT:
            file = os.path.relpath(result.config, root)
            told = f"file={_escaped(file, ':,')},title={_escaped(result.name, ':,')}"
            yield f"::error {told}::{_escaped(result.text)}"


def _escaped(text: str, also: str = "") -> str:
    """Text as the runner reads it back: percent signs and line ends would end it."""
    return "".join(f"%{ord(char):02X}" if char in f"%\r\n{also}" else char for char in text)
