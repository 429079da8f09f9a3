"""Tables that stand in pages which say more: of options, errors, and codes of the lint."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pytest_vmsnapshot import plugin
from pytest_vmsnapshot.catalogue import CATALOGUE
from pytest_vmsnapshot.cli.knowledge import entries
from pytest_vmsnapshot.lint import CODES
from pytest_vmsnapshot.scenario import SCHEMA
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
    """Every setting: by which of option, ini value and marker it can be set, and its default."""
    asked = _Asked()
    plugin.pytest_addoption(asked)  # type: ignore[arg-type]
    by_option = {_plain(name): text for name, text in asked.options.items()}
    by_ini = {_plain(name): text for name, text in asked.values.items()}
    by_marker = {**_arguments(Settings.__doc__ or ""), **_for_scenarios()}
    anchors = _anchors()
    rows = []
    for name in dict.fromkeys([*by_option, *by_ini, *by_marker]):
        ways = {"option": by_option, "ini": by_ini, "marker": by_marker}
        own = f"`{name}`" if name in by_marker else f"`--vmsnapshot-{name.replace('_', '-')}`"
        told = by_option.get(name) or by_ini.get(name) or by_marker[name]
        rows.append(
            [
                f"[`{name}`](#{anchors[own]})",
                ", ".join(way for way, names in ways.items() if name in names),
                _default(name),
                told.replace("|", r"\|"),
            ]
        )
    yield from _table(("name", "set by", "default", "what it says"), rows)


def _plain(name: str) -> str:
    """The name of a setting, from that of its option or ini value."""
    plain = name.removeprefix("--vmsnapshot-").replace("-", "_")
    return plain.removeprefix("vmsnapshot_")


def _default(name: str) -> str:
    """The default of a setting of VMs, where it is a plain value."""
    value = getattr(Settings(), name, None)
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case str() if value:
            return f"`{value}`"
        case int() if name == "agent_umask":
            return f"`{value:#05o}`"
        case int():
            return f"`{value // 1024**3}G`" if name == "disk_size" else f"`{value}`"
        case tuple() if value:
            return ", ".join(f"`{part}`" for part in value)
    return ""


def _for_scenarios() -> dict[str, str]:
    """What the schema of scenarios says of the marker's arguments, with their values."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    told = {}
    for name, node in schema["definitions"]["case"]["properties"]["vm"]["properties"].items():
        text = node["description"].removesuffix(".")
        values = f": {', '.join(node['enum'])}" if "enum" in node else ""
        told[name] = f"{text[:1].lower()}{text[1:]}{values}"
    return told


def _arguments(docstring: str) -> dict[str, str]:
    listed = inspect.cleandoc(docstring).partition("Args:")[2]
    return {
        name: " ".join(text.split()).removesuffix(".")
        for name, text in re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", listed, re.MULTILINE)
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
        never = dict(entry.rows)["documented rules"].startswith("never")
        row = [
            f"[`{kind.name}`](errors/{kind.name}.md)",
            str(kind.code),
            kind.meaning if kind.documented or never else f"{kind.meaning} (not documented)",
            kind.remedy,
        ]
        (shipped if never else both).append(row)
    head = ("name", "code", "meaning", "remedy")
    yield from _table(head, both)
    yield from ("", "These occur under shipped rules only, and none is documented:", "")
    yield from _table(head, shipped)


# -- lint ------------------------------------------------------------------------------------------


def lint() -> Iterator[str]:
    """Every code of the lint."""
    yield from _table(
        ("code", "name", "what it finds"),
        [(f"[{c.code}](lint/{c.code}.md)", c.name, c.summary) for c in CODES.values()],
    )
