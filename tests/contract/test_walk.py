"""Which commands of a script are made to fail, where it runs hundreds of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.contract.check import checks_of, made
from pytest_vmsnapshot.contract.failing import MOST, MOST_REPEATS, Walk
from pytest_vmsnapshot.contract.stand import Stand
from pytest_vmsnapshot.fault_words import ordinal


def tried(script: Sequence[str]) -> tuple[list[int], Walk]:
    """The numbers of the commands of a script that are tried, in their order."""
    walk, numbers = Walk(), []
    for number in walk:
        if number > len(script):
            walk.overshot(len(script))
        else:
            walk.met(script[number - 1])
            numbers.append(number)
    return numbers, walk


SCRIPTS = [
    [],
    ["a"],
    [f"a{number}" for number in range(50)],
    ["stop a", "sleep 1", "stop b", "sleep 1", "stop c", "sleep 1", "stop d", "sleep 1"],
    ["a"] * 7,
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_all_of_a_short_script(script: list[str]) -> None:
    numbers, walk = tried(script)
    assert (numbers, walk.note) == (list(range(1, len(script) + 1)), "")


@pytest.mark.parametrize("loop", [["id"] * 200, ["ask", "grep", "sleep 1"] * 60])
def test_what_comes_before_and_after_a_long_loop(loop: list[str]) -> None:
    numbers, walk = tried(["first", *loop, "last but one", "last"])
    assert {1, len(loop) + 2, len(loop) + 3} <= set(numbers)
    assert walk.note == ""


def test_a_script_without_end() -> None:
    assert tried([f"a{number}" for number in range(1000)])[1].note == (
        "only 60 commands were tried, of more"
    )
    assert tried(["id"] * 10000)[1].note == (
        "of commands that are repeated, only 24 calls were tried"
    )


@given(st.lists(st.sampled_from("abc"), max_size=120))
def test_it_comes_to_an_end(script: list[str]) -> None:
    numbers, walk = tried(script)
    assert len(numbers) == len(set(numbers)) <= MOST
    assert len(numbers) <= MOST_REPEATS + 2 * len(set(script))
    if len(script) <= 8:
        assert numbers == list(range(1, len(script) + 1))
    assert walk.note or not script or len(script) in numbers


def test_ordinals() -> None:
    numbers = (1, 2, 3, 4, 11, 12, 13, 20, 21, 42, 101, 111, 113)
    assert " ".join(map(ordinal, numbers)) == (
        "1st 2nd 3rd 4th 11th 12th 13th 20th 21st 42nd 101st 111th 113th"
    )


def test_the_last_command_of_a_long_script_is_made_to_fail(
    stand_of: Callable[..., Stand],
) -> None:
    many = "id -u > /dev/null\n" * 40
    stand = stand_of(f"#!/bin/sh\n{many}appctl pause\n:\n")
    check = next(c for c in checks_of(stand.contract) if str(c) == "failure-noticed[pre]")
    (problem,) = made(check, stand).problems
    assert problem.text.startswith("the 41st command (appctl pause) fails")
