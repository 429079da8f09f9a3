"""``vmsnapshot.toml``: what an author says of a contract, in words of the config's project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..declared.stage import Stage, read_stage
from ..declared.table import Table
from ..declared.toml_file import TomlFile
from ..lint.codes import unknown_ignores
from ..shells import NAMES as SHELLS

SETTINGS_FILE = "vmsnapshot.toml"
"""Lies beside a config, or in a directory above it."""

LINT = "lint"
"""What all static findings are called where checks are named."""

TARGETS = ("debian", "rhel")
"""Distributions whose ``/bin/sh`` the scripts must run under, unless a file says otherwise: one for
each of the shells that those have which Azure Backup supports (dash, bash).
"""

SHARE = 0.5
"""The part of its time limit that a script may need in a backup that goes well."""

LOGS = ("/var/log/**",)
"""Where scripts may leave what they like."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """Modes and owners that config and scripts have on the VM.

    Args:
        as_files: they are those of the local files, as with ``cp -p`` or a clone on the VM.
        config_mode: permission bits of the config.
        config_owner: name or number.
        script_mode: permission bits of both scripts.
        script_owner: name or number.
    """

    as_files: bool = False
    config_mode: int = 0o600
    config_owner: str | int = "root"
    script_mode: int = 0o700
    script_owner: str | int = "root"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a settings file says.

    Args:
        path: the file; None if there is none, and everything is as usual.
        scripts: local files by their path on the VM; None to find them by their names.
        beside: the directory in which they are found by their names; None: the config's.
        skip: names of checks that are not made.
        ignore: codes of static findings that are not told.
        shells: names of shells, or of distributions.
        share: the part of its time limit that a script may need.
        may_fail: names of commands whose failure a script may pass over.
        real: names of commands that are not doubled though they usually are.
        keep: patterns of paths that may stay behind.
        deployed: modes and owners on the VM.
        stage: files, command doubles, volumes.
    """

    path: Path | None = None
    scripts: Mapping[str, Path] | None = None
    beside: Path | None = None
    skip: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    shells: tuple[str, ...] = TARGETS
    share: float = SHARE
    may_fail: tuple[str, ...] = ()
    real: tuple[str, ...] = ()
    keep: tuple[str, ...] = LOGS
    deployed: Deployed = Deployed()
    stage: Stage = Stage()  # noqa: RUF009  # it is frozen


def settings_near(config: Path, top: Path, checks: tuple[str, ...]) -> Settings:
    """The settings that go with a config: from the nearest file, beside it or above.

    Args:
        config: the config.
        top: the project's directory, above which is not looked.
        checks: names of all checks.

    Raises:
        DeclarationError: the file is wrong; all mistakes are named.
    """
    for directory in config.parents:
        path = directory / SETTINGS_FILE
        if path.is_file():
            return read_settings(path, checks)
        if directory in (top, top.resolve()):
            break
    return Settings()


def read_settings(path: Path, checks: tuple[str, ...]) -> Settings:
    """Read a settings file.

    Args:
        path: the file.
        checks: names of all checks.

    Raises:
        DeclarationError: the file is wrong; all mistakes are named.
    """
    table = Table.of(TomlFile.load(path))
    scripts, beside = _scripts(table)
    settings = Settings(
        path=path,
        scripts=scripts,
        beside=beside,
        skip=table.known_words("skip", (), (*checks, LINT)),
        ignore=_codes(table),
        shells=table.known_words("shells", TARGETS, SHELLS),
        share=_share(table),
        may_fail=table.texts("may_fail", ()),
        real=table.texts("real", ()),
        keep=(*LOGS, *table.texts("keep", ())),
        deployed=_deployed(table.table("deployed")),
        stage=read_stage(table),
    )
    table.finish()
    return settings


def _scripts(table: Table) -> tuple[Mapping[str, Path] | None, Path | None]:
    if not table.is_table("scripts"):
        return None, table.local("scripts", None)
    rows = table.table("scripts")
    assert rows is not None
    found = {}
    for place in rows.names():
        if not place.startswith("/"):
            rows.wrong(place, f"scripts has the key {place!r}; write an absolute path on the VM")
        elif (local := rows.local(place, None)) is not None:
            found[place] = local
    return found, None


def _codes(table: Table) -> tuple[str, ...]:
    codes = table.texts("ignore", ())
    for mistake in unknown_ignores(codes):
        table.wrong("ignore", mistake)
    return codes


def _share(table: Table) -> float:
    share = table.seconds("share", SHARE)
    if not 0 < share <= 1:
        table.wrong("share", f"share is {share:g}; write a part of the time limit, such as 0.5")
    return share


def _deployed(table: Table | None) -> Deployed:
    if table is None:
        return Deployed()
    usual = Deployed()
    return Deployed(
        table.truth("as_files", default=False),
        table.mode("config_mode", usual.config_mode),
        table.owner("config_owner", usual.config_owner),
        table.mode("script_mode", usual.script_mode),
        table.owner("script_owner", usual.script_owner),
    )
