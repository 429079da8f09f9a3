"""What is read: a config and its scripts, and the shells that will run them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import UsageError
from ..shells import NAMES

Step = Literal["pre", "post", "both"]
"""Which script it is; ``both`` where the config names one file for both."""


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """A script.

    Args:
        path: the local file.
        content: what is in it.
        location: its path on the VM.
        step: which script it is.
    """

    path: Path
    content: bytes
    location: str
    step: Step


@dataclass(frozen=True, slots=True)
class Subject:
    """A config with its scripts.

    Args:
        config: the local file.
        config_content: what is in it.
        scripts: the scripts it names, as far as they were found.
        shells: what ``/bin/sh`` may be on the VMs, by names of ``shells.NAMES``; at least one.

    Raises:
        UsageError: no shell is named, or one that is not known.
    """

    config: Path
    config_content: bytes
    scripts: tuple[ScriptFile, ...]
    shells: tuple[str, ...]

    def __post_init__(self) -> None:
        mistakes = [
            f"shells: {name!r} is no shell and no distribution{_nearest(name)}"
            for name in self.shells
            if name not in NAMES
        ]
        if not self.shells:
            mistakes = ["shells: name at least one, such as 'debian'"]
        if mistakes:
            raise UsageError(mistakes)


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, NAMES, 1)
    return f" (is {near[0]!r} meant?)" if near else f"; known are {', '.join(NAMES)}"
