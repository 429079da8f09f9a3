"""``vmsnapshot check``: the contract of a config and its scripts, without pytest's own words."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..ci.service import OFF, asked_for
from .check_names import CheckName
from .ci_option import ci_option
from .local_files import ConfigFile
from .mistakes import MISTAKE, OneOf
from .page import paragraph, say, say_json

if TYPE_CHECKING:
    from .check_results import Summary
    from .check_session import Wanted

_HOLDS = 0
_BROKEN = 1
"""Exit statuses."""


@click.command("check", short_help="Check everything a config and its scripts must keep.")
@click.argument("configs", type=ConfigFile(), nargs=-1, required=True, metavar="CONFIG...")
@click.option(
    "-k",
    "keyword",
    metavar="WORDS",
    default="",
    help="Only checks whose names have these words in them, as pytest's -k: 'post or shell'.",
)
@click.option(
    "--only",
    type=CheckName(),
    metavar="CHECK",
    multiple=True,
    help="Only this check, such as quiet, shell[debian] or lint. May be given several times.",
)
@click.option(
    "--skip",
    type=CheckName(),
    metavar="CHECK",
    multiple=True,
    help="Not this check. May be given several times.",
)
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Show each code of the lint, how long each check took, and notes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of words.")
@click.option(
    "--sarif",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write what the lint has found into this file, as SARIF 2.1.0.",
)
@ci_option
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes share the work; more than one need pytest-xdist.",
)
@click.option(
    "--guest",
    type=OneOf("guest", ("auto", "root", "subids", "rootless", "sudo")),
    default="auto",
    show_default=True,
    metavar="GUEST",
    help="Where the VMs' processes run; vmsnapshot doctor tells what works here.",
)
def command(
    configs: tuple[Path, ...],
    *,
    keyword: str,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    verbose: bool,
    as_json: bool,
    sarif: Path | None,
    ci: str,
    processes: int,
    guest: str,
) -> int:
    """Check everything that CONFIG and its scripts must keep, on throwaway VMs.

    CONFIG is a VMSnapshotScriptPluginConfig.json, or the directory it lies in. Where its scripts
    are, and what else is to be known of it, a vmsnapshot.toml beside it says. Commands that this
    machine has not are doubled. pytest's own settings do not count.

    \b
    Examples:
      vmsnapshot check deploy/VMSnapshotScriptPluginConfig.json
      vmsnapshot check deploy --skip quiet -v
      vmsnapshot check */deploy --json > checks.json

    Exit status: 0 if all holds, 1 if a check failed, 2 if something could not be checked.
    """
    from .check_session import Wanted

    wanted = Wanted(configs, keyword, only, skip, processes, guest)
    return checked(wanted, Telling(verbose, as_json, sarif, ci))


@dataclass(frozen=True, slots=True)
class Telling:
    """How it is told what became of checks.

    Args:
        verbose: whether everything is told.
        as_json: whether it is told as JSON.
        sarif: a file for what the lint has found.
        ci: which CI is told, too.
    """

    verbose: bool = False
    as_json: bool = False
    sarif: Path | None = None
    ci: str = OFF


def checked(wanted: Wanted, telling: Telling, more: Sequence[str] = ()) -> int:
    """Make the checks and say what became of them.

    Args:
        wanted: what is to be checked.
        telling: how that is told.
        more: further options of pytest.

    Returns:
        The exit status.

    Raises:
        GuestUnavailable: no VM can be made here.
        ClickException: there is nothing to check.
    """
    from ..guest.session import open_session
    from ..running import description
    from .check_results import Lines, show_summary
    from .check_session import run_checks

    with contextlib.closing(open_session(wanted.guest)) as session:  # fails once, not each check
        guest = description(session, "auto")
    if not telling.as_json:
        say(paragraph(guest, "  ", ""))
    lines = Lines(verbose=telling.verbose)
    try:
        ended = run_checks(wanted, (lambda _: None) if telling.as_json else lines.show, more)
    except KeyboardInterrupt:
        raise click.Abort from None
    summary = ended.summary
    if ended.failed:  # pytest has said why
        return MISTAKE
    if not summary.results and not summary.broken:
        raise click.UsageError("no check is left to run; see -k, --only and --skip")
    if telling.sarif is not None:
        _write_sarif(summary, telling.sarif)
    if telling.as_json:
        say_json(_facts(summary, guest))
    else:
        lines.finish()
        show_summary(summary, verbose=telling.verbose)
    if (service := asked_for(telling.ci, os.environ)) is not None:
        from .check_for_ci import lines_for

        for line in lines_for(service, summary, Path.cwd(), os.environ):
            click.echo(line, err=telling.as_json)
    if summary.broken:
        return MISTAKE
    return _BROKEN if summary.failed else _HOLDS


def _write_sarif(summary: Summary, file: Path) -> None:
    from ..lint import sarif

    try:
        file.write_text(sarif.text(summary.findings, Path.cwd()), encoding="utf-8")
    except OSError as refused:
        text = f"--sarif: {file} cannot be written: {refused.strerror}"
        raise click.UsageError(text) from None


def _facts(summary: Summary, guest: str) -> dict[str, Any]:
    return {
        "guest": guest,
        "seconds": round(summary.seconds, 3),
        "doubled": dict(summary.doubled),
        "could_not_be_checked": list(summary.broken),
        "checks": [
            {
                "config": result.config,
                "check": result.check,
                "name": result.name,
                "outcome": result.outcome.value,
                "seconds": round(result.seconds, 3),
                "text": result.text,
                "notes": list(result.notes),
                "sections": [{"title": title, "text": text} for title, text in result.sections],
                "findings": [finding.row() for finding in result.findings],
            }
            for result in summary.results
        ],
    }
