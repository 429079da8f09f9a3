"""Pages of the documentation: those that are installed with the package, or of the checkout."""

from __future__ import annotations

import itertools
import re
import sysconfig
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_INSTALLED = "share/doc/pytest-vmsnapshot"
"""Where the wheel puts them, below the environment's own directory."""

_FENCE = "```"
BULLET = "* "
"""What an item of a list begins with."""

_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_HEADING = re.compile(r"^(#+) +(.*)$")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, or a snippet.

    Args:
        text: the paragraph, or an item of a list, on one line; or the snippet as it is.
        snippet: what kind of snippet it is, as its fence says; empty for a paragraph.
    """

    text: str
    snippet: str = ""


def directory() -> Path | None:
    """Where the pages lie; None if they were not installed."""
    checkout = Path(__file__).parents[2]
    places = (checkout / "docs", Path(sysconfig.get_path("data")) / _INSTALLED)
    wanted = places if (checkout / "pyproject.toml").is_file() else places[1:]
    return next((place for place in wanted if (place / "index.md").is_file()), None)


def said_on(page: str) -> tuple[Block, ...]:
    """What a page says, or one section of it; tables are left out.

    Args:
        page: as ``docs/lint/VMS015.md``, or with an anchor, ``docs/contract.md#quiet``.

    Returns:
        Nothing if there is no such page or section.
    """
    name, _, anchor = page.removeprefix("docs/").partition("#")
    place = directory()
    if place is None or not (place / name).is_file():
        return ()
    lines = (place / name).read_text(encoding="utf-8").splitlines()
    return tuple(_blocks(_section(lines, anchor)))


def slug(heading: str) -> str:
    """The anchor that code hosts give to a heading."""
    return re.sub(r"[^\w -]", "", heading.casefold()).strip().replace(" ", "-")


def _section(lines: list[str], anchor: str) -> Iterator[str]:
    """The lines below a heading, up to the next one; below the first one without an anchor."""
    inside = fenced = False
    for line in lines:
        fenced ^= line.startswith(_FENCE)
        heading = None if fenced else _HEADING.match(line)
        if heading is not None:
            if inside:
                return
            inside = anchor in ("", slug(heading[2]))
        elif inside:
            yield line


def _blocks(lines: Iterator[str]) -> Iterator[Block]:
    paragraph: list[str] = []
    for line in lines:
        text = line.strip()
        goes_on = bool(text) and not text.startswith(("|", "<!--", _FENCE))
        if paragraph and (not goes_on or text.startswith(BULLET)):
            yield Block(" ".join(paragraph))
            paragraph.clear()
        if goes_on:
            paragraph.append(_LINK.sub(r"\1", text).replace("**", ""))
        elif text.startswith(_FENCE):
            body = itertools.takewhile(lambda inner: inner.strip() != _FENCE, lines)
            yield Block(textwrap.dedent("\n".join(body)), text.removeprefix(_FENCE))
    if paragraph:
        yield Block(" ".join(paragraph))
