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
            told = f"file={github.as_property(file)},title={github.as_property(result.name)}"
            yield f"::error {told}::{github.as_data(result.text)}"
