"""Mistakes on the command line in words: what there is instead, and what may be meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from .local_files import ConfigFile, where_to_look

if TYPE_CHECKING:
    _Choice = click.Choice[str]
else:
    _Choice = click.Choice  # generic since click 8.2

MISTAKE: Final = 2
"""Exit status: what was asked for cannot be done."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that may be meant, whatever its case; empty if none is near."""
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), folded, 1)
    return folded[near[0]] if near else ""


def none_of(kind: str, word: str, known: Iterable[str]) -> str:
    """There is no such thing, and what there is.

    Args:
        kind: what was looked for, as a noun.
        word: what was written.
        known: all that could have been written.
    """
    known = tuple(known)
    near = nearest(word, known)
    meant = f"; is {near!r} meant?" if near else "."
    return f"there is no {kind} {word!r}{meant} There is: {', '.join(known)}"


class OneOf(_Choice):
    """A value out of several; a mistake is told with the nearest.

    Args:
        kind: what it is, as a noun.
        choices: all that can be written.
    """

    def __init__(self, kind: str, choices: Iterable[str]) -> None:
        super().__init__(tuple(choices))
        self._kind = kind

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Check the value.

        Raises:
            BadParameter: there is none of this name.
        """
        word = str(value)
        if word in self.choices:
            return word
        raise click.BadParameter(none_of(self._kind, word, self.choices), ctx, param)


def told(mistake: click.ClickException, program: str) -> str:
    """A mistake that click has found, as the other messages of this program are.

    Args:
        mistake: what was found.
        program: how the user has called the program.
    """
    ctx = mistake.ctx if isinstance(mistake, click.UsageError) else None
    where = program if ctx is None else ctx.command_path
    return f"{where}: {_sentence(mistake)}\n{where} --help tells what can be written"


def _sentence(mistake: click.ClickException) -> str:
    match mistake:
        case click.NoSuchOption():
            options = [] if mistake.ctx is None else _options(mistake.ctx)
            near = nearest(mistake.option_name, options)
            return f"there is no option {mistake.option_name}" + (
                f"; is {near} meant?" if near else ""
            )
        case click.MissingParameter(param=click.Parameter() as param):
            advice = f"; {where_to_look(Path())}" if isinstance(param.type, ConfigFile) else ""
            return f"{_named(param)} is missing{advice}"
        case click.BadParameter(param_hint=str() as hint):
            return f"{hint}: {mistake.message}"
        case click.BadParameter(param=click.Parameter() as param):
            return f"{_named(param)}: {mistake.message}"
        case _:
            return mistake.format_message()


def _options(ctx: click.Context) -> list[str]:
    return [option for param in ctx.command.get_params(ctx) for option in param.opts]


def _named(param: click.Parameter) -> str:
    return param.human_readable_name if param.param_type_name == "argument" else param.opts[-1]
