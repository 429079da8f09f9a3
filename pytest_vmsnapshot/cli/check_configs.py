"""``vmsnapshot check``: the contract of a config and its scripts, without pytest's own words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .local_files import ConfigFile
from .mistakes import MISTAKE, OneOf, none_of
from .page import say

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
    "--only", metavar="CHECK", multiple=True, help="Only this check. May be given several times."
)
@click.option(
    "--skip", metavar="CHECK", multiple=True, help="Not this check. May be given several times."
)
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Show how long each check took, and for what failed the backups and the scripts' output.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of words.")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes share the work; more than one need pytest-xdist.",
)
@click.option(
    "--guest",
    type=OneOf("guest", ("auto", "root", "subids", "rootless", "sudo", "in-place")),
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
    return checked(wanted, verbose=verbose, as_json=as_json)


def checked(wanted: Wanted, *, verbose: bool, as_json: bool, more: Sequence[str] = ()) -> int:
    """Make the checks and say what became of them.

    Args:
        wanted: what is to be checked.
        verbose: whether everything is told.
        as_json: whether it is told as JSON.
        more: further options of pytest.

    Returns:
        The exit status.

    Raises:
        GuestUnavailable: no VM can be made here.
        ClickException: there is nothing to check.
    """
    from ..guest.session import open_session
    from .check_results import Lines, show_summary
    from .check_session import run_checks

    open_session(wanted.guest).close()  # once, instead of an error of each check
    lines = Lines(verbose=verbose)
    try:
        ended = run_checks(wanted, (lambda _: None) if as_json else lines.show, more)
    except KeyboardInterrupt:
        raise click.Abort from None
    summary = ended.summary
    if ended.failed:  # pytest has said why
        return MISTAKE
    for option, names in (("--only", wanted.only), ("--skip", wanted.skip)):
        for name in names:
            if ended.known and name not in ended.known:
                text = none_of("check", name, sorted(ended.known))
                raise click.BadParameter(text, param_hint=option)
    if not summary.results and not summary.broken:
        raise click.UsageError("no check is left to run; see -k, --only and --skip")
    if as_json:
        say(json.dumps(_facts(summary), indent=1))
    else:
        show_summary(summary, verbose=verbose)
    if summary.broken:
        return MISTAKE
    return _BROKEN if summary.failed else _HOLDS


def _facts(summary: Summary) -> dict[str, Any]:
    return {
        "seconds": round(summary.seconds, 3),
        "doubled": list(summary.doubled),
        "could_not_be_checked": list(summary.broken),
        "checks": [
            {
                "config": result.config,
                "check": result.check,
                "name": result.name,
                "outcome": result.outcome.value,
                "seconds": round(result.seconds, 3),
                "text": result.text,
                "sections": [{"title": title, "text": text} for title, text in result.sections],
            }
            for result in summary.results
        ],
    }
