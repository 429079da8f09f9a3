"""Where SQL statements end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.ready_made.sql_text import literal, plainly, split


@pytest.mark.parametrize(
    ("text", "statements", "rest"),
    [
        ("", [], ""),
        ("SELECT 1", [], "SELECT 1"),
        ("SELECT 1;", ["SELECT 1"], ""),
        ("SELECT 1; SELECT 2;\n", ["SELECT 1", "SELECT 2"], ""),
        ("SELECT 1; SELECT", ["SELECT 1"], " SELECT"),
        ("a\\G", ["a"], ""),
        (";;", [], ""),
        ("SELECT ';';", ["SELECT ';'"], ""),
        ('SELECT "a;b";', ['SELECT "a;b"'], ""),
        ("SELECT `a;b`;", ["SELECT `a;b`"], ""),
        ("SELECT 'it''s; ok';", ["SELECT 'it''s; ok'"], ""),
        (r"SELECT 'it\'s; ok';", [r"SELECT 'it\'s; ok'"], ""),
        ("SELECT 'open; ", [], "SELECT 'open; "),
        ("SELECT 1; SELECT 'open;", ["SELECT 1"], " SELECT 'open;"),
        ("-- a; comment\nSELECT 1;", ["SELECT 1"], ""),
        ("# a; comment\nSELECT 1;", ["SELECT 1"], ""),
        ("SELECT /* a; comment */ 1;", ["SELECT   1"], ""),
        ("/* open; ", [], "/* open; "),
        ("-- nothing but a comment\n", [], ""),
        ("SELECT 1--2;", ["SELECT 1--2"], ""),
        ("SELECT 4/2;", ["SELECT 4/2"], ""),
    ],
)
def test_split(text: str, statements: list[str], rest: str) -> None:
    assert split(text) == (statements, rest)


@given(st.lists(st.sampled_from(["SELECT 'a;b'", "LOCK x", "/* ; */ y", "z -- ;\n"])))
def test_reading_line_by_line_finds_the_same(statements: list[str]) -> None:
    text = "".join(f"{statement};\n" for statement in statements)
    found: list[str] = []
    rest = ""
    for line in text.splitlines(keepends=True):
        complete, rest = split(rest + line)
        found += complete
    assert found == split(text)[0]
    assert rest.strip() == ""
    assert len(found) == len(statements)


@given(st.text(alphabet="ab;'\"`\\#-/*\n "))
def test_nothing_is_refused(text: str) -> None:
    split(text)


def test_plainly() -> None:
    assert plainly(" flush\n  Tables with\tread lock ") == "FLUSH TABLES WITH READ LOCK"


@pytest.mark.parametrize(
    ("statement", "printed"),
    [
        ("SELECT 'MySQL is locked'", "MySQL is locked"),
        ("select  'it''s'", "it's"),
        ("SELECT 1", "1"),
        ("SELECT 'x' AS state", "x"),
        ("SELECT ''", ""),
        ("SELECT 'x', 'y'", ""),
        ("SELECT x", ""),
        ("SELECT 1 FROM t", ""),
        ("FLUSH TABLES", ""),
    ],
)
def test_what_a_literal_prints(statement: str, printed: str) -> None:
    assert literal(statement) == printed
