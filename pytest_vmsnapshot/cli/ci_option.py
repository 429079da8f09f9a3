"""The option that says which CI is told, of the commands that have something to tell."""

from __future__ import annotations

import click

from ..ci.service import OFF, WORDS
from .mistakes import OneOf

ci_option = click.option(
    "--ci",
    type=OneOf("CI", WORDS),
    default=OFF,
    show_default=True,
    metavar="CI",
    help="Also tell a CI: annotations beside the lines, and a page about the run. auto is the one "
    "that runs this, if any; github, azure, or off.",
)
