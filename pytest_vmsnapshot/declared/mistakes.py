"""Mistakes of a TOML file, told with their lines."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence

from ..errors import DeclarationError
from .toml_file import Key, TomlFile

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN = 80
"""Characters of a value in a message."""


class Mistakes:
    """All that is found wrong with one file.

    Args:
        file: the file.
    """

    def __init__(self, file: TomlFile) -> None:
        self.file = file
        """The file."""
        self.count = 0
        """How often something was found wrong so far, the same mistakes included."""
        self._found: dict[tuple[tuple[Key, ...], str], None] = {}

    def add(self, keys: Sequence[Key], text: str) -> None:
        """Take down a mistake; the same one is told once.

        Args:
            keys: the way to what is wrong.
            text: what is wrong and what to write instead, without the place.
        """
        self._found[(tuple(keys), text)] = None
        self.count += 1

    def finish(self) -> None:
        """Report what was found.

        Raises:
            DeclarationError: there were mistakes; they come in the order of the file.
        """
        __tracebackhide__ = True
        if self._found:
            lines = [(self.file.line_of(keys), text) for keys, text in self._found]
            lines.sort(key=lambda found: found[0])
            raise DeclarationError(
                dict.fromkeys(f"{self.file.name}:{line}: {text}" for line, text in lines)
            )


def shown(value: object) -> str:
    """A value as TOML writes it, cut short."""
    match value:
        case bool():
            text = "true" if value else "false"
        case str():
            text = json.dumps(value, ensure_ascii=False)
        case list():
            text = f"[{', '.join(shown(item) for item in value)}]"
        case Mapping():
            inner = ", ".join(f"{quoted(name)} = {shown(item)}" for name, item in value.items())
            text = f"{{ {inner} }}" if inner else "{}"
        case dt.datetime() | dt.date() | dt.time():
            text = value.isoformat()
        case _:
            text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def quoted(key: str) -> str:
    """A key as TOML writes it."""
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
