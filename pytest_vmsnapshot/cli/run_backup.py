"""``vmsnapshot run``: one backup, in words or as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..catalogue import NAMES
from ..findings import NAMES as FINDINGS
from ..shells import NAMES as SHELLS
from .local_files import ConfigFile, ScriptsWord, given, scripts_of
from .mistakes import OneOf
from .page import paragraph, say

if TYPE_CHECKING:
    from ..backup import Backup
    from ..findings import Finding

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
) -> int:
    """Take one backup of a throwaway VM that has CONFIG and its scripts, and say what became of it.

    CONFIG is a VMSnapshotScriptPluginConfig.json, or the directory it lies in. The scripts it names
    are looked for beside it; all three get the owner and modes they must have.

    \b
    Examples:
      vmsnapshot run deploy/VMSnapshotScriptPluginConfig.json
      vmsnapshot run deploy --rules shipped --shell debian
      vmsnapshot run deploy --scripts /opt/orders/pre.sh=src/pre.sh --json
      vmsnapshot run deploy --expect Pre-ScriptTimeout

    Exit status: 0 if the backup is application-consistent, or what --expect says, and nothing is
    left behind; 1 if not; 2 if it could not be taken.
    """
    from ..running import virtual_machine

    local = scripts_of(config, given(scripts))
    with virtual_machine(
        guest=guest,
        rules=rules,
        shell=shell,
        clock=clock,
        storage=storage,
        disks=disks,
        allow=allow,
    ) as vm:
        vm.install_config(config.absolute(), scripts={k: v.absolute() for k, v in local.items()})
        backup = vm.backup()
        left = tuple(found for found in vm.findings if found.kind.fails)
    wanted = _is_wanted(backup, expect) and not left
    if as_json:
        say(json.dumps(_facts(backup, config, local, left, met=wanted), indent=1))
    else:
        say(backup.explain())
        if left:
            say()
            say(click.style("left behind, so this counts as a failure:", fg="red"))
            for finding in left:
                say(paragraph(str(finding), "    ", "  "))
            names = " ".join(f"--allow {kind}" for kind in {found.kind.value for found in left})
            say(paragraph(f"where that is meant: {names}", "    ", "  "))
    return _AS_WANTED if wanted else _OTHERWISE


def _is_wanted(backup: Backup, expect: str) -> bool:
    if expect in _CONSISTENCIES:
        return backup.consistency.value == expect
    return expect in [error.name for error in backup.errors]


def _facts(
    backup: Backup,
    config: Path,
    scripts: dict[str, Path],
    left: tuple[Finding, ...],
    *,
    met: bool,
) -> dict[str, Any]:
    """What ``Backup.from_json`` reads, and what it passes over."""
    return {
        **json.loads(backup.to_json()),
        "config": str(config),
        "scripts": {place: str(path) for place, path in scripts.items()},
        "as_expected": met,
        "left_behind": [str(finding) for finding in left],
        "explained": backup.explain(),
    }
