"""Findings as annotations, which GitHub shows beside the lines of a pull request."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from .codes import CODES
from .finding import LintFinding, Severity
from .places import relative

_COMMANDS: Final = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.NOTE: "notice",
}


def annotations(findings: Iterable[LintFinding], root: Path) -> Iterator[str]:
    """Lines for the output of a step, one for each finding.

    Args:
        findings: what was found.
        root: the root of the repository; paths in it are told relative to it.
    """
    for found in findings:
        name = CODES[found.code].name if found.code in CODES else "ShellCheck"
        properties = {"file": relative(found.path, root)}
        if found.line:
            properties["line"] = str(found.line)
            if found.column:
                properties["col"] = str(found.column)
        properties["title"] = f"{found.code} {name}"
        told = ",".join(f"{key}={as_property(value)}" for key, value in properties.items())
        yield f"::{_COMMANDS[found.severity]} {told}::{as_data(f'{found.text}; {found.remedy}')}"


def as_data(text: str) -> str:
    """A message as the runner reads it back: percent signs and line ends would end it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def as_property(text: str) -> str:
    """A property as the runner reads it back: colons and commas would end it."""
    return as_data(text).replace(":", "%3A").replace(",", "%2C")
