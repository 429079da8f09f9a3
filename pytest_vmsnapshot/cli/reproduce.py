"""``vmsnapshot reproduce``: from the extension's log to cases, and whether they show the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ..errors import UsageError
from ..installing import found_by_name
from ..shells import NAMES as SHELLS
from .local_files import ConfigFile, ScriptsWord
from .local_files import given as words_given
from .mistakes import OneOf
from .page import say, say_json

if TYPE_CHECKING:
    from ..extension_log.case_files import Given
    from ..extension_log.logged import Logged

_STANDARD_STREAM: Final = "-"

_STANDARD_INPUT = Path("/dev/stdin")

_REPRODUCED = 0
_NOT_REPRODUCED = 1
"""Exit statuses."""

_LINE_LOOKED_FOR: Final = (
    "2024-01-14 22:16:48.792020 [Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0]starting "
    "daemon initially"
)


@click.command("reproduce", short_help="Make tests of the backups that an extension.log tells of.")
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="LOG...")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write the cases to this file, whose name ends in .vmsnapshot.toml; - for standard "
    "output, and then all else goes to standard error.",
)
@click.option("--force", is_flag=True, help="Overwrite the file of --output.")
@click.option(
    "--config",
    type=ConfigFile(),
    help="The real config, for the one that is otherwise put together from the log.",
)
@click.option(
    "--scripts",
    type=ScriptsWord(),
    multiple=True,
    help="Where the real scripts lie here: a directory, or the path on the VM and the local file. "
    "May be given several times. With --config alone they are looked for beside it.",
)
@click.option(
    "--shell",
    type=OneOf("shell", SHELLS),
    metavar="SHELL",
    help="What /bin/sh is for the real scripts: a shell or a distribution. By default that of the "
    "distribution that the log names.",
)
@click.option(
    "--last", type=click.IntRange(min=1), metavar="N", help="Only the last N backups of the log."
)
@click.option(
    "--alone", is_flag=True, help="Do not read older parts of the log that lie beside LOG."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of words.")
def command(
    logs: tuple[Path, ...],
    *,
    output: str | None,
    force: bool,
    config: Path | None,
    scripts: tuple[Path | tuple[str, Path], ...],
    shell: str | None,
    last: int | None,
    alone: bool,
    as_json: bool,
) -> int:
    """Find each backup in the extension's LOG, run it again on a VM here, and say whether the same
    comes of it.

    The log is /var/log/azure/Microsoft.Azure.RecoveryServices.VMSnapshotLinux/.../extension.log of
    the VM. Parts that were rotated, and gzipped, are read if they lie beside it, or are named too.
    With - it is read from standard input. What the log does not say, and lines that are not known,
    are told and not guessed.

    \b
    Examples:
      vmsnapshot reproduce extension.log
      vmsnapshot reproduce extension.log -o tests/incident.vmsnapshot.toml
      vmsnapshot reproduce extension.log --last 1 --config deploy --scripts deploy
      vmsnapshot reproduce extension.log extension.log.1 --json
      ssh vm sudo cat .../extension.log | vmsnapshot reproduce -

    Exit status: 0 if every backup is reproduced, as far as the log tells of it; 1 if one is not; 2
    if there is none, or the log cannot be read.
    """
    from ..extension_log.logged import understand
    from ..extension_log.reading import read_files
    from ..extension_log.reproducing import all_reproduced, reproduce, write
    from ..extension_log.telling import as_facts, in_words

    place = _place(output, force=force)
    logs = tuple(_STANDARD_INPUT if str(log) == _STANDARD_STREAM else log for log in logs)
    logged = understand(read_files(_with_older_parts(logs, alone=alone)))
    _check_there_are_backups(logged)
    if last is not None:
        logged = replace(logged, backups=logged.backups[-last:])
    own = _given(config, scripts, place, shell or "")
    written = write(logged, own)
    if place is not None and written.text:
        place.write_text(written.text, encoding="utf-8")
    elif output == _STANDARD_STREAM:
        click.echo(written.text, nl=False)
    found = tuple(reproduce(logged, written, place))
    aside = output == _STANDARD_STREAM
    if as_json:
        say_json(as_facts(logged, found), err=aside)
    else:
        say(in_words(logged, found, output or "", has_own_files=own is not None), err=aside)
    return _REPRODUCED if all_reproduced(found) else _NOT_REPRODUCED


def _with_older_parts(logs: Sequence[Path], *, alone: bool) -> list[Path]:
    """The files of a log: those that are named, and those that lie beside a single one."""
    from ..extension_log.reading import rotated_beside

    return [*logs, *(rotated_beside(logs[0]) if len(logs) == 1 and not alone else ())]


def _check_there_are_backups(logged: Logged) -> None:
    """Say what a log looks like.

    Raises:
        UsageError: no backup is told of.
    """
    if logged.backups:
        return
    files = ", ".join(logged.files)
    first = f"; the first that is not known is {logged.unknown[0]}" if logged.unknown else ""
    lines = "line" if logged.lines == 1 else "lines"
    repeated = ""
    if logged.repeated:
        repeated = f", and {logged.repeated} requests for backups that had been taken already"
    raise UsageError(
        [
            f"{files}: no backup is told of in {logged.lines} {lines}{repeated}{first}. The lines "
            f"of an extension.log are such as {_LINE_LOOKED_FOR!r}"
        ]
    )


def _place(output: str | None, *, force: bool) -> Path | None:
    """Where the cases are written to, if to a file.

    Raises:
        UsageError: they cannot be, or must not.
    """
    from ..scenario.case import SUFFIX

    if output is None or output == _STANDARD_STREAM:
        return None
    path = Path(output)
    if not path.name.endswith(SUFFIX):
        stem = path.name.removesuffix(".toml")
        better = path.with_name(f"{stem}{SUFFIX}")
        raise UsageError([f"{path}: pytest finds cases in files named *{SUFFIX}; write {better}"])
    if not path.parent.is_dir():
        raise UsageError([f"{path}: {path.parent} is no directory; make it first"])
    if path.exists() and not (force and path.is_file()):
        wanted = "write another name" if path.is_dir() else "write --force to overwrite it"
        raise UsageError([f"{path} is there already; {wanted}"])
    return path


def _given(
    config: Path | None,
    scripts: Sequence[Path | tuple[str, Path]],
    place: Path | None,
    shell: str,
) -> Given | None:
    """The author's own files; None if there are none."""
    from ..extension_log.case_files import Given

    if config is None and not scripts:
        return None
    said = words_given(scripts)
    mapped: Mapping[str, Path] = said.mapped or {}
    directories = said.directories or (() if config is None else (config.parent,))

    def find(location: str) -> Path | None:
        if location in mapped:
            return mapped[location].absolute()
        found = found_by_name(location, directories)
        return None if found is None else found.absolute()

    near = None if place is None else place.absolute().parent
    return Given(None if config is None else config.absolute(), find, near, shell)
