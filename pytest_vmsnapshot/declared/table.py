"""Reading a table of a TOML file: every value with its type, and all mistakes with their lines."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..settings import size_in_bytes
from .layer import Layer, below, merged
from .mistakes import Mistakes, quoted, shown
from .toml_file import Key, TomlFile

_D = TypeVar("_D")

_DECIMALS_MEANT_AS_OCTAL = frozenset({600, 640, 644, 660, 664, 666, 700, 750, 755, 777})
_FEW = 12
"""Words that are all shown beside the one that may be meant."""

_OCTAL = re.compile(r"(?:0o?)?[0-7]{3,4}")


class Table:
    """A table that is read key by key. It may be of several layers, as where a case of a file
    changes some of what the file says for all cases: then the first layer that has a key counts,
    and tables are put together in the same way.

    What was asked for is known; ``check_keys`` finds the rest. A value of a wrong type is taken
    down as a mistake, and the default is returned for it.

    Args:
        layers: the weightiest first.
        mistakes: collects what is wrong.
        label: how messages call it.
        prefix: what messages put before the names of its keys; by default nothing.
    """

    def __init__(
        self, layers: Sequence[Layer], mistakes: Mistakes, label: str, prefix: str = ""
    ) -> None:
        self.mistakes = mistakes
        """Collects what is wrong."""
        self.label = label
        """How messages call it."""
        self._layers = tuple(layers)
        self._prefix = prefix
        self._known: dict[str, None] = {}
        self._inner: dict[str, list[Table]] = {}

    @classmethod
    def of(cls, file: TomlFile, label: str = "this file") -> Table:
        """The whole of a file.

        Args:
            file: the file.
            label: how messages call it.
        """
        return cls([Layer((), file.data)], Mistakes(file), label)

    def finish(self) -> None:
        """Check for unknown keys, and report all that is wrong.

        Raises:
            DeclarationError: there were mistakes.
        """
        __tracebackhide__ = True
        self.check_keys()
        self.mistakes.finish()

    def check_keys(self) -> None:
        """Take down each key that nobody asked for, here and in the tables that were read."""
        for layer in self._layers:
            for key in layer.data:
                if key not in self._known:
                    self._unknown(layer, key)
        for tables in self._inner.values():
            for table in tables:
                table.check_keys()

    # -- what is there ---------------------------------------------------------------------------

    @property
    def known(self) -> tuple[str, ...]:
        """Keys that were asked for so far."""
        return tuple(self._known)

    @property
    def has_unknown_keys(self) -> bool:
        """Whether there are keys that nobody has asked for so far."""
        return any(key not in self._known for layer in self._layers for key in layer.data)

    def names(self) -> tuple[str, ...]:
        """All keys, for a table whose keys are free; they are known from now on."""
        found = dict.fromkeys(key for layer in reversed(self._layers) for key in layer.data)
        self._known.update(found)
        return tuple(found)

    def has(self, key: str) -> bool:
        """Whether a key is there."""
        return self._find(key) is not None

    def is_table(self, key: str) -> bool:
        """Whether a key is there and holds a table."""
        found = self._find(key)
        return found is not None and isinstance(found[1], Mapping)

    def is_list(self, key: str) -> bool:
        """Whether a key is there and holds a list."""
        found = self._find(key)
        return found is not None and isinstance(found[1], list)

    def raw(self, key: str) -> Any:
        """A value as TOML has it, with tables put together; None if it is not there."""
        found = self._find(key)
        if found is None or not isinstance(found[1], Mapping):
            return None if found is None else found[1]
        return merged(below(self._layers, key))

    def keys_of(self, key: str) -> tuple[Key, ...]:
        """The way to a value from the top of the file; without one, to this table."""
        found = self._find(key)
        return self._layers[0].keys if found is None else (*found[0].keys, key)

    def name_of(self, key: str) -> str:
        """How messages call a key."""
        return f"{self._prefix}{quoted(key)}"

    def wrong(self, key: str, text: str) -> None:
        """Take down a mistake.

        Args:
            key: of the value; where it is missing, the table is pointed at.
            text: a sentence without the place.
        """
        self.mistakes.add(self.keys_of(key), text)

    def missing(self, key: str, wanted: str) -> None:
        """Take down that a key is missing.

        Args:
            key: the key.
            wanted: what to write.
        """
        self.mistakes.add(self._layers[0].keys, f"{self.label} has no {quoted(key)}; {wanted}")

    # -- values ----------------------------------------------------------------------------------

    def text(self, key: str, default: _D) -> str | _D:
        """Text."""
        value = self._value(key)
        if value is None or isinstance(value, str):
            return default if value is None else value
        return self._refused(key, value, "write text in quotes", default)

    def path(self, key: str, default: _D) -> str | _D:
        """An absolute path on the VM."""
        value = self._value(key)
        if value is None:
            return default
        if isinstance(value, str) and is_path(value):
            return value
        return self._refused(key, value, "write an absolute path on the VM", default)

    def truth(self, key: str, default: _D) -> bool | _D:
        """True or false."""
        value = self._value(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        return self._refused(key, value, "write true or false", default)

    def whole(
        self, key: str, default: _D, least: int | None = None, most: int | None = None
    ) -> int | _D:
        """A whole number.

        Args:
            key: its key.
            default: what is returned if it is not there.
            least: the smallest it may be.
            most: the largest it may be.
        """
        value = self._value(key)
        if value is None:
            return default
        usable = isinstance(value, int) and not isinstance(value, bool)
        if usable and (least is None or least <= value) and (most is None or value <= most):
            return int(value)
        up = f" from {least} {'up' if most is None else f'to {most}'}" if least is not None else ""
        return self._refused(key, value, f"write a whole number{up}", default)

    def seconds(self, key: str, default: _D) -> float | _D:
        """A number of seconds from 0 up."""
        value = self._value(key)
        if value is None:
            return default
        usable = isinstance(value, int | float) and not isinstance(value, bool)
        if usable and 0 <= value < 10**9:
            return float(value)
        return self._refused(key, value, "write a number of seconds from 0 up", default)

    def texts(self, key: str, default: _D) -> tuple[str, ...] | _D:
        """A list of texts."""
        value = self._value(key)
        if value is None:
            return default
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        wanted = f"write [{shown(value)}]" if isinstance(value, str) else "write a list of texts"
        return self._refused(key, value, wanted, default)

    def choice(self, key: str, default: _D, names: Collection[str]) -> str | _D:
        """One of some words."""
        value = self._value(key)
        if value is None:
            return default
        if isinstance(value, str) and value in names:
            return value
        return self._refused(key, value, _nearest(value, names), default)

    def known_words(self, key: str, default: _D, names: Collection[str]) -> tuple[str, ...] | _D:
        """A list of some words."""
        words = self.texts(key, default)
        for word in words if isinstance(words, tuple) else ():
            if word not in names:
                self.wrong(key, f"{self.name_of(key)} has {shown(word)}; {_nearest(word, names)}")
        return words

    def choices(self, key: str, default: _D, names: Collection[str]) -> tuple[str, ...] | _D:
        """A list of some words, one at least and none twice."""
        words = self.known_words(key, None, names)
        if words is None or not set(words) <= set(names):
            return default
        if not words:
            return self._refused(key, [], f"write a list of {', '.join(names)}", default)
        if len(set(words)) < len(words):
            return self._refused(key, list(words), "write each of them once", default)
        return words

    def mode(self, key: str, default: _D) -> int | _D:
        """Permission bits: an octal number, or the same as text."""
        value = self._value(key)
        if value is None:
            return default
        if isinstance(value, str) and _OCTAL.fullmatch(value):
            return int(value.removeprefix("0o"), 8)
        usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o7777
        if usable and value not in _DECIMALS_MEANT_AS_OCTAL:
            return int(value)
        wanted = f'write 0o{value}, or "0{value}"' if usable else 'write 0o640, or "0640"'
        return self._refused(key, value, wanted, default)

    def owner(self, key: str, default: _D) -> str | int | _D:
        """A user's name or number."""
        value = self._value(key)
        if value is None:
            return default
        usable = isinstance(value, str | int) and not isinstance(value, bool) and value != ""
        if usable and not str(value).startswith("-") and str(value).isprintable():
            assert isinstance(value, str | int)
            return value
        return self._refused(key, value, 'write a user name, such as "root"', default)

    def size(self, key: str, default: _D) -> int | str | _D:
        """A number of bytes, or text such as ``512M``."""
        value = self._value(key)
        if value is None:
            return default
        if size_in_bytes(value) is not None:
            assert isinstance(value, int | str)
            return value
        return self._refused(key, value, 'write bytes, or "512M", or "2G"', default)

    def local(self, key: str, default: _D) -> Path | _D:
        """A local file or directory that exists; its path is relative to the TOML file."""
        value = self._value(key)
        if value is None:
            return default
        if not isinstance(value, str) or not value or "\0" in value:
            return self._refused(key, value, "write a local path", default)
        found = self.mistakes.file.path.parent / value
        if os.path.exists(found):
            return found
        self.wrong(key, f"{self.name_of(key)} is {shown(value)}, but there is no {found}")
        return default

    def texts_by_name(self, key: str, default: _D) -> dict[str, str] | _D:
        """A table of texts."""
        table = self.table(key)
        if table is None:
            return default
        return {name: table.text(name, "") for name in table.names()}

    def table(self, key: str) -> Table | None:
        """A table below this one; None if it is not there."""
        value = self._value(key)
        if value is None:
            return None
        if isinstance(value, Mapping):
            return self._below(key)
        return self._refused(key, value, "write a table, such as { key = ... }", None)

    def tables(self, key: str) -> list[Table]:
        """A list of tables; none if it is not there."""
        found = self._find(key)
        if found is None or key in self._inner:
            return self._inner.get(key, [])
        layer, value = found
        if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
            self._refused(key, value, f"write tables under [[{self.name_of(key)}]]", None)
            return []
        rows = []
        for number, row in enumerate(value):
            label = f"{self.name_of(key)}[{number}]"
            inner = Layer((*layer.keys, key, number), row)
            rows.append(Table([inner], self.mistakes, label, f"{label}."))
        self._inner[key] = rows
        return rows

    def ways(self) -> dict[str, tuple[Key, ...]]:
        """The way to each value below this table, by its name as messages have it."""
        found: dict[str, tuple[Key, ...]] = {}
        for layer in reversed(self._layers):
            found |= layer.ways(self._prefix)
        return found

    # -- inside ----------------------------------------------------------------------------------

    def over(self, key: str, but: Collection[str] = ()) -> list[Table]:
        """Each row of a list of tables, laid over this table: a case with what all cases have.

        Args:
            key: of the list; it is no key of the tables returned.
            but: keys of this table that a row does not have from it.
        """
        found = self._find(key)
        rows = [] if found is None else found[1]
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            self._refused(key, rows, f"write tables under [[{key}]]", None)
            rows = []
        (base,) = self._layers
        rest = {name: base.data[name] for name in base.data if name != key and name not in but}
        return [
            Table([Layer((key, number), row), Layer((), rest)], self.mistakes, self.label)
            for number, row in enumerate(rows)
        ]

    def _find(self, key: str) -> tuple[Layer, Any] | None:
        self._known[key] = None
        return next(((la, la.data[key]) for la in self._layers if key in la.data), None)

    def _value(self, key: str) -> Any:
        found = self._find(key)
        return None if found is None else found[1]

    def _below(self, key: str) -> Table:
        if key in self._inner:
            return self._inner[key][0]
        layers = below(self._layers, key)
        name = self.name_of(key)
        table = Table(layers, self.mistakes, name, f"{name}.")
        self._inner[key] = [table]
        return table

    def _refused(self, key: str, value: object, wanted: str, default: _D) -> _D:
        self.wrong(key, f"{self.name_of(key)} is {shown(value)}; {wanted}")
        return default

    def _unknown(self, layer: Layer, key: str) -> None:
        near = difflib.get_close_matches(key, self._known, 1)
        known = ", ".join(quoted(name) for name in self._known)
        meant = f"; is {near[0]} meant?" if near else f". It has: {known}"
        if not self._known:
            meant = "; leave it out"
        self.mistakes.add((*layer.keys, key), f"{self.label} has no key {quoted(key)!r}{meant}")


def _nearest(value: object, names: Collection[str]) -> str:
    """What to write instead of a word that is not known."""
    near = difflib.get_close_matches(value, names, 1) if isinstance(value, str) else []
    known = ", ".join(names)
    if not near:
        return f"write one of {known}"
    return f"is {shown(near[0])} meant?" + (f" There are: {known}" if len(names) <= _FEW else "")


def is_path(value: str) -> bool:
    """Whether text can be an absolute path on the VM."""
    return value.startswith("/") and "\0" not in value
