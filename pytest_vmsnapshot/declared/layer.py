"""A table as it stands in a TOML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def below(layers: Sequence[Layer], key: str) -> list[Layer]:
    """The layers of a table that lies in a table of several layers.

    Args:
        layers: the weightiest first.
        key: of the table within; the first that has it has a table there.
    """
    found = []
    for layer in layers:
        if key in layer.data:
            if not isinstance(layer.data[key], Mapping):
                break  # a nearer table replaces a value that is none
            found.append(Layer((*layer.keys, key), layer.data[key]))
    return found


def merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """What a table of several layers amounts to.

    Args:
        layers: the weightiest first.
    """
    found: dict[str, Any] = {}
    for key in dict.fromkeys(key for layer in reversed(layers) for key in layer.data):
        value = next(layer.data[key] for layer in layers if key in layer.data)
        found[key] = merged(below(layers, key)) if isinstance(value, Mapping) else value
    return found
