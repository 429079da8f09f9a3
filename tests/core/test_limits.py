"""How long the extension waits for a script, and how often it looks: SHIPPED.md, section 4."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.engine.effective import EffectiveConfig, read
from pytest_vmsnapshot.engine.rules import SHIPPED

CAP = 1800.0
LEAST: dict[str, Any] = {"preScriptLocation": "/pre", "postScriptLocation": "/post"}
POLL = "ScriptsExecutionPollTimeSeconds"


def lenient(cap: float = CAP, **changes: Any) -> EffectiveConfig:
    """A config with both locations and some changes, as the extension takes it."""
    return read(json.dumps({**LEAST, **changes}).encode("ascii"), SHIPPED, cap)


@pytest.mark.parametrize(
    ("value", "step"),
    [
        *((number, number) for number in (1, 2, 3, 4, 5)),
        *((number, 3) for number in (0, -1, 6, 1800, 0.9, 6.0)),
        *((text, int(text)) for text in ("1", "5")),
        (2.9, 2),
        (5.9, 5),
        ("9", 3),
        (True, 1),
        (False, 3),
    ],
)
def test_poll_step(value: Any, step: int) -> None:
    assert lenient(**{POLL: value}).poll == step


@pytest.mark.parametrize(
    ("timeout", "limit"),
    [
        *((1, 3), (3, 3), (10, 12), (30, 30), (31, 33), (2.5, 3), (3.5, 6), (True, 3)),
        *((0, 0), (-5, 0), (1800, 1800), (10**400, 1800), (math.inf, 1800)),
        *((-math.inf, 0), (-(10**400), 0)),
    ],
    ids=lambda value: f"{value:.3g}" if isinstance(value, float) else str(value)[:6],
)
def test_limits(timeout: float, limit: float) -> None:
    assert lenient(timeoutInSeconds=timeout).limit == limit


@pytest.mark.parametrize(("cap", "limit"), [(5, 6), (1800, 21), (0, 0), (9999, 21)])
def test_the_cap_is_rounded_up_too(cap: float, limit: float) -> None:
    assert lenient(cap, timeoutInSeconds=20).limit == limit


def test_a_timeout_that_is_no_number() -> None:
    found = lenient(timeoutInSeconds=math.nan)
    assert math.isnan(found.timeout)
    assert found.is_doomed
    assert found.limit > CAP


@given(st.integers(1, 10**6), st.sampled_from([1, 2, 3, 4, 5]))
def test_a_limit_is_the_next_look(timeout: int, step: int) -> None:
    found = lenient(10**9, timeoutInSeconds=timeout, ScriptsExecutionPollTimeSeconds=step)
    assert found.limit == -(-timeout // step) * step
    assert timeout <= found.limit < timeout + step


@given(st.integers(1) | st.floats(0.001, 10**6), st.sampled_from([1, 2, 3, 4, 5]))
def test_no_limit_exceeds_the_cap_by_a_step(timeout: float, step: int) -> None:
    found = lenient(timeoutInSeconds=timeout, ScriptsExecutionPollTimeSeconds=step)
    assert 0 < found.limit <= math.ceil(CAP / step) * step
