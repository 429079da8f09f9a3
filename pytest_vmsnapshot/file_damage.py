"""What can be wrong with a file: other content, or something else in its place."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .faults import Damage


class Place(enum.Enum):
    """What lies in a file's place instead of it."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    DIRECTORY = "directory"
    DANGLING = "dangling"


_UNQUOTED = re.compile(rb":(\s*)(true|false)\b")
_LAST_VALUE = re.compile(rb",?(\s*[}\]]\s*)\Z")
_FIRST_KEY = re.compile(rb'"(\w+)Location"(\s*:)')


def _crlf(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _comment(content: bytes) -> bytes:
    return b"// scripts of the backup\n" + content


def _not_an_object(content: bytes) -> bytes:
    return b"[" + content.rstrip() + b"]\n"


def _quoted_booleans(content: bytes) -> bytes:
    return _UNQUOTED.sub(rb':\1"\2"', content)


def _misspelt_key(content: bytes) -> bytes:
    return _FIRST_KEY.sub(rb'"\1Locaton"\2', content, count=1)


EVERYWHERE: Mapping[str, Damage] = MappingProxyType(
    {"crlf": _crlf, "truncated": _truncated, "empty": lambda _: b""}
)
"""Damage any file can have."""

OF_A_CONFIG: Mapping[str, Damage] = MappingProxyType(
    {
        **EVERYWHERE,
        "bom": lambda content: b"\xef\xbb\xbf" + content,
        "single_quotes": lambda content: content.replace(b'"', b"'"),
        "trailing_comma": lambda content: _LAST_VALUE.sub(rb",\1", content),
        "comment": _comment,
        "not_an_object": _not_an_object,
        "quoted_booleans": _quoted_booleans,
        "misspelt_key": _misspelt_key,
    }
)
"""Damage a config can have besides."""

OF_A_PLUGIN_HOST: Mapping[str, Damage] = MappingProxyType(
    {**EVERYWHERE, "corrupt": lambda _: b"pre_post]\ntimeoutInSeconds\n"}
)
"""Damage a Pluginhost file can have besides."""

KINDS: Mapping[str, Mapping[str, Damage]] = MappingProxyType(
    {
        "pre_file": EVERYWHERE,
        "post_file": EVERYWHERE,
        "config_file": OF_A_CONFIG,
        "plugin_host": OF_A_PLUGIN_HOST,
    }
)
"""Damage by name, for each file a fault can be about."""


def names(which: str) -> tuple[str, ...]:
    """Every name of what can be wrong with a file.

    Args:
        which: a key of ``KINDS``.
    """
    return (*(place.value for place in Place), *KINDS[which])


def script_location(config: bytes, key: str) -> str:
    """Where a config says that a script lies; empty where it says nothing of use.

    Args:
        config: its bytes.
        key: ``preScriptLocation`` or ``postScriptLocation``.
    """
    try:
        found: Any = json.loads(config)
    except (ValueError, RecursionError):
        return ""
    place = found.get(key) if isinstance(found, dict) else None
    return place if isinstance(place, str) and place and "\0" not in place else ""
