"""Covered lines are what a person says they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_vmsnapshot.shell_coverage import parse_tree

from .tracing_here import NAMES, covered, listed, traced


@pytest.mark.parametrize("name", NAMES)
def test_lines(name: str, tmp_path: Path) -> None:
    files = listed(name)
    for file in files:
        (tmp_path / file.name).write_text(file.text, encoding="utf-8")

    lines = covered(tmp_path / name, traced(tmp_path / name))

    for file in files:
        statements = parse_tree.parse(file.text.encode()).lines
        assert sorted(statements) == sorted(file.covered | file.missed), file.name
        assert sorted(lines[file.name]) == sorted(file.covered), file.name


def test_the_table_has_scripts_of_both_kinds() -> None:
    assert sum(name.endswith(".bash") for name in NAMES) >= 15
    assert sum(name.endswith(".sh") for name in NAMES) >= 15
