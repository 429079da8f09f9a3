"""Annotations as GitHub Actions reads them, and the page of a step.

The runner shows the first ten errors and the first ten warnings of a step beside the lines of a
pull request.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .annotation import Annotation

SUMMARY: Final = "GITHUB_STEP_SUMMARY"
"""The variable that names the file for the page of a step."""

LIMIT: Final = 1024 * 1024
"""Bytes that GitHub takes of the page of a step; of a larger one it takes nothing."""


def commands(annotation: Annotation) -> Iterator[str]:
    """An annotation as a line for the output of a step.

    Args:
        annotation: what is to be shown.
    """
    properties = {}
    if annotation.file:
        properties["file"] = annotation.file
        if annotation.line:
            properties["line"] = str(annotation.line)
            if annotation.column:
                properties["col"] = str(annotation.column)
    if annotation.title:
        properties["title"] = annotation.title
    told = ",".join(f"{key}={as_property(value)}" for key, value in properties.items())
    space = " " if told else ""
    yield f"::{annotation.level.value}{space}{told}::{as_data(annotation.text)}"


def as_data(text: str) -> str:
    """A message as the runner reads it back: percent signs and line ends would end it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def as_property(text: str) -> str:
    """A property as the runner reads it back: colons and commas would end it."""
    return as_data(text).replace(":", "%3A").replace(",", "%2C")
