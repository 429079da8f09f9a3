"""Reading what a VM keeps of a backup for reports, while it can still be read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .config import CONFIG_PATH
from .file_damage import script_location
from .kept import LIMIT, KeptFile
from .protocols import Guest

_KEYS = ("preScriptLocation", "postScriptLocation")


def texts(
    guest: Guest, sources: Mapping[str, Path]
) -> tuple[KeptFile | None, tuple[KeptFile, ...]]:
    """The config and the scripts of a VM as they are now.

    Args:
        guest: the VM.
        sources: local files that were copied to the VM, by where they lie there.

    Returns:
        The config, and the scripts it names, as far as they are there.
    """
    found = _read(guest, (CONFIG_PATH,), sources)
    if not found:
        return None, ()
    (config,) = found
    places = (script_location(config.content, key) for key in _KEYS)
    wanted = tuple(dict.fromkeys(place for place in places if place.startswith("/")))
    return config, _read(guest, wanted, sources)


def _read(
    guest: Guest, places: tuple[str, ...], sources: Mapping[str, Path]
) -> tuple[KeptFile, ...]:
    if not places:
        return ()
    return tuple(
        KeptFile(facts.path, facts.content, equal_source(facts.content, sources.get(facts.path)))
        for facts in guest.examine(places, LIMIT)
        if facts.content is not None
    )


def equal_source(content: bytes, local: Path | None) -> Path | None:
    """The local file, if what lies on the VM is still what it holds.

    Args:
        content: the first ``LIMIT`` bytes on the VM.
        local: the local file that was copied there, or None.
    """
    if local is None:
        return None
    try:
        with open(local, "rb") as file:
            return local if os.read(file.fileno(), LIMIT) == content else None
    except OSError:
        return None
