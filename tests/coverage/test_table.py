"""Covered lines, and ways taken, are what a person says they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from .tracing_here import NAMES, laid_out, listed, seen, traced

WAYS = {
    "branches.sh": (
        "4>5 4>6 7>-3 7>8 11>12 11>14! 14>15 14>16! 18>17 18>20 18>24! 36>37 36>38! 37>38 37>39! "
        "38>39 38>41! 44>45! 44>46 46>-43 46>47! 50>-1 50>51!"
    ),
    "case.bash": "2>4! 2>7 2>9! 11>-1 11>13!",
    "case.sh": "2>-1! 2>4! 2>7! 2>10",
    "chains.bash": "3>4! 3>5 5>6 5>8! 6>7 6>8! 8>9! 8>10 10>-1! 10>11",
    "chains.sh": "2>3 2>5! 5>6! 5>9 10>-1! 10>11",
    "eval.bash": "8>9! 8>13",
    "for.sh": "4>6 4>8",
    "here_documents.bash": "9>12 9>13!",
    "if.bash": "2>3! 2>4 4>6! 4>8",
    "if.sh": "2>4! 2>6 6>7 6>8!",
    "library.bash": "9>10 9>12",
    "numbers.bash": "4>5! 4>7 7>8! 7>9",
    "pipelines.bash": "9>10 9>12!",
    "pipelines.sh": "5>-2 5>6",
    "substitutions.sh": "10>-9! 10>11",
    "while.bash": "3>4 3>6 6>8 6>10 10>-1 10>11!",
    "while.sh": "2>-2 2>4 6>7 6>12",
}
"""Lines with several ways, and the line each leads to; ``!`` was not taken, a negative line is the
beginning of what ends.
"""


@pytest.mark.parametrize("name", NAMES)
def test_lines_and_ways(name: str, tmp_path: Path) -> None:
    files = laid_out(name, tmp_path)

    found = seen(tmp_path / name, traced(tmp_path / name))

    for file in files:
        own = found[file.name]
        statements = file.covered | file.missed | file.deviating
        assert sorted(own.script.lines) == sorted(statements), file.name
        assert sorted(own.lines) == sorted(file.covered), file.name
        told = [
            f"{start}>{end}{'' if (start, end) in own.arcs else '!'}"
            for start, end in sorted(own.script.flow.arcs)
        ]
        assert " ".join(told) == WAYS.get(file.name, ""), file.name


def test_only_what_the_documentation_lists_deviates() -> None:
    files = [file for name in NAMES for file in listed(name)]
    found = [(file.name, set(file.deviating)) for file in files if file.deviating]
    assert found == [("branches.sh", {29}), ("strict.sh", {3})]


def test_the_table_has_scripts_of_both_kinds() -> None:
    assert sum(name.endswith(".bash") for name in NAMES) >= 15
    assert sum(name.endswith(".sh") for name in NAMES) >= 15
