"""The two rule sets as data: complete, sourced, and each difference shown by what was observed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot.engine.rules import (
    DOCUMENTED,
    RULE_SETS,
    RULES,
    SHIPPED,
    ModeRule,
    Rule,
    RuleSet,
    other_than,
)
from pytest_vmsnapshot.settings import RULES as CHOICES

VECTORS = Path(__file__).parent.parent / "conformance" / "shipped.json"
DIFFERENT = [name for name, rule in RULES.items() if rule.documented != rule.shipped]


@pytest.fixture(scope="module")
def observed() -> Collection[str]:
    """Ids of what was observed."""
    return {row["id"] for row in json.loads(VECTORS.read_text(encoding="utf-8"))}


def test_every_field_has_a_rule_and_every_rule_a_field() -> None:
    fields = [field.name for field in dataclasses.fields(RuleSet)]
    assert fields == ["name", *RULES]


@pytest.mark.parametrize("name", RULES)
def test_a_rule_set_holds_the_values_of_the_rules(name: str) -> None:
    assert getattr(DOCUMENTED, name) == RULES[name].documented
    assert getattr(SHIPPED, name) == RULES[name].shipped


def test_a_rule_set_has_the_name_a_test_asks_for() -> None:
    assert (DOCUMENTED.name, SHIPPED.name) == CHOICES
    assert {name: rules.name for name, rules in RULE_SETS.items()} == {
        name: name for name in CHOICES
    }


def test_the_other_truth() -> None:
    assert other_than(DOCUMENTED) is SHIPPED
    assert other_than(SHIPPED) is DOCUMENTED
    assert other_than(replace(SHIPPED, poll_step=0)) is DOCUMENTED


def test_rules_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SHIPPED.poll_step = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        RULES["poll_step"] = RULES["limit_cap"]  # type: ignore[index]


@pytest.mark.parametrize("name", RULES)
def test_every_vector_that_is_named_was_observed(name: str, observed: Collection[str]) -> None:
    assert [vector for vector in RULES[name].vectors if vector not in observed] == []
    assert len(set(RULES[name].vectors)) == len(RULES[name].vectors)


@pytest.mark.parametrize("name", DIFFERENT)
def test_every_difference_was_observed(name: str) -> None:
    assert RULES[name].vectors or name == "partial_snapshot_fails"  # see its source


def test_there_are_differences() -> None:
    assert {"interpreter", "relaunches", "stops_at_limit", "drains_output"} <= set(DIFFERENT)
    assert {"freeze_limit", "freezable_types", "working_directory"}.isdisjoint(DIFFERENT)


@pytest.mark.parametrize("name", RULES)
def test_what_a_rule_is_about_is_a_phrase(name: str) -> None:
    rule: Rule[Any] = RULES[name]
    assert rule.about[0].islower()
    assert rule.about[-1].isalnum()
    assert "\n" not in rule.about
    assert rule.source.startswith("the documentation")


@pytest.mark.parametrize("name", RULES)
def test_both_values_are_of_one_kind(name: str) -> None:
    kinds = {type(value) for value in (RULES[name].documented, RULES[name].shipped)}
    assert len(kinds) == 1


# -- modes ---------------------------------------------------------------------------------------


def digits(mode: int) -> tuple[int, int, int, int]:
    """The four octal digits of a mode: special bits, owner, group, others."""
    return mode >> 9 & 7, mode >> 6 & 7, mode >> 3 & 7, mode & 7


def config_is_taken(mode: int) -> bool:
    """SHIPPED.md, section 2: group = other = 0 and owner digit even."""
    _, owner, group, others = digits(mode)
    return group == 0 and others == 0 and owner in (0, 2, 4, 6)


def script_is_taken(mode: int) -> bool:
    """SHIPPED.md, section 2: group = other = 0, owner digit free."""
    _, _, group, others = digits(mode)
    return group == 0 and others == 0


def plugin_host_is_taken(mode: int) -> bool:
    """SHIPPED.md, section 2: group digit and other digit each 0 or 4."""
    _, _, group, others = digits(mode)
    return group in (0, 4) and others in (0, 4)


MODES: list[tuple[str, ModeRule, Callable[[int], bool]]] = [
    ("shipped config", SHIPPED.config_mode, config_is_taken),
    ("shipped script", SHIPPED.script_mode, script_is_taken),
    ("shipped plugin host", SHIPPED.plugin_host_mode, plugin_host_is_taken),
    ("documented config", DOCUMENTED.config_mode, lambda mode: digits(mode) == (0, 6, 0, 0)),
    ("documented script", DOCUMENTED.script_mode, lambda mode: digits(mode) == (0, 7, 0, 0)),
    ("documented plugin host", DOCUMENTED.plugin_host_mode, lambda mode: True),
]


@pytest.mark.parametrize(
    ("rule", "is_taken"), [row[1:] for row in MODES], ids=[row[0] for row in MODES]
)
def test_every_mode(rule: ModeRule, is_taken: Callable[[int], bool]) -> None:
    assert [mode for mode in range(0o10000) if rule.accepts(mode) != is_taken(mode)] == []


NAMED_MODES: list[tuple[ModeRule, tuple[int, ...], tuple[int, ...]]] = [
    (
        SHIPPED.config_mode,
        (0o600, 0o400, 0o200, 0o000, 0o4600, 0o2600, 0o1600),
        (0o700, 0o500, 0o300, 0o100, 0o640, 0o604, 0o644),
    ),
    (SHIPPED.script_mode, (0o700, 0o600, 0o400, 0o200, 0o100, 0o000, 0o4700), (0o755, 0o710)),
    (
        SHIPPED.plugin_host_mode,
        (0o000, 0o400, 0o600, 0o640, 0o604, 0o644, 0o700, 0o4644),
        (0o620, 0o642, 0o646, 0o650, 0o660, 0o664, 0o666, 0o755),
    ),
]
"""The modes that SHIPPED.md names."""


@pytest.mark.parametrize(("rule", "taken", "refused"), NAMED_MODES)
def test_the_modes_that_were_observed(
    rule: ModeRule, taken: tuple[int, ...], refused: tuple[int, ...]
) -> None:
    assert [mode for mode in taken if not rule.accepts(mode)] == []
    assert [mode for mode in refused if rule.accepts(mode)] == []


def test_what_a_file_must_have() -> None:
    assert str(DOCUMENTED.config_mode) == "have mode 600"
    assert str(DOCUMENTED.script_mode) == "have mode 700"
    assert str(SHIPPED.config_mode) == "have none of the mode bits 177"
    assert str(SHIPPED.script_mode) == "have none of the mode bits 077"
    assert str(SHIPPED.plugin_host_mode) == "have none of the mode bits 033"
