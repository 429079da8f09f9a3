"""The files of a starter project, and putting them into a directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ..errors import UsageError
from .local_files import CONFIG_NAME

APPS: Final = ("generic", "systemd", "mysql", "postgresql")
"""Applications there are scripts for."""

CIS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "github": ".github/workflows/backup-scripts.yml",
        "gitlab": ".gitlab-ci.yml",
        "azure": "azure-pipelines.yml",
        "none": "",
    }
)
"""Continuous integrations, and the file each reads."""

_SHARED = {
    "README.md": "README.md",
    "pytest.ini": "pytest.ini",
    ".coveragerc": "coveragerc",
    f"deploy/{CONFIG_NAME}": "config.json",
    "deploy/vmsnapshot.toml": "settings.toml",
    "backup.vmsnapshot.toml": "cases.toml",
}
_OF_APP = {
    "deploy/pre.sh": "pre.sh",
    "deploy/post.sh": "post.sh",
    "test_backup.py": "tests.txt",
}

_FILLED_IN = {"@about@": "about.md", "@stage@": "stage.toml"}
"""Places in templates, and the file of the application that stands there."""

_SHOWN = 10
"""Names of files in a message."""


@dataclass(frozen=True, slots=True)
class StarterFile:
    """One file of the project.

    Args:
        path: where it lies in the project.
        content: its text.
        mode: permission bits.
    """

    path: str
    content: str
    mode: int = 0o644


def files_of(app: str, ci: str) -> tuple[StarterFile, ...]:
    """The files of a project.

    Args:
        app: one of ``APPS``.
        ci: one of ``CIS``.
    """
    filled = {mark: _template(f"{app}/{name}").strip() for mark, name in _FILLED_IN.items()}
    sources = {**_SHARED, **{path: f"{app}/{name}" for path, name in _OF_APP.items()}}
    if CIS[ci]:
        sources[CIS[ci]] = f"ci/{ci}.yml"
    found = []
    for path, source in sorted(sources.items()):
        content = _template(source)
        for mark, text in filled.items():
            content = content.replace(mark, text)
        found.append(StarterFile(path, content, 0o755 if path.endswith(".sh") else 0o644))
    return tuple(found)


def put_into(directory: Path, files: tuple[StarterFile, ...], *, force: bool) -> tuple[str, ...]:
    """Write the files.

    Args:
        directory: where; it is made if it is not there.
        files: what is written.
        force: whether there may be something already, and be overwritten.

    Returns:
        Paths of files that were there and are overwritten.

    Raises:
        UsageError: there is something that must not be overwritten; nothing was written.
    """
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is no directory; write one that is not there, or is empty")
    there = sorted(os.listdir(directory)) if directory.is_dir() else []
    overwritten = tuple(file.path for file in files if os.path.lexists(directory / file.path))
    if there and not force:
        raise UsageError(_not_empty(directory, there, overwritten))
    if blocked := list(_blocked(directory, files)):
        raise UsageError(blocked)
    for file in files:
        path = directory / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.content, encoding="utf-8")
        path.chmod(file.mode)
    return overwritten


def _not_empty(directory: Path, there: list[str], overwritten: tuple[str, ...]) -> str:
    more = f", and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    text = f"{directory} is not empty: it has {', '.join(there[:_SHOWN])}{more}"
    would = f"overwrite {', '.join(overwritten)}" if overwritten else "overwrite none of it"
    return f"{text}; write another directory, or --force, which would {would}"


def _blocked(directory: Path, files: tuple[StarterFile, ...]) -> list[str]:
    """What stands where a file is to lie and is no file that can be overwritten."""
    found = []
    for file in files:
        path = directory / file.path
        found += [
            f"{parent} is no directory of its own; move it away"
            for parent in path.parents
            if directory in parent.parents
            and os.path.lexists(parent)
            and (parent.is_symlink() or not parent.is_dir())
        ]
        if path.is_symlink() or path.is_dir():
            what = "a link" if path.is_symlink() else "a directory"
            found.append(f"{path} is {what}, and a file is to lie there; move it away")
    return list(dict.fromkeys(found))


def _template(name: str) -> str:
    return resources.files(__package__).joinpath("starter", name).read_text(encoding="utf-8")
