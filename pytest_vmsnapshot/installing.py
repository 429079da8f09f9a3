"""From what a test passes to ``install`` and ``install_config`` to files on the VM.

All mistakes of one call are found before anything is written.
"""

from __future__ import annotations

import difflib
import json
import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .config import CONFIG_PATH, ScriptConfig
from .errors import UsageError

Script = str | bytes | os.PathLike[str]
"""A script: its text, or the path of a local file."""

_DECIMALS_MEANT_AS_OCTAL = frozenset({600, 640, 644, 660, 664, 666, 700, 750, 755, 777})
"""Not 400 and 500: those are 0o620 and 0o764, which can be meant."""

_PLACES_SHOWN = 400
"""Characters of paths that do not exist, in a message."""

_NEAR = 0.75
"""How alike two names must be for one to be meant by the other; 1 is equal."""


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
        __tracebackhide__ = True
        if self.mistakes:
            raise UsageError(self.mistakes)

    def params(self, name: str, value: object) -> tuple[str, ...]:
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

    def number(self, name: str, value: object, least: int) -> int:
        """Check a whole number."""
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self.mistakes.append(
                f"{name} is {value!r}; write a whole number from {least} up, or use "
                "install_config() for a config that is wrong on purpose"
            )
            return least
        return value

    def truth(self, name: str, value: object) -> bool:
        """Check True or False."""
        if not isinstance(value, bool):
            self.mistakes.append(f"{name} is {value!r}; write True or False")
        return value is True

    def mode(self, name: str, value: object) -> int:
        """Check permission bits."""
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0o7777:
            self.mistakes.append(f"{name} is {value!r}; write permission bits, such as 0o700")
            return 0
        if value in _DECIMALS_MEANT_AS_OCTAL:
            self.mistakes.append(f"{name} is decimal {value}; write 0o{value}")
        return value

    def owner(self, name: str, value: object) -> str:
        """Check a user name or number."""
        usable = isinstance(value, str | int) and not isinstance(value, bool)
        if not usable or str(value).startswith("-") or not str(value).isprintable() or value == "":
            self.mistakes.append(f"{name} is {value!r}; write a user name, such as 'root'")
        return str(value)

    def place(self, name: str, value: object) -> str:
        """Check an absolute path on the VM."""
        if not isinstance(value, str) or not value.startswith("/") or not _can_be_path(value):
            self.mistakes.append(f"{name} is {value!r}; write an absolute path on the VM")
            return "/"
        return posixpath.normpath("/" + value.lstrip("/"))

    def local(self, name: str, value: object, otherwise: str = "") -> Path | None:
        """Find a local file or directory.

        Args:
            name: what it is, for the message.
            value: its path.
            otherwise: what else could have been written, for the message.
        """
        path = _local_path(value)
        if path is None:
            self.mistakes.append(f"{name} is {value!r}; write a local path{otherwise}")
            return None
        tried = [path] if path.is_absolute() else [base / path for base in self._bases]
        for candidate in tried:
            if os.path.exists(candidate):  # unlike Path.exists, false for a name too long
                return candidate
        places = " and ".join(str(candidate) for candidate in tried)
        if len(places) > _PLACES_SHOWN:
            places = f"{places[:_PLACES_SHOWN]}..."
        self.mistakes.append(
            f"{name}: there is no {places}{_meant(tried)}; write the path of a local "
            f"file{otherwise}"
        )
        return None

    def file(self, name: str, value: object, otherwise: str) -> Path | None:
        """Find a local file that can be read."""
        found = self.local(name, value, otherwise)
        if found is None:
            return None
        if found.is_dir():
            problem = "is a directory"
        elif not found.is_file():
            problem = "is not a regular file"
        elif not os.access(found, os.R_OK):
            problem = "cannot be read by this user"
        else:
            return found
        self.mistakes.append(f"{name}: {found} {problem}; write the path of a local file")
        return None

    def text(self, name: str, value: str) -> bytes:
        """Check text that is to become a file."""
        try:
            return value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            self.mistakes.append(
                f"{name} has {value[error.start]!r} in it, which no file can hold; write bytes"
            )
            return b""

    def content(self, name: str, value: object) -> bytes:
        """Check what a file is to hold."""
        if isinstance(value, bytes):
            return value
        if isinstance(value, str):
            return self.text(name, value)
        self.mistakes.append(f"{name} is {value!r}; write text or bytes")
        return b""

    def script(self, name: str, value: object) -> bytes | Path:
        """Find out what a script is: text, or a local file."""
        if isinstance(value, bytes):
            return value
        if isinstance(value, str) and _is_text(value):
            return self.text(name, value)
        found = self.file(name, value, ", or the script's text with its line ends")
        return b"" if found is None else found


def _is_text(value: str) -> bool:
    """Whether this is the text of a script; a path has no line ends."""
    return "\n" in value or value.startswith("#!")


def _can_be_path(value: str) -> bool:
    if "\0" in value:
        return False
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _meant(tried: Sequence[Path]) -> str:
    """What lies where a file was looked for and has nearly its name, as a phrase; empty if nothing.

    Args:
        tried: where it was looked for.
    """
    for path in tried:
        try:
            near = difflib.get_close_matches(path.name, os.listdir(path.parent), 1, _NEAR)
        except (OSError, ValueError):  # no such directory, or no path at all
            continue
        if near:
            return f" (is {path.parent / near[0]} meant?)"
    return ""


def _local_path(value: object) -> Path | None:
    if not isinstance(value, str | os.PathLike):
        return None
    path = os.fspath(value)
    return Path(path) if isinstance(path, str) and path and _can_be_path(path) else None


def vm_location(value: object, default: str) -> str:
    """Where on the VM a script lies if the test does not say: below /opt, as in the project."""
    if isinstance(value, bytes) or (isinstance(value, str) and _is_text(value)):
        return f"/opt/vmsnapshot/{default}"
    local = _local_path(value)
    if local is None:
        return "/"
    path = PurePosixPath(local)
    parts = [part for part in path.parts if part not in ("/", "..", ".")]
    return "/opt/" + ("/".join(parts) if not path.is_absolute() else path.name)


def read_config(checker: Checker, source: object) -> tuple[bytes, Path | None]:
    """The bytes a config is made of, and the local file they are read from, if it is one.

    Args:
        checker: collects mistakes.
        source: a local path, a mapping, the JSON text, or raw bytes.
    """
    if isinstance(source, bytes):
        return source, None
    if isinstance(source, Mapping):
        return _dumped(checker, source), None
    if isinstance(source, str) and ("{" in source or "\n" in source):
        return checker.text("the config", source), None
    found = checker.file("the config", source, ", a dict, JSON text or bytes")
    return (b"", None) if found is None else (found.read_bytes(), found)


def _dumped(checker: Checker, source: Mapping[Any, Any]) -> bytes:
    try:
        return json.dumps(dict(source), indent=2).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        checker.mistakes.append(f"the config cannot be written as JSON: {error}; write bytes")
        return b""


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
    directory = checker.local("scripts", scripts, ", or {'VM path': 'local path'}")
    if directory is None:
        return {}
    if not directory.is_dir():
        checker.mistakes.append(
            f"scripts: {directory} is not a directory; write the directory that holds the "
            "scripts, or {'VM path': 'local path'}"
        )
        return {}
    found: dict[str, bytes | Path] = {}
    for key in ("preScriptLocation", "postScriptLocation"):
        location = _location(content, key)
        if location in ("", "/"):
            continue
        local = found_by_name(location, [directory])
        if local is None:
            checker.mistakes.append(
                f"scripts: {directory} has no {posixpath.basename(location)} for {key} "
                f"({location}); put it there, or write "
                "scripts={'VM path': 'local path'}"
            )
        else:
            found[location] = local
    return found


def found_by_name(location: str, directories: Sequence[Path]) -> Path | None:
    """The local file that is a script on the VM: by the last parts of its path, as many as fit.

    Args:
        location: its path on the VM.
        directories: where it is looked for, in this order.
    """
    parts = [part for part in PurePosixPath(location).parts if part != "/"]
    tails = [parts[index:] for index in range(len(parts))]
    tries = (directory.joinpath(*tail) for directory in directories for tail in tails)
    return next((path for path in tries if os.path.isfile(path)), None)


def _location(content: bytes, key: str) -> str:
    try:
        value = json.loads(content).get(key)
    except (ValueError, AttributeError, RecursionError):
        return ""
    usable = isinstance(value, str) and value.startswith("/") and _can_be_path(value)
    return posixpath.normpath("/" + value.lstrip("/")) if usable else ""


def planned_config(config: ScriptConfig | bytes, mode: int, owner: str) -> PlannedFile:
    """The config as a file to be written."""
    content = config if isinstance(config, bytes) else config.to_json().encode("ascii")
    return PlannedFile(CONFIG_PATH, content, mode, owner)


def planned_copy(
    source: Path,
    target: str,
    mode: int | None,
    owner: str,
    mistakes: list[str],
    above: tuple[Path, ...] = (),
) -> Iterator[PlannedFile]:
    """A local file, or a directory with all in it, as files to be written.

    Args:
        source: what is copied. Links in it are followed, those that lead nowhere passed over.
        target: the path it gets on the VM.
        mode: permission bits of every file; None for those of the local ones.
        owner: name or number of the owner of everything.
        mistakes: takes what cannot be copied.
        above: the directories that are being copied around this one.
    """
    bits = source.stat().st_mode & 0o7777
    if source.is_file():
        yield PlannedFile(target, source, bits if mode is None else mode, owner)
        return
    place = source.resolve()
    if not source.is_dir():
        mistakes.append(f"{source} is neither a file nor a directory; copy what lies beside it")
        return
    if place in above:
        mistakes.append(f"{source} is a link to a directory above it; copy what lies beside it")
        return
    yield PlannedFile(target, source, bits, owner)
    for child in sorted(source.iterdir()):
        if child.exists():
            there = f"{target.rstrip('/')}/{child.name}"
            yield from planned_copy(child, there, mode, owner, mistakes, (*above, place))
