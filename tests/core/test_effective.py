"""What the extension makes of a config that nobody checked: SHIPPED.md, sections 2, 3, 5 and 10."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.config import SIZE_LIMIT, STOCK_TEMPLATE
from pytest_vmsnapshot.engine.effective import (
    ConfigRefused,
    EffectiveConfig,
    ScriptOrder,
    location_fault,
    read,
)
from pytest_vmsnapshot.engine.rules import DOCUMENTED, SHIPPED

CAP = 1800.0
LEAST: dict[str, Any] = {"preScriptLocation": "/pre", "postScriptLocation": "/post"}
POLL = "ScriptsExecutionPollTimeSeconds"


def lenient(cap: float = CAP, **changes: Any) -> EffectiveConfig:
    """A config with both locations and some changes, as the extension takes it."""
    return read(json.dumps({**LEAST, **changes}).encode("ascii"), SHIPPED, cap)


def refusal(content: bytes) -> tuple[int, str]:
    with pytest.raises(ConfigRefused) as caught:
        read(content, SHIPPED, CAP)
    return caught.value.kind.code, caught.value.why


def test_defaults() -> None:
    assert lenient() == EffectiveConfig(
        ScriptOrder("/pre", (), 0),
        ScriptOrder("/post", (), 0),
        timeout=10,
        poll=3,
        continue_on_failure=True,
        fs_freeze=True,
        fs_freeze_is_false=False,
        named_timeout=False,
    )
    assert lenient().limit == 12.0
    assert not lenient().is_doomed


def test_everything_said() -> None:
    found = lenient(
        preScriptParams=["a"],
        postScriptParams=["b", ""],
        preScriptNoOfRetries=2,
        postScriptNoOfRetries=3,
        timeoutInSeconds=31,
        continueBackupOnFailure=False,
        fsFreezeEnabled=False,
        ScriptsExecutionPollTimeSeconds=4,
        appName="shop",
        colour="blue",
    )
    assert found == EffectiveConfig(
        ScriptOrder("/pre", ("a",), 2),
        ScriptOrder("/post", ("b", ""), 3),
        timeout=31,
        poll=4,
        continue_on_failure=False,
        fs_freeze=False,
        fs_freeze_is_false=True,
    )
    assert found.limit == 32.0


def test_the_stock_template() -> None:
    found = read(json.dumps(dict(STOCK_TEMPLATE)).encode("ascii"), SHIPPED, CAP)
    assert (found.pre.location, found.pre.params) == ("", ("", ""))
    assert (found.post.location, found.post.params) == ("", ("", ""))
    assert (found.timeout, found.limit) == (30, 30.0)


# -- what no script can run with -------------------------------------------------------------------

TEXT = json.dumps(LEAST)
INCORRECT = 305
BLOWN_UP = 304

REFUSED: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", INCORRECT, "not JSON: Expecting value: line 1 column 1 (char 0)"),
    "comment": (
        b"// a comment\n" + TEXT.encode("ascii"),
        INCORRECT,
        "not JSON: Expecting value: line 1 column 1 (char 0)",
    ),
    "trailing garbage": (
        TEXT.encode("ascii") + b"x",
        INCORRECT,
        f"not JSON: Extra data: line 1 column {len(TEXT) + 1} (char {len(TEXT)})",
    ),
    "Latin-1": (
        b'{"preScriptLocation": "/\xe4"}',
        INCORRECT,
        "not JSON: 'utf-8' codec can't decode byte 0xe4 in position 24: invalid continuation byte",
    ),
    "UTF-16": (
        TEXT.encode("utf-16"),
        INCORRECT,
        "not JSON: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
    ),
    "too large": (b" " * (SIZE_LIMIT + 1), INCORRECT, "larger than 1024 KiB"),
    "no key": (b"{}", INCORRECT, "preScriptLocation is missing"),
    "no pre": (b'{"postScriptLocation": ""}', INCORRECT, "preScriptLocation is missing"),
    "no post": (b'{"preScriptLocation": ""}', INCORRECT, "postScriptLocation is missing"),
    "case of a key": (
        b'{"preScriptLocation": "", "postscriptlocation": ""}',
        INCORRECT,
        "postScriptLocation is missing",
    ),
    "array": (b"[1]", BLOWN_UP, "[1] where an object is meant"),
    "string": (b'"hello"', BLOWN_UP, '"hello" where an object is meant'),
    "null": (b"null", BLOWN_UP, "null where an object is meant"),
    "number": (b"12", BLOWN_UP, "12 where an object is meant"),
    "true": (b"true", BLOWN_UP, "true where an object is meant"),
}


@pytest.mark.parametrize(("content", "code", "why"), REFUSED.values(), ids=REFUSED)
def test_refused(content: bytes, code: int, why: str) -> None:
    assert refusal(content) == (code, why)


def test_byte_order_mark() -> None:
    code, why = refusal(b"\xef\xbb\xbf" + TEXT.encode("ascii"))
    assert code == INCORRECT
    assert why.startswith("not JSON: ")
    assert why.isprintable()


def test_nested_too_deeply() -> None:
    code, why = refusal(b"[" * 100_000)
    assert code == INCORRECT
    assert why.startswith("not JSON: ")


WRONG_TYPES: list[tuple[str, Any, int, str]] = [
    *(
        (
            "timeoutInSeconds",
            value,
            BLOWN_UP,
            f"timeoutInSeconds is {shown}, which the extension cannot take",
        )
        for value, shown in (("30", '"30"'), (None, "null"), ([30], "[30]"), ({}, "{}"))
    ),
    (POLL, None, BLOWN_UP, f"{POLL} is null, which the extension cannot take"),
    (POLL, [2], BLOWN_UP, f"{POLL} is [2], which the extension cannot take"),
    (POLL, math.inf, BLOWN_UP, f"{POLL} is Infinity, which the extension cannot take"),
    (POLL, "x", INCORRECT, f'{POLL} is "x", not a number'),
    (POLL, "2.9", INCORRECT, f'{POLL} is "2.9", not a number'),
    (POLL, math.nan, INCORRECT, f"{POLL} is NaN, not a number"),
]


@pytest.mark.parametrize(("key", "value", "code", "why"), WRONG_TYPES)
def test_types_that_blow_up(key: str, value: Any, code: int, why: str) -> None:
    assert refusal(json.dumps({**LEAST, key: value}).encode("ascii")) == (code, why)


def test_a_long_value_is_cut_short() -> None:
    _, why = refusal(json.dumps({**LEAST, "timeoutInSeconds": "x" * 500}).encode("ascii"))
    assert why == f'timeoutInSeconds is "{"x" * 79}..., which the extension cannot take'


@pytest.mark.parametrize("location", [None, 987, False, True, ["/pre"], {}])
def test_a_location_that_is_no_path(location: object) -> None:
    found = location_fault("preScriptLocation", location)
    assert found is not None
    assert found.kind.code == BLOWN_UP
    assert found.why == (
        f"preScriptLocation is {json.dumps(location)}, which the extension cannot take"
    )


@pytest.mark.parametrize("location", ["", "/pre", "pre.sh"])
def test_a_location_that_is_a_path(location: str) -> None:
    assert location_fault("preScriptLocation", location) is None


# -- what is fine nevertheless --------------------------------------------------------------------


def test_line_ends_and_space() -> None:
    text = json.dumps(LEAST, indent=2).replace("\n", "\r\n")
    assert read(f"\n{text}\r\n ".encode("ascii"), SHIPPED, CAP) == lenient()


def test_the_last_of_two_equal_keys_counts() -> None:
    content = TEXT[:-1] + ', "timeoutInSeconds": "x", "timeoutInSeconds": 7}'
    assert read(content.encode("ascii"), SHIPPED, CAP).timeout == 7


PARAMS: list[tuple[str, tuple[str, ...]]] = [
    ("[]", ()),
    ('["", ""]', ("", "")),
    ('["a b", "$(id)", "*"]', ("a b", "$(id)", "*")),
    (
        "[true, false, null, 7, -0.0, 2.50, 1e400]",
        ("True", "False", "None", "7", "-0.0", "2.5", "inf"),
    ),
    ("[12345678901234567890123]", ("12345678901234567890123",)),
    ("[NaN, -Infinity]", ("nan", "-inf")),
    ('[["a", 1], {"k": null}]', ("['a', 1]", "{'k': None}")),
    ('"a b"', ("a", " ", "b")),
    ('""', ()),
    ('{"k1": "v1", "k2": 2}', ("k1", "k2")),
    ("{}", ()),
]


@pytest.mark.parametrize("name", ["pre", "post"])
@pytest.mark.parametrize(("text", "expected"), PARAMS)
def test_params(name: str, text: str, expected: tuple[str, ...]) -> None:
    content = f'{TEXT[:-1]}, "{name}ScriptParams": {text}}}'
    found = read(content.encode("utf-8"), SHIPPED, CAP)
    order = found.pre if name == "pre" else found.post
    assert (order.params, order.unstartable) == (expected, "")


@pytest.mark.parametrize("name", ["pre", "post"])
@pytest.mark.parametrize(
    ("value", "shown"), [(None, "null"), (True, "true"), (5, "5"), (1.5, "1.5")]
)
def test_params_that_can_never_be_given(name: str, value: Any, shown: str) -> None:
    found = lenient(**{f"{name}ScriptParams": value})
    order, other = (found.pre, found.post) if name == "pre" else (found.post, found.pre)
    assert order.unstartable == f"{name}ScriptParams is {shown}, not a list"
    assert (order.params, other.unstartable) == ((), "")
    assert found.is_doomed


@pytest.mark.parametrize(("label", "shown"), [(None, "null"), (5, "5"), ([], "[]")])
def test_a_label_that_is_no_string_starts_nothing(label: Any, shown: str) -> None:
    found = lenient(pluginName=label)
    assert found.pre.unstartable == f"pluginName is {shown}, not a string"
    assert found.post.unstartable == found.pre.unstartable
    assert found.is_doomed


def test_any_label_will_do() -> None:
    assert not lenient(pluginName="MyPlugin").is_doomed
    assert not lenient(pluginName="").is_doomed


@pytest.mark.parametrize(("value", "count"), [(0, 0), (3, 3), (-2, -2), (True, 1), (1.5, 0)])
def test_retries(value: Any, count: int) -> None:
    found = lenient(preScriptNoOfRetries=value)
    assert (found.pre.retries, found.pre.uncountable) == (count, "")
    assert not found.is_doomed


@pytest.mark.parametrize(("value", "shown"), [("1", '"1"'), (None, "null"), ([], "[]")])
def test_retries_nobody_can_count(value: Any, shown: str) -> None:
    found = lenient(postScriptNoOfRetries=value)
    assert found.post.uncountable == f"postScriptNoOfRetries is {shown}, not a number"
    assert (found.pre.uncountable, found.is_doomed) == ("", True)


@pytest.mark.parametrize(
    ("value", "goes_on", "shown"),
    [
        (True, True, ""),
        (False, False, ""),
        (1, True, ""),
        (0, False, ""),
        ("false", True, '"false"'),
        ("true", True, '"true"'),
        ("", False, '""'),
        (None, False, "null"),
        ([], False, "[]"),
        ([0], True, "[0]"),
    ],
)
def test_continue(value: Any, goes_on: bool, shown: str) -> None:
    found = lenient(continueBackupOnFailure=value)
    assert found.continue_on_failure is goes_on
    assert found.undecidable == (
        f"continueBackupOnFailure is {shown}, not true or false" if shown else ""
    )


@pytest.mark.parametrize(
    ("value", "freezes", "vetoes"),
    [
        (True, True, False),
        (False, False, True),
        (1, True, False),
        (0, False, True),
        (0.0, False, True),
        (None, False, False),
        ([], False, False),
        ("", False, False),
        ("false", True, False),
    ],
)
def test_freeze(value: Any, freezes: bool, vetoes: bool) -> None:
    found = lenient(fsFreezeEnabled=value)
    assert (found.fs_freeze, found.fs_freeze_is_false) == (freezes, vetoes)


# -- strict --------------------------------------------------------------------------------------


def test_documented() -> None:
    content = json.dumps({**STOCK_TEMPLATE, **LEAST, "timeoutInSeconds": 10}).encode("ascii")
    assert read(content, DOCUMENTED, math.inf) == EffectiveConfig(
        ScriptOrder("/pre", ("", "")), ScriptOrder("/post", ("", "")), timeout=10
    )
    assert read(content, DOCUMENTED, math.inf).limit == 10


def test_documented_refuses_what_is_shipped_takes() -> None:
    with pytest.raises(ConfigRefused) as caught:
        read(json.dumps(LEAST).encode("ascii"), DOCUMENTED, math.inf)
    assert caught.value.kind.code == INCORRECT
    assert caught.value.why.startswith("pluginName is missing; preScriptParams is missing; ")


# -- anything ------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def taken(content: bytes) -> EffectiveConfig | ConfigRefused:
    try:
        return read(content, SHIPPED, CAP)
    except ConfigRefused as refused:
        return refused


@given(st.dictionaries(st.sampled_from([*STOCK_TEMPLATE, POLL, "appName"]), JSON))
def test_any_config_is_taken_or_refused(keys: dict[str, Any]) -> None:
    content = json.dumps({**LEAST, **keys}).encode("utf-8", "surrogatepass")
    found = taken(content)
    if isinstance(found, ConfigRefused):
        assert found.kind.code in (INCORRECT, BLOWN_UP)
        assert "\n" not in found.why
        return
    assert 1 <= found.poll <= 5
    assert found.limit >= 0
    assert all(isinstance(word, str) for word in (*found.pre.params, *found.post.params))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(content: bytes) -> None:
    found = taken(content)
    assert isinstance(found, ConfigRefused)
    assert "\n" not in found.why
