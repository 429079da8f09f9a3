"""``vmsnapshot run``: one backup, in words or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..catalogue import NAMES
from ..ci.service import asked_for
from ..explain import command as shown
from ..findings import NAMES as FINDINGS
from ..shells import NAMES as SHELLS
from .ci_option import ci_option
from .local_files import ConfigFile, Given, ScriptsWord, given, scripts_of
from .mistakes import OneOf
from .page import paragraph, say, say_json
from .stand_ins import show_stand_ins

if TYPE_CHECKING:
    from ..backup import Backup
    from ..contract.trial import Trial
    from ..machine import VirtualMachine

_CONSISTENCIES = ("application", "file-system", "crash", "none")

_AS_WANTED = 0
_OTHERWISE = 1
"""Exit statuses."""


@click.command("run", short_help="Take one backup, and say what became of it.")
@click.argument("config", type=ConfigFile())
@click.option(
    "--scripts",
    type=ScriptsWord(),
    multiple=True,
    help="Where the scripts lie here: a directory, or the path on the VM and the local file. May "
    "be given several times. Without it they are looked for beside the config.",
)
@click.option(
    "--rules",
    type=OneOf("rule set", ("documented", "shipped")),
    default="documented",
    show_default=True,
    help="What decides: what the documentation promises, or what the extension on VMs does.",
)
@click.option(
    "--shell",
    type=OneOf("shell", SHELLS),
    metavar="SHELL",
    help="What /bin/sh is: a shell (dash, bash, busybox, ksh, mksh, yash) or a distribution "
    "(debian, rhel, alpine, ...). By default that of this machine.",
)
@click.option(
    "--guest",
    type=OneOf("guest", ("auto", "root", "subids", "rootless", "sudo", "in-place")),
    default="auto",
    show_default=True,
    metavar="GUEST",
    help="Where the VM's processes run; vmsnapshot doctor tells what works here.",
)
@click.option(
    "--clock",
    type=OneOf("clock", ("auto", "virtual", "real")),
    default="auto",
    show_default=True,
    help="Whether time in which all sleep is skipped.",
)
@click.option(
    "--storage",
    type=OneOf("storage", ("pause-and-copy", "loop")),
    default="pause-and-copy",
    show_default=True,
    help="What freezes and copies: loop is real file systems, and needs root.",
)
@click.option(
    "--disks", type=click.IntRange(min=1), help="How many disks Azure sees.  [default: 2]"
)
@click.option(
    "--expect",
    type=OneOf("consistency, or error,", (*_CONSISTENCIES, *NAMES)),
    metavar="WHAT",
    default="application",
    show_default=True,
    help="What exit status 0 stands for: a consistency (application, file-system, crash, none) or "
    "the name of an error.",
)
@click.option(
    "--allow",
    type=OneOf("finding", FINDINGS),
    metavar="FINDING",
    multiple=True,
    help="A finding that does not count, such as processes. May be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of words.")
@ci_option
def command(
    config: Path,
    *,
    scripts: tuple[Path | tuple[str, Path], ...],
    rules: str,
    shell: str | None,
    guest: str,
    clock: str,
    storage: str,
    disks: int | None,
    expect: str,
    allow: tuple[str, ...],
    as_json: bool,
    ci: str,
) -> int:
    """Take one backup of a throwaway VM that has CONFIG and its scripts, and say what became of it.

    CONFIG is a VMSnapshotScriptPluginConfig.json, or the directory it lies in. The scripts it names
    are looked for beside it, or where a vmsnapshot.toml says. Commands that this machine has not
    are doubled.

    \b
    Examples:
      vmsnapshot run deploy/VMSnapshotScriptPluginConfig.json
      vmsnapshot run deploy --rules shipped --shell debian
      vmsnapshot run deploy --scripts /opt/orders/pre.sh=src/pre.sh --json
      vmsnapshot run deploy --expect Pre-ScriptTimeout

    Exit status: 0 if the backup is application-consistent, or what --expect says, and nothing is
    left behind; 1 if not; 2 if it could not be taken.
    """
    values = {
        "guest": guest,
        "rules": rules,
        "shell": shell,
        "clock": clock,
        "storage": storage,
        "disks": disks,
    }
    ran = _ran(config, given(scripts), values)
    backup = ran.trial.backup
    left = tuple(text for kind, text in _failing(ran.trial) if kind not in allow)
    kinds = dict.fromkeys(kind for kind, _ in _failing(ran.trial) if kind not in allow)
    wanted = _is_wanted(backup, expect) and not left
    if as_json:
        facts = {
            **json.loads(backup.to_json()),
            "config": str(config),
            "scripts": {place: str(path) for place, path in ran.scripts.items()},
            "as_expected": wanted,
            "left_behind": list(left),
            "doubled": dict(ran.doubled),
            "explained": backup.explain(),
        }
        say_json(facts)
    else:
        _show(ran, left, list(kinds))
    if (service := asked_for(ci, os.environ)) is not None:
        from .run_for_ci import lines_for

        for line in lines_for(service, config, backup, left, wanted=wanted):
            click.echo(line, err=as_json)
    return _AS_WANTED if wanted else _OTHERWISE


def _show(ran: _Ran, left: Sequence[str], kinds: Sequence[str]) -> None:
    """Say in words what became of a backup."""
    say(ran.trial.backup.explain())
    if ran.doubled:
        say()
        show_stand_ins(ran.doubled)
    if left:
        say()
        say(click.style("this counts as a failure, too:", fg="red"))
        for text in left:
            say(paragraph(text, "    ", "  "))
        options = " ".join(f"--allow {kind}" for kind in kinds)
        say(paragraph(f"where that is meant: {options}", "    ", "  "))


@dataclass(frozen=True, slots=True)
class _Ran:
    """A backup that was taken.

    Args:
        trial: it, and what was seen around it.
        scripts: local files by their path on the VM.
        doubled: commands that are not here, and what stood in for each.
    """

    trial: Trial
    scripts: Mapping[str, Path]
    doubled: Mapping[str, str]


def _ran(config: Path, found: Given, values: Mapping[str, Any]) -> _Ran:
    """Take the backup; commands that are not here are doubled.

    Args:
        config: the local config.
        found: what the command line says of scripts.
        values: settings of the VM.
    """
    from ..contract.check import NAMES as CHECKS
    from ..contract.contract import Contract
    from ..contract.settings import settings_near
    from ..contract.stand import Stand
    from ..running import Workshop
    from ..settings import Source

    here = Path.cwd()
    settings = settings_near(config.absolute(), here, CHECKS)
    scripts = scripts_of(config, found, settings)
    whole = {place: path.absolute() for place, path in scripts.items()}
    contract = Contract.read(config.absolute(), replace(settings, scripts=whole))
    workshop = Workshop(here, here)

    def make(
        *, rules: str, shell: str | None, allow: Sequence[str]
    ) -> AbstractContextManager[VirtualMachine]:
        asked = {**values, "rules": rules, "shell": shell, "allow": allow}
        return workshop.make([Source("command line", asked)], config.parent.absolute())

    try:
        stand = Stand(contract, make)
        trial = stand.backup(rules=values["rules"], shell=values["shell"])
        return _Ran(trial, scripts, stand.doubled)
    finally:
        workshop.close()


def _failing(trial: Trial) -> Iterator[tuple[str, str]]:
    """What fails a test, each with the name of its kind."""
    for finding in trial.backup.findings:
        if finding.kind.fails:
            yield finding.kind.value, str(finding)
    for call in trial.calls:
        if call.unexpected:
            yield "unexpected-call", f"unexpected-call: {shown(call.argv)}; nobody expected it"


def _is_wanted(backup: Backup, expect: str) -> bool:
    if expect in _CONSISTENCIES:
        return backup.consistency.value == expect
    return expect in [error.name for error in backup.errors]
