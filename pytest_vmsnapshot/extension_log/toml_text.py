"""TOML as a person would write it: long texts in blocks, tables with headings."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def document(tables: Mapping[str, object], path: tuple[str, ...] = ()) -> str:
    """The text of a table with all in it.

    Args:
        tables: what it holds: texts, numbers, booleans, sequences, and mappings as sub-tables.
        path: the keys above it.

    Raises:
        TypeError: a value that TOML does not have.
    """
    own = {key: value for key, value in tables.items() if not _is_table(value)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in own.items()]
    text = "\n".join(lines) + "\n" if lines else ""
    for key, value in tables.items():
        if not _is_table(value):
            continue
        below = (*path, key)
        if isinstance(value, Mapping):
            heading = f"[{'.'.join(map(_key, below))}]\n"
            body = document(value, below)
            text += body if body.startswith("\n[") else f"\n{heading}{body}"
        else:
            assert isinstance(value, Sequence)
            for item in value:
                text += f"\n[[{'.'.join(map(_key, below))}]]\n{document(item, below)}"
    return text


def _is_table(value: object) -> bool:
    if isinstance(value, Mapping):
        return True
    is_list = isinstance(value, list | tuple) and bool(value)
    return is_list and all(isinstance(item, Mapping) for item in value)  # type: ignore[attr-defined]


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _quoted(key)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            if math.isfinite(value):
                return repr(value)
            return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
        case str():
            return _block(value) if "\n" in value.strip("\n") or len(value) > 80 else _quoted(value)
        case list() | tuple():
            return f"[{', '.join(_value(item) for item in value)}]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _block(text: str) -> str:
    """A text on lines of its own, where nothing in it would be taken otherwise."""
    if "\n" not in text or "'''" in text or text.endswith("'") or _ESCAPED.search(text):
        return _quoted(text)
    if not text.isprintable() and not text.replace("\n", "").replace("\t", "").isprintable():
        return _quoted(text)
    return f"'''\n{text}'''"


def _quoted(text: str) -> str:
    """A text in quotes; half a surrogate pair, which TOML cannot have, is replaced."""
    clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    escaped = json.dumps(clean, ensure_ascii=False)
    return escaped.replace("\x7f", "\\u007f")
