"""Annotations as Azure Pipelines reads them, and the page of a run.

The agent reads back ``%AZP25`` as a percent sign, so that a text may have ``%0A`` in it
(``percentEncoding.md`` of microsoft/azure-pipelines-agent).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .annotation import Annotation, Level

TEMPORARY: Final = "AGENT_TEMPDIRECTORY"
"""The variable that names a directory which is emptied after a job."""


def commands(annotation: Annotation) -> Iterator[str]:
    """An annotation as a line for the output of a step; none for a notice, which Azure has not.

    Args:
        annotation: what is to be shown.
    """
    if annotation.level is Level.NOTICE:
        return
    properties = {"type": annotation.level.value}
    if annotation.file:
        properties["sourcepath"] = annotation.file
        if annotation.line:
            properties["linenumber"] = str(annotation.line)
            if annotation.column:
                properties["columnnumber"] = str(annotation.column)
    told = "".join(f"{key}={as_property(value)};" for key, value in properties.items())
    text = annotation.text
    if annotation.title and not text.startswith(f"{annotation.title}:"):
        text = f"{annotation.title}: {text}"
    yield f"##vso[task.logissue {told}]{as_data(text)}"


def page_command(file: Path) -> str:
    """The line that shows a page of Markdown on the page of a run.

    Args:
        file: the page.
    """
    return f"##vso[task.uploadsummary]{as_data(str(file))}"


def as_data(text: str) -> str:
    """A message as the agent reads it back: line ends would end it."""
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")


def as_property(text: str) -> str:
    """A property as the agent reads it back: semicolons and brackets would end it."""
    return as_data(text).replace(";", "%3B").replace("]", "%5D")
