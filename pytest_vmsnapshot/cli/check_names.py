"""Names of checks, as they are written on the command line."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import CompletionItem

from .mistakes import none_of

if TYPE_CHECKING:
    _Text = click.ParamType[str]
else:
    _Text = click.ParamType  # generic since click 8.4

LINT: Final = "lint"
"""The name of all that is found without running anything; its variants are the codes."""


def bare(name: str) -> str:
    """The name of a check without its variant: that of ``shell[debian]`` is ``shell``."""
    return name.partition("[")[0]


def is_named(name: str, among: Collection[str]) -> bool:
    """Whether a check is among some that were written with or without a variant."""
    return name in among or bare(name) in among


class CheckName(_Text):
    """The name of a check, such as ``quiet``, ``shell[debian]`` or ``lint[VMS001]``."""

    name = "check"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the name.

        Raises:
            BadParameter: there is no such check.
        """
        known = _known()
        if bare(value) not in known:
            self.fail(none_of("check", value, known), param, ctx)
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Names that begin so."""
        from ..lint.codes import CODES

        names = (*_known(), *(f"{LINT}[{code}]" for code in CODES))
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _known() -> tuple[str, ...]:
    from ..contract.check import NAMES

    return (LINT, *NAMES)
