"""A TOML file, and the line on which each of its keys stands."""

from __future__ import annotations

import contextlib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import DeclarationError

Key = str | int
"""A step on the way to a value: a key of a table, or a place in a list, from 0."""

_PLACE = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of .*)\)")
"""How tomllib tells where it stopped."""


class TomlFile:
    """A TOML file.

    Args:
        path: where it lies.
        text: its content.

    Raises:
        DeclarationError: it is not TOML; says where.
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        """Where it lies."""
        self.name = _shown(path)
        """How messages call it: as seen from the working directory, if it lies below that."""
        self.text = text
        """Its content."""
        self._lines = text.replace("\r\n", "\n").split("\n")
        self._prefixes: dict[int, dict[str, Any] | None] = {0: {}}
        try:
            self.data: Mapping[str, Any] = tomllib.loads(text)
            """What it says."""
        except tomllib.TOMLDecodeError as error:
            raise DeclarationError([self._not_toml(str(error))]) from None
        except RecursionError:
            raise DeclarationError([f"{self.name}: not TOML: nested too deeply"]) from None

    @classmethod
    def load(cls, path: Path) -> TomlFile:
        """Read a file.

        Args:
            path: where it lies.

        Raises:
            DeclarationError: it cannot be read, or is not TOML.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DeclarationError([f"{_shown(path)} cannot be read: {error.strerror}"]) from None
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise DeclarationError(
                [f"{_shown(path)}:{line}: not UTF-8, as TOML must be; save it as UTF-8"]
            ) from None
        return cls(path, text)

    def line_of(self, keys: Sequence[Key]) -> int:
        """The line, from 1, on which a value or table begins.

        A value that is within another on several lines has the line on which that begins. It takes
        some parsing, so this is for messages.

        Args:
            keys: the way to it, from the top of the file. What is not there has the line of what
                would hold it.
        """
        while keys and not _holds(self.data, keys):
            keys = keys[:-1]
        if not keys:
            return 1
        before, last = 0, len(self._lines)  # without the value, and with it
        while (middle := self._between(before, last)) is not None:
            if _holds(self._prefix(middle) or {}, keys):
                last = middle
            else:
                before = middle
        return before + 1

    def told(self, keys: Sequence[Key], text: str) -> str:
        """A sentence about a value, with its place.

        Args:
            keys: the way to the value.
            text: what is to be said.
        """
        return f"{self.name}:{self.line_of(keys)}: {text}"

    def _between(self, before: int, last: int) -> int | None:
        """The number of lines between two others that are TOML by themselves, near the middle."""
        middle = (before + last) // 2
        tries: Iterable[int] = (*range(middle, last), *range(middle - 1, before, -1))
        return next((n for n in tries if before < n and self._prefix(n) is not None), None)

    def _prefix(self, lines: int) -> dict[str, Any] | None:
        """What the first lines say by themselves; None if they are not TOML."""
        if lines not in self._prefixes:
            found = None
            with contextlib.suppress(tomllib.TOMLDecodeError):
                found = tomllib.loads("\n".join(self._lines[:lines]) + "\n")
            self._prefixes[lines] = found
        return self._prefixes[lines]

    def _not_toml(self, told: str) -> str:
        found = _PLACE.fullmatch(told)
        if found is None:
            return f"{self.name}: not TOML: {told}"
        what = found["what"][:1].lower() + found["what"][1:]
        if found["line"] is None:
            return f"{self.name}:{len(self._lines)}: not TOML: {what} at the end of the file"
        return f"{self.name}:{found['line']}:{found['column']}: not TOML: {what}"


def _shown(path: Path) -> str:
    absolute = os.path.abspath(path)
    here = os.getcwd()
    below = here != "/" and absolute.startswith(here + "/")
    return os.path.relpath(absolute, here) if below else absolute


def _holds(data: object, keys: Sequence[Key]) -> bool:
    for key in keys:
        if isinstance(key, str):
            if not isinstance(data, Mapping) or key not in data:
                return False
            data = data[key]
        else:
            if not isinstance(data, list) or key >= len(data):
                return False
            data = data[key]
    return True
