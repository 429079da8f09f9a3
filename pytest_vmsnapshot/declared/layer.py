"""A table as it stands in a TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .mistakes import quoted
from .toml_file import Key


@dataclass(frozen=True, slots=True)
class Layer:
    """A table as it stands in the file.

    Args:
        keys: the way to it.
        data: what is in it.
    """

    keys: tuple[Key, ...]
    data: Mapping[str, Any]

    def ways(self, prefix: str) -> dict[str, tuple[Key, ...]]:
        """The way to each value below it, by its name.

        Args:
            prefix: what the names begin with.
        """
        found: dict[str, tuple[Key, ...]] = {}
        for key, value in self.data.items():
            name, way = f"{prefix}{quoted(key)}", (*self.keys, key)
            found[name] = way
            if isinstance(value, Mapping):
                found |= Layer(way, value).ways(f"{name}.")
        return found
