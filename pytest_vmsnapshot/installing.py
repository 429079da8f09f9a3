"""From what a test passes to ``install`` and ``install_config`` to files on the VM.

All mistakes of one call are found before anything is written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .config import CONFIG_PATH, ScriptConfig
from .errors import UsageError

Script = str | bytes | os.PathLike[str]
"""A script: its text, or the path of a local file."""

_DECIMALS_MEANT_AS_OCTAL = frozenset({400, 500, 600, 640, 644, 660, 664, 666, 700, 750, 755, 777})


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file to be put on the VM.

    Args:
        path: where it will lie.
        content: its bytes, or the local file to copy.
        mode: permission bits.
        owner: name or number.
    """

    path: str
    content: bytes | Path
    mode: int
    owner: str


class Checker:
    """Collects the mistakes of one call.

    Args:
        bases: local directories against which relative paths are looked up, in order.
    """

    def __init__(self, bases: Sequence[Path]) -> None:
        self.mistakes: list[str] = []
        self._bases = tuple(bases)

    def finish(self) -> None:
        """Report what was found.

        Raises:
            UsageError: there were mistakes.
        """
        if self.mistakes:
            raise UsageError(self.mistakes)

    def params(self, name: str, value: Sequence[str]) -> tuple[str, ...]:
        """Check a list of strings."""
        if isinstance(value, str | bytes):
            self.mistakes.append(f"{name} is a string, {value!r}; write {name}=[{value!r}]")
        elif not isinstance(value, Sequence):
            self.mistakes.append(f"{name} is {value!r}; write a list of strings")
        elif wrong := [item for item in value if not isinstance(item, str)]:
            self.mistakes.append(
                f"{name} has {wrong[0]!r} in it; write strings, or use install_config() for a "
                "config with other types"
            )
        else:
            return tuple(value)
        return ()

    def number(self, name: str, value: int, least: int) -> int:
        """Check a whole number."""
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self.mistakes.append(
                f"{name} is {value!r}; write a whole number from {least} up, or use "
                "install_config() for a config that is wrong on purpose"
            )
        return value

    def truth(self, name: str, value: bool) -> bool:
        """Check True or False."""
        if not isinstance(value, bool):
            self.mistakes.append(f"{name} is {value!r}; write True or False")
        return value

    def mode(self, name: str, value: int) -> int:
        """Check permission bits."""
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0o7777:
            self.mistakes.append(f"{name} is {value!r}; write permission bits, such as 0o700")
        elif value in _DECIMALS_MEANT_AS_OCTAL:
            self.mistakes.append(f"{name} is decimal {value}; write 0o{value}")
        return value

    def owner(self, name: str, value: str | int) -> str:
        """Check a user name or number."""
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            self.mistakes.append(f"{name} is {value!r}; write a user name, such as 'root'")
        return str(value)

    def place(self, name: str, value: str) -> str:
        """Check an absolute path on the VM."""
        if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
            self.mistakes.append(f"{name} is {value!r}; write an absolute path on the VM")
            return "/"
        return os.path.normpath(value)

    def local(self, name: str, value: str | os.PathLike[str]) -> Path | None:
        """Find a local file or directory."""
        path = Path(os.fspath(value))
        tried = [path] if path.is_absolute() else [base / path for base in self._bases]
        for candidate in tried:
            if candidate.exists():
                return candidate
        places = " and ".join(str(candidate) for candidate in tried)
        self.mistakes.append(f"{name}: there is no {places}; write the path of a local file")
        return None

    def script(self, name: str, value: Script) -> bytes | Path:
        """Find out what a script is: text, or a local file."""
        if isinstance(value, bytes):
            return value
        if isinstance(value, str) and ("\n" in value or value.startswith("#!")):
            return value.encode("utf-8", "surrogateescape")
        if not isinstance(value, str | os.PathLike):
            self.mistakes.append(f"{name} is {value!r}; write a local path or the script's text")
            return b""
        before = len(self.mistakes)
        found = self.local(name, value)
        if found is None:
            self.mistakes[before] += ", or the script's text with its line ends"
            return b""
        if found.is_dir():
            self.mistakes.append(f"{name}: {found} is a directory; write the path of a script")
            return b""
        return found


def vm_location(value: Script, default: str) -> str:
    """Where on the VM a script lies if the test does not say: below /opt, as in the project."""
    if isinstance(value, bytes) or (
        isinstance(value, str) and ("\n" in value or value[:2] == "#!")
    ):
        return f"/opt/vmsnapshot/{default}"
    if not isinstance(value, str | os.PathLike):
        return "/"
    path = PurePosixPath(os.fspath(value))
    parts = [part for part in path.parts if part not in ("/", "..", ".")]
    return "/opt/" + ("/".join(parts) if not path.is_absolute() else path.name)


def read_config(checker: Checker, source: Any) -> bytes:
    """The bytes a config is made of.

    Args:
        checker: collects mistakes.
        source: a local path, a mapping, the JSON text, or raw bytes.
    """
    if isinstance(source, bytes):
        return source
    if isinstance(source, Mapping):
        return json.dumps(source, indent=2).encode("ascii")
    if isinstance(source, str) and ("{" in source or "\n" in source):
        return source.encode("utf-8", "surrogateescape")
    if not isinstance(source, str | os.PathLike):
        checker.mistakes.append(
            f"the config is {source!r}; write a local path, a dict, JSON text or bytes"
        )
        return b""
    found = checker.local("the config", source)
    if found is None:
        return b""
    if found.is_dir():
        checker.mistakes.append(f"the config {found} is a directory; write the path of the file")
        return b""
    return found.read_bytes()


def scripts_of_config(
    checker: Checker,
    content: bytes,
    scripts: str | os.PathLike[str] | Mapping[str, Script] | None,
) -> dict[str, bytes | Path]:
    """The scripts that go with a config: by a mapping, or from a directory by their names.

    Args:
        checker: collects mistakes.
        content: the config's bytes; locations are taken from it where it can be read.
        scripts: VM paths and what lies there, or the local directory that holds the scripts.
    """
    if scripts is None:
        return {}
    if isinstance(scripts, Mapping):
        return {
            checker.place("scripts", place): checker.script(f"scripts[{place!r}]", script)
            for place, script in scripts.items()
        }
    directory = checker.local("scripts", scripts)
    if directory is None:
        return {}
    found: dict[str, bytes | Path] = {}
    for key in ("preScriptLocation", "postScriptLocation"):
        location = _location(content, key)
        if not location:
            continue
        parts = PurePosixPath(location).parts[1:]
        tries = [directory.joinpath(*parts[index:]) for index in range(len(parts))]
        local = next((path for path in tries if path.is_file()), None)
        if local is None:
            checker.mistakes.append(
                f"scripts: {directory} has no {parts[-1]} for {key} ({location}); put it there, or "
                "write scripts={'VM path': 'local path'}"
            )
        else:
            found[location] = local
    return found


def _location(content: bytes, key: str) -> str:
    try:
        value = json.loads(content).get(key)
    except (ValueError, AttributeError, RecursionError):
        return ""
    usable = isinstance(value, str) and value.startswith("/") and "\0" not in value
    return os.path.normpath(value) if usable else ""


def planned_config(config: ScriptConfig | bytes, mode: int, owner: str) -> PlannedFile:
    """The config as a file to be written."""
    content = config if isinstance(config, bytes) else config.to_json().encode("ascii")
    return PlannedFile(CONFIG_PATH, content, mode, owner)
