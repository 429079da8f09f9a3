"""``vmsnapshot doctor``: what this machine can do, and how to have what is missing."""

from __future__ import annotations

import click

from .page import row, say, say_json

_NAMES = 15
_STATES = 8
"""Columns of names and states."""

_COLOURS = {"ok": "green", "partly": "yellow", "no": "red"}


@click.command("doctor", short_help="Tell what this machine can do, and how to have more.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, as_json: bool) -> int:
    """Tell what this machine can do: which VM it can make, clocks, shells, file systems, servers.

    For what is missing, a line says how to have it. Nothing is installed or changed.

    \b
    Examples:
      vmsnapshot doctor
      vmsnapshot doctor --json

    Exit status: 0 if a VM can be made here, 1 if not.
    """
    from .machine_report import can_make_vms, look

    rows = []
    for found in look():
        rows.append(found)
        if not as_json:
            state = found.state.value
            label = f"{found.name:<{_NAMES}} {state:<{_STATES}}"
            text = row(label, found.why, _NAMES + _STATES + 1)
            say(text.replace(state, click.style(state, fg=_COLOURS[state]), 1))
            if found.remedy:
                say(row(" " * (_NAMES + 1) + "enable:", found.remedy, _NAMES + _STATES + 1))
    good = can_make_vms(rows)
    if as_json:
        facts = [
            {"name": r.name, "state": r.state.value, "why": r.why, "remedy": r.remedy} for r in rows
        ]
        say_json({"vm": good, "rows": facts})
    return 0 if good else 1
