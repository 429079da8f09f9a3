"""What is said of commands that are not here, and that stand-ins answered for."""

from __future__ import annotations

from collections.abc import Mapping

from .page import paragraph, say


def show_stand_ins(doubled: Mapping[str, str]) -> None:
    """Say which there were, if any.

    Args:
        doubled: names of commands, and what stood in for each.
    """
    if doubled:
        say("stand-ins answered for these commands (vmsnapshot.toml can say more of them):")
        for how in dict.fromkeys(doubled.values()):
            names = (name for name, its in sorted(doubled.items()) if its == how)
            say(paragraph(f"{', '.join(names)}: {how}", "    ", "  "))
