"""Tables that stand in pages which say more: of options, errors, and codes of the lint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pytest_vmsnapshot import plugin
from pytest_vmsnapshot.catalogue import CATALOGUE
from pytest_vmsnapshot.cli.knowledge import entries
from pytest_vmsnapshot.lint import CODES
from pytest_vmsnapshot.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


# -- options ---------------------------------------------------------------------------------------


class _Asked:
    """Takes down what the plugin asks pytest's parser for."""

    def __init__(self) -> None:
        self.options: dict[str, str] = {}
        self.values: dict[str, str] = {}

    def getgroup(self, *_: str) -> _Asked:
        return self

    def addoption(self, name: str, *, help: str, **_: Any) -> None:  # noqa: A002
        self.options[name] = help

    def addini(self, name: str, help: str, **_: Any) -> None:  # noqa: A002
        self.values[name] = help


def options() -> Iterator[str]:
    """Every option, with its ini value and its argument of the marker."""
    asked = _Asked()
    plugin.pytest_addoption(asked)  # type: ignore[arg-type]
    names = list(
        dict.fromkeys(
            [option.removeprefix("--vmsnapshot-").replace("-", "_") for option in asked.options]
            + [value.removeprefix("vmsnapshot_") for value in asked.values]
            + list(Settings.__dataclass_fields__)
        )
    )
    told = {
        **_arguments(Settings.__doc__ or ""),
        **{name.removeprefix("vmsnapshot_"): text for name, text in asked.values.items()},
        **{
            name.removeprefix("--vmsnapshot-").replace("-", "_"): text
            for name, text in asked.options.items()
        },
    }
    anchors = _anchors()
    rows = []
    for name in names:
        option, value = f"--vmsnapshot-{name.replace('_', '-')}", f"vmsnapshot_{name}"
        shown = [
            f"`{option}`" if option in asked.options else "",
            f"`{value}`" if value in asked.values else "",
            f"`{name}`" if name in Settings.__dataclass_fields__ else "",
        ]
        first = next(index for index, cell in enumerate(shown) if cell)
        shown[first] = f"[{shown[first]}](#{anchors[shown[first]]})"
        rows.append([*shown, told[name].replace("``", "`").replace("|", r"\|")])
    yield from _table(("option", "ini value", "of the marker", "what it says"), rows)


def _arguments(docstring: str) -> dict[str, str]:
    listed = docstring.partition("Args:")[2]
    return {
        name: " ".join(text.split()).removesuffix(".")
        for name, text in re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", listed, re.MULTILINE)
    }


def _anchors() -> dict[str, str]:
    """The anchor of the heading that has a name in it."""
    text = (DOCS / "options.md").read_text(encoding="utf-8")
    return {
        name: re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
        for name in re.findall(r"`[^`]+`", heading)
    }


# -- errors ----------------------------------------------------------------------------------------


def errors() -> Iterator[str]:
    """Every error of a backup: first those of both rule sets."""
    known = [entry for entry in entries() if entry.group == "errors of a backup"]
    both: list[list[str]] = []
    shipped: list[list[str]] = []
    for kind, entry in zip(CATALOGUE, known, strict=True):
        row = [
            f"[`{kind.name}`](errors/{kind.name}.md)",
            str(kind.code),
            "" if kind.documented else "no",
            kind.meaning,
            kind.remedy,
        ]
        never = dict(entry.rows)["documented rules"].startswith("never")
        (shipped if never else both).append(row)
    head = ("name", "code", "documented", "meaning", "remedy")
    yield from _table(head, both)
    yield from ("", "These occur under shipped rules only:", "")
    yield from _table(head, shipped)


# -- lint ------------------------------------------------------------------------------------------


def lint() -> Iterator[str]:
    """Every code of the lint."""
    yield from _table(
        ("code", "name", "what it finds"),
        [(f"[{c.code}](lint/{c.code}.md)", c.name, c.summary) for c in CODES.values()],
    )
