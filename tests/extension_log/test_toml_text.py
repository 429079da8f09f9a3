"""What is written as TOML is read back as it was."""

from __future__ import annotations

import math
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.extension_log.toml_text import document

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXT
    | st.text("'\"\\\n\t\r #=[]{}é💾\x00\x7f")
)
VALUES = st.recursive(
    PLAIN,
    lambda items: (
        st.lists(items, max_size=3)
        | st.lists(st.dictionaries(TEXT, items, max_size=2), min_size=1, max_size=2)
        | st.dictionaries(TEXT, items, max_size=3)
    ),
    max_leaves=10,
)


def is_plain(value: Any) -> bool:
    """Whether no table is inside a list that has other things too."""
    if isinstance(value, dict):
        return all(is_plain(item) for item in value.values())
    if isinstance(value, list):
        tables = [isinstance(item, dict) for item in value]
        return all(is_plain(item) for item in value) and (
            not any(tables) or (all(tables) and bool(tables))
        )
    return True


def inside_lists(value: Any, depth: int = 0) -> bool:
    """Whether a table lies within a list within a list."""
    if isinstance(value, list):
        return any((isinstance(i, dict) and depth > 0) or inside_lists(i, depth + 1) for i in value)
    if isinstance(value, dict):
        return any(inside_lists(item) for item in value.values())
    return False


@given(st.dictionaries(TEXT, VALUES.filter(is_plain), max_size=5))
def test_round_trip(table: dict[str, Any]) -> None:
    if inside_lists(table):
        with pytest.raises(TypeError):
            document(table)
    else:
        assert tomllib.loads(document(table)) == table


def test_as_a_person_would_write_it() -> None:
    table = {
        "name": "a b",
        "vm": {"disks": 1, "mounts": [["sda1", "part", "ext4", "/"]]},
        "files": {"/etc/a": {"mode": "0600", "content": "one\ntwo\n"}},
        "case": [{"x": 1}, {"y": {"z": True}}],
        "empty": {},
    }
    assert document(table) == (
        'name = "a b"\n'
        "\n[vm]\n"
        "disks = 1\n"
        'mounts = [["sda1", "part", "ext4", "/"]]\n'
        '\n[files."/etc/a"]\n'
        'mode = "0600"\n'
        "content = '''\none\ntwo\n'''\n"
        "\n[[case]]\n"
        "x = 1\n"
        "\n[[case]]\n"
        "\n[case.y]\n"
        "z = true\n"
        "\n[empty]\n"
    )


def test_numbers_that_are_none() -> None:
    read = tomllib.loads(document({"a": math.inf, "b": -math.inf, "c": math.nan}))
    assert (read["a"], read["b"], math.isnan(read["c"])) == (math.inf, -math.inf, True)


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert tomllib.loads(document({"a": "x\ud800y"})) == {"a": "x\ufffdy"}


def test_what_toml_has_not() -> None:
    with pytest.raises(TypeError) as caught:
        document({"a": None})
    assert str(caught.value) == "TOML has no NoneType"
