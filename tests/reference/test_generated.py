"""What of the documentation is made from the code is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from .generated import DOCS, PARTS, WHOLE, pages, with_part

MADE = dict(pages())


@pytest.mark.parametrize("page", sorted(MADE), ids=lambda path: str(path.relative_to(DOCS)))
def test_page_is_up_to_date(page: Path) -> None:
    told = "the code has changed since; run: python -m tests.reference"
    assert page.read_text(encoding="utf-8") == MADE[page], told


def test_nothing_is_left_over_in_the_reference() -> None:
    assert {f"reference/{path.name}" for path in (DOCS / "reference").iterdir()} == set(WHOLE)
    assert {page for page, _ in PARTS.values()} <= {path.name for path in DOCS.glob("*.md")}


@pytest.mark.parametrize("text", ["", "<!-- generated: a -->\n<!-- end of a -->\n" * 2])
def test_a_part_has_one_place(text: str) -> None:
    with pytest.raises(ValueError, match="places for a; write one"):
        with_part(text, "a", "x")
