"""What is wrong with records that were read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.applications.records import Written, named, text, wrong


def lines(*numbers: int) -> list[str]:
    return [text(number) for number in numbers]


def written(before: int, after: tuple[int, ...] = (), begun: int = 100) -> Written:
    return Written(tuple(range(1, before + 1)), after, begun)


@pytest.mark.parametrize(
    ("found", "known", "told"),
    [
        ([], written(0), []),
        (lines(1, 2, 3), written(3), []),
        (["1", "2", "3"], written(3), []),
        (lines(1, 2, 3, 4), written(3, (4, 5)), []),
        (lines(1, 2, 3, 4), written(3), []),  # sent, and nobody knows whether it was acknowledged
        (lines(1, 2), None, []),
        (
            lines(1, 2),
            written(3),
            ["1 of 3 records that were acknowledged before the snapshot are missing: 3"],
        ),
        (
            [],
            written(12),
            ["12 of 12 records that were acknowledged before the snapshot are missing: 1 to 12"],
        ),
        (lines(1, 3, 2), written(3), ["1 record is out of order or twice: 2"]),
        (lines(1, 2, 2, 3), written(3), ["1 record is out of order or twice: 2"]),
        (
            lines(1, 2, 3, 6),
            written(3, (4, 5, 6, 7)),
            ["2 acknowledged records are missing though later ones are there: 4 to 5"],
        ),
        (lines(1, 2, 9), written(2, begun=8), ["1 record is never written: 9"]),
        ([*lines(1), "2-rec"], written(1), ["1 record is torn: '2-rec'"]),
        (
            ["1", "", "x", "2-record-3", "01"],
            None,
            ["4 records are torn: '', 'x', '2-record-3', '01'"],
        ),
    ],
)
def test_what_is_told(found: list[str], known: Written | None, told: list[str]) -> None:
    assert wrong(found, known) == told


def test_a_crowd_is_counted() -> None:
    assert named(range(1, 40, 2)) == "1, 3, 5, 7, 9, 11, 13, 15 and 12 more"


@given(st.integers(1, 10**17), st.data())
def test_no_torn_record_is_taken_for_a_whole_one(number: int, data: st.DataObject) -> None:
    whole = text(number)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    told = wrong([cut], Written((number,), (), number))
    # What is left of the number alone is another record, and then this one is missing.
    assert told == [] if cut == str(number) else told


@given(st.sets(st.integers(1, 60)), st.integers(0, 60))
def test_a_missing_record_is_always_told(present: set[int], acknowledged: int) -> None:
    told = wrong(lines(*sorted(present)), written(acknowledged))
    missing = set(range(1, acknowledged + 1)) - present
    assert bool(told) == bool(missing)
