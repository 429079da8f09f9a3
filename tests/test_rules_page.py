"""The pages about the rules and about fidelity say what the rules and the vectors are."""

from __future__ import annotations

import collections
import json
from pathlib import Path

import pytest

from pytest_vmsnapshot.engine import RULES, Rule

from .conformance.reporting import INEXPRESSIBLE
from .conformance.vector import SHARED, load

DOCS = Path(__file__).resolve().parent.parent / "docs"


def shown(value: object) -> str:
    """A rule's value as the page has it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case "":
            return "nothing"
        case float() if value == float("inf"):
            return "no cap"
        case tuple() | frozenset():
            parts = [
                str(part) for part in (sorted(value) if isinstance(value, frozenset) else value)
            ]
            return ", ".join(parts)
        case str():
            return f"`{value}`"
        case int() | float():
            return f"{value:g}"
        case _:
            return str(value) if str(value) != "have none of the mode bits 000" else "any"


def row(name: str, rule: Rule[object]) -> str:
    """A rule's row of the page."""
    vectors = ", ".join(f"`{vector}`" for vector in rule.vectors) or "-"
    cells = (f"`{name}`", rule.about, shown(rule.documented), shown(rule.shipped))
    return "| " + " | ".join((*cells, rule.source, vectors)) + " |"


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_its_row(name: str) -> None:
    page = (DOCS / "rules.md").read_text(encoding="utf-8")
    assert row(name, RULES[name]) in page.splitlines()


def test_the_page_of_fidelity_counts_the_vectors() -> None:
    page = (DOCS / "fidelity.md").read_text(encoding="utf-8").splitlines()
    vectors = load(SHARED)
    counts = collections.Counter(vector.group for vector in vectors)
    missing = collections.Counter(v.group for v in vectors if v.id in INEXPRESSIBLE)
    for group, count in counts.items():
        start = f"| {group} | {count - missing[group]} of {count} |"
        assert any(line.startswith(start) for line in page), start
    total = f"{len(vectors) - len(INEXPRESSIBLE)} of {len(vectors)}"
    assert any(total in line for line in page)
    assert f"{total} observed scenarios" in (DOCS.parent / "README.md").read_text(encoding="utf-8")
    for name in INEXPRESSIBLE:
        assert any(f"`{name}`" in line for line in page), name


def test_the_vectors_are_those_of_the_extension() -> None:
    rows = json.loads(SHARED.read_text(encoding="utf-8"))
    assert len({row["id"] for row in rows}) == len(rows) == 427
