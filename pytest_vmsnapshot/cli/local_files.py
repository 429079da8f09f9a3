"""From what is written on the command line to local files: a config, and the scripts it names."""

from __future__ import annotations

import json
import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import CompletionItem

from ..config import CONFIG_PATH
from ..errors import UsageError
from ..installing import found_by_name

if TYPE_CHECKING:
    from ..contract.settings import Settings

    _ConfigType = click.ParamType[Path]
    _ScriptsType = click.ParamType[Path | tuple[str, Path]]
else:
    _ConfigType = _ScriptsType = click.ParamType  # generic since click 8.4

CONFIG_NAME: Final = PurePosixPath(CONFIG_PATH).name
"""How the framework calls its config."""

_KEYS = ("preScriptLocation", "postScriptLocation")


_NAMED: Final = 3
"""Directories that a message names."""


def where_to_look(near: Path) -> str:
    """What to write where no config was found: a directory that has one, if one is near.

    Args:
        near: the directory below which it may lie.
    """
    found = sorted(str(path.parent) for path in near.glob(f"*/{CONFIG_NAME}"))
    if found:
        return f"one lies in {', '.join(found[:_NAMED])}; write that directory"
    return (
        f"write the path of a config, or the directory in which one lies as {CONFIG_NAME}; "
        "vmsnapshot init writes a first one"
    )


@dataclass(frozen=True, slots=True)
class Given:
    """What ``--scripts`` says.

    Args:
        directories: where scripts are looked for by their names, in this order.
        mapped: paths on the VM, and the local file of each.
    """

    directories: tuple[Path, ...] = ()
    mapped: Mapping[str, Path] | None = None


class ConfigFile(_ConfigType):
    """A config: a file, or the directory it lies in by its name."""

    name = "config"

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """Find it.

        Raises:
            BadParameter: it is not there.
        """
        path = Path(value)
        near = path if path.is_dir() else Path()
        if path.is_dir():
            path = path / CONFIG_NAME
        if not path.is_file():
            what = "is no regular file" if path.exists() else "is not there"
            self.fail(f"{path} {what}; {where_to_look(near)}", param, ctx)
        if path.suffix != ".json":
            self.fail(
                f"{path} is no config, for its name does not end in .json; write the path of the "
                "config, or the directory it lies in",
                param,
                ctx,
            )
        if not os.access(path, os.R_OK):
            self.fail(f"{path} cannot be read by this user", param, ctx)
        return path

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Let the shell complete names of files."""
        return [CompletionItem(incomplete, type="file")]


class ScriptsWord(_ScriptsType):
    """One value of ``--scripts``: a directory, or ``/path/on/vm=local/file``."""

    name = "DIR|VM=LOCAL"

    def convert(
        self,
        value: str | Path | tuple[str, Path],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path | tuple[str, Path]:
        """Find the directory, or the file.

        Raises:
            BadParameter: it is not there.
        """
        if not isinstance(value, str):
            return value
        place, equals, local = value.partition("=")
        if equals and place.startswith("/"):
            if not Path(local).is_file():
                self.fail(f"{local or 'the empty path'} is no file here ({value})", param, ctx)
            return posixpath.normpath("/" + place.lstrip("/")), Path(local)
        if not Path(value).is_dir():
            self.fail(
                f"{value} is no directory here; write one, or the script's path on the VM and its "
                "local file, as /opt/app/pre.sh=deploy/pre.sh",
                param,
                ctx,
            )
        return Path(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Let the shell complete names of directories."""
        return [CompletionItem(incomplete, type="dir")]


def given(words: Sequence[Path | tuple[str, Path]]) -> Given:
    """All values of ``--scripts`` together."""
    directories = tuple(word for word in words if isinstance(word, Path))
    mapped = dict(word for word in words if not isinstance(word, Path))
    return Given(directories, mapped)


def scripts_of(config: Path, found: Given, settings: Settings) -> dict[str, Path]:
    """The local file of each script that a config names, and of whatever else is mapped.

    A config that cannot be read names none: what becomes of it, the backup tells.

    Args:
        config: the local config.
        found: what the command line says of scripts.
        settings: what the settings say of them, where the command line does not.

    Raises:
        UsageError: the file of a script is not there; all that are missing are named.
    """
    scripts = {**(settings.scripts or {}), **(found.mapped or {})}
    directories = found.directories or (settings.beside or config.parent,)
    mistakes = []
    for key, location in _locations(config.read_bytes()).items():
        if location in scripts:
            continue
        local = found_by_name(location, directories)
        if local is None:
            places = ", ".join(str(directory) for directory in directories)
            mistakes.append(
                f"{config}: {key} is {location}, and there is no {posixpath.basename(location)} in "
                f"{places}; put it there, or write --scripts DIR, or --scripts {location}=LOCAL"
            )
        else:
            scripts[location] = local
    if mistakes:
        raise UsageError(mistakes)
    return scripts


def _locations(content: bytes) -> dict[str, str]:
    """Keys of a config, and the absolute paths they have."""
    try:
        keys = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(keys, dict):
        return {}
    return {
        key: posixpath.normpath("/" + value.lstrip("/"))
        for key in _KEYS
        if isinstance(value := keys.get(key), str)
        and value.startswith("/")
        and value.strip("/")
        and "\0" not in value
    }
