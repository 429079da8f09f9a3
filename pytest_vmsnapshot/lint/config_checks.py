"""What is legal in a config and still not what was meant."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..engine import effective
from ..engine.rules import SHIPPED
from ..explain import line
from .codes import (
    FREEZE_OFF,
    LOCATION,
    PLACEHOLDER,
    SAME_SCRIPT,
    TIME_LIMIT_CAPPED,
    TIME_LIMIT_MISSING,
    TIME_LIMIT_ROUNDED,
)
from .finding import LintFinding, Severity
from .json_places import Placed, placed
from .placeholders import in_value

_LOCATIONS = ("preScriptLocation", "postScriptLocation")
_PARAMS = ("preScriptParams", "postScriptParams")
_TIMEOUT = "timeoutInSeconds"
_DEFAULT = 10
"""Seconds the extension takes where the config says nothing."""


@dataclass(frozen=True, slots=True)
class ReadConfig:
    """A config that was read.

    Args:
        path: the local file.
        content: what is in it.
        values: its values by their keys; none if it is no JSON object.
    """

    path: Path
    content: bytes
    values: Mapping[str, Placed]

    def found(
        self, code: str, severity: Severity, where: Placed | None, text: str, remedy: str
    ) -> LintFinding:
        """A finding at a value, or about the whole config."""
        place = (where.line, where.column) if where else (0, 0)
        return LintFinding(code, severity, self.path, *place, text, remedy)


def read_config(path: Path, content: bytes) -> ReadConfig:
    """Read a config; whether it is right is asked elsewhere.

    Args:
        path: the local file.
        content: what is in it.
    """
    try:
        values = placed(content.decode("utf-8"))
    except UnicodeDecodeError:
        values = {}
    return ReadConfig(path, content, values)


def time_limit(config: ReadConfig) -> Iterator[LintFinding]:
    """What the extension makes of the time limit."""
    try:
        found = effective.read(config.content, SHIPPED, SHIPPED.limit_cap)
    except effective.ConfigRefused:
        return
    where = config.values.get(_TIMEOUT)
    if where is None:
        yield config.found(
            TIME_LIMIT_MISSING,
            Severity.WARNING,
            None,
            f"{_TIMEOUT} is missing: the extension takes {_DEFAULT} s for it, and stops waiting "
            f"after {found.limit:g} s",
            f'write what the scripts need, such as "{_TIMEOUT}": 30',
        )
        return
    value = where.value
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return
    if value > SHIPPED.limit_cap:
        cap = SHIPPED.limit_cap
        yield config.found(
            TIME_LIMIT_CAPPED,
            Severity.WARNING,
            where,
            f"{_TIMEOUT} is {value:g}, but the extension waits for no script longer than {cap:g} s",
            f"write {cap:g}, and let the scripts be done by then",
        )
    elif found.limit != value and math.isfinite(found.limit):
        below = math.floor(value / found.poll) * found.poll
        choice = f"{below:g} or {found.limit:g}" if below else f"{found.limit:g}"
        yield config.found(
            TIME_LIMIT_ROUNDED,
            Severity.WARNING,
            where,
            f"{_TIMEOUT} is {value:g}, but the extension looks every {found.poll} s and stops "
            f"waiting after {found.limit:g} s",
            f"write {choice}",
        )


def locations(config: ReadConfig) -> Iterator[LintFinding]:
    """Locations that no file system will find."""
    for key in _LOCATIONS:
        where = config.values.get(key)
        if where is None or not isinstance(where.value, str) or not where.value:
            continue
        value = where.value
        if value.startswith("~"):
            why = "starts with a tilde, which nobody expands"
        elif value != value.strip():
            why = "has blanks around it, which belong to the name"
        elif not value.startswith("/"):
            why = "is relative, and is looked for in the extension's own directory"
        else:
            continue
        yield config.found(
            LOCATION,
            Severity.ERROR,
            where,
            f"{key} is {line(repr(value))}, which {why}",
            "write the absolute path of the script on the VM",
        )


def same_script(config: ReadConfig) -> Iterator[LintFinding]:
    """One script that cannot know which step it is."""
    values = [config.values.get(key) for key in (*_LOCATIONS, *_PARAMS)]
    pre, post, pre_params, post_params = (found.value if found else None for found in values)
    if pre and pre == post and (pre_params or []) == (post_params or []):
        yield config.found(
            SAME_SCRIPT,
            Severity.WARNING,
            values[1],
            f"both steps run {line(str(pre))} with the same parameters: it cannot tell before from "
            "after",
            'tell it by a parameter: "preScriptParams": ["pre"], "postScriptParams": ["post"]',
        )


def placeholders(config: ReadConfig) -> Iterator[LintFinding]:
    """Placeholders in locations and parameters."""
    for key in (*_LOCATIONS, *_PARAMS):
        where = config.values.get(key)
        for item in (where, *where.items) if where else ():
            if not isinstance(item.value, str):
                continue
            if found := in_value(item.value):
                yield config.found(
                    PLACEHOLDER,
                    Severity.ERROR,
                    item,
                    f"{key} has {line(repr(found))}, which looks like text that was meant to be "
                    "replaced",
                    "write what is meant on your VM",
                )


def freezes(config: ReadConfig) -> bool:
    """Whether file systems are frozen around the snapshot: they are unless the config says no."""
    where = config.values.get("fsFreezeEnabled")
    return where is None or where.value is not False


def freeze_off(config: ReadConfig) -> Iterator[LintFinding]:
    """What follows from fsFreezeEnabled: false."""
    where = config.values.get("fsFreezeEnabled")
    if where is not None and where.value is False:
        yield config.found(
            FREEZE_OFF,
            Severity.NOTE,
            where,
            "fsFreezeEnabled is false: with the extension any script that fails then fails the "
            "whole backup, whatever continueBackupOnFailure says",
            "leave it true unless the application cannot bear a freeze",
        )
