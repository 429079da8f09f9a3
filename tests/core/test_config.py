from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.config import (
    CONFIG_PATH,
    PLUGIN_HOST_PATH,
    SIZE_LIMIT,
    STOCK_TEMPLATE,
    ConfigIncorrect,
    ScriptConfig,
    parse,
)


def config(**changes: Any) -> bytes:
    return json.dumps({**STOCK_TEMPLATE, **changes}).encode("ascii")


def without(*keys: str) -> bytes:
    left = {key: value for key, value in STOCK_TEMPLATE.items() if key not in keys}
    return json.dumps(left).encode("ascii")


def findings(content: bytes) -> list[str]:
    with pytest.raises(ConfigIncorrect) as caught:
        parse(content)
    assert str(caught.value) == "; ".join(caught.value.findings)
    return list(caught.value.findings)


def test_the_stock_template_is_that_of_the_documentation() -> None:
    assert dict(STOCK_TEMPLATE) == {
        "pluginName": "ScriptRunner",
        "preScriptLocation": "",
        "postScriptLocation": "",
        "preScriptParams": ["", ""],
        "postScriptParams": ["", ""],
        "preScriptNoOfRetries": 0,
        "postScriptNoOfRetries": 0,
        "timeoutInSeconds": 30,
        "continueBackupOnFailure": True,
        "fsFreezeEnabled": True,
    }


def test_places() -> None:
    assert CONFIG_PATH == "/etc/azure/VMSnapshotScriptPluginConfig.json"
    assert PLUGIN_HOST_PATH == "/etc/azure/VMSnapshotPluginHost.conf"


def test_the_stock_template_is_the_default() -> None:
    assert parse(config()) == ScriptConfig()
    assert json.loads(ScriptConfig().to_json()) == STOCK_TEMPLATE


def test_every_key_has_its_place() -> None:
    content = config(
        preScriptLocation="/a",
        postScriptLocation="/b",
        preScriptParams=["1"],
        postScriptParams=[],
        preScriptNoOfRetries=2,
        postScriptNoOfRetries=3,
        timeoutInSeconds=4,
        continueBackupOnFailure=False,
        fsFreezeEnabled=False,
    )
    assert parse(content) == ScriptConfig(
        pre_location="/a",
        post_location="/b",
        pre_params=("1",),
        post_params=(),
        pre_retries=2,
        post_retries=3,
        timeout=4,
        continue_on_failure=False,
        fs_freeze=False,
    )


RIGHT = {
    "unknown keys do not count": config(color="blue"),
    "white space": b" \r\n\t" + config() + b"\n\n",
    "not only ASCII": config(preScriptParams=["ä"]).replace(b"\\u00e4", "ä".encode()),
    "the last of two": b'{"pluginName": "other",' + config()[1:],
    "relative location": config(preScriptLocation="pre.sh"),
    "NUL in a parameter": config(preScriptParams=["a\0b"]),
    "lone surrogate": config(preScriptParams=["\ud800"]),
    "large numbers": config(timeoutInSeconds=10**40, preScriptNoOfRetries=10**999),
    "up to the limit": config(
        preScriptParams=["x" * (SIZE_LIMIT - len(config(preScriptParams=[""])))]
    ),
}


@pytest.mark.parametrize("content", RIGHT.values(), ids=RIGHT)
def test_right(content: bytes) -> None:
    parse(content)


WRONG = {
    # not JSON at all
    "empty": (b"", "not JSON: Expecting value at line 1, column 1"),
    "blank": (b" \n ", "not JSON: Expecting value at line 2, column 2"),
    "shell": (b"timeout=30\n", "not JSON: Expecting value at line 1, column 1"),
    "single quotes": (
        b"{'a': 1}",
        "not JSON: Expecting property name enclosed in double quotes at line 1, column 2",
    ),
    "cut off": (b'{"a": 1', "not JSON: Expecting ',' delimiter at line 1, column 8"),
    "two values": (b"{} {}", "not JSON: Extra data at line 1, column 4"),
    "binary": (bytes(range(256)), "not UTF-8: byte 128 cannot be decoded"),
    "NUL": (b"\0" * 512, "not JSON: Expecting value at line 1, column 1"),
    "control character": (
        b'{"a": "\n"}',
        "not JSON: Invalid control character at line 1, column 8",
    ),
    "string without end": (
        b'{"a": "b',
        "not JSON: Unterminated string starting at line 1, column 7",
    ),
    "BOM": (
        b"\xef\xbb\xbf" + config(),
        "starts with a byte order mark; save it as UTF-8 without one",
    ),
    "UTF-16": ("{}".encode("utf-16"), "not UTF-8: byte 0 cannot be decoded"),
    "UTF-16 without BOM": (
        "{}".encode("utf-16-le"),
        "not JSON: Expecting property name enclosed in double quotes at line 1, column 2",
    ),
    "Latin-1": ('{"a": "ä"}'.encode("latin-1"), "not UTF-8: byte 7 cannot be decoded"),
    "NaN": (b'{"timeoutInSeconds": NaN}', "not JSON: NaN is not a JSON number"),
    "infinity": (b'{"timeoutInSeconds": -Infinity}', "not JSON: -Infinity is not a JSON number"),
    "lists, deep": (b"[" * 200_000, "not JSON: nested too deeply"),
    "objects, deep": (b'{"a":' * 150_000, "not JSON: nested too deeply"),
    "megabytes": (b" " * (SIZE_LIMIT + 1), "larger than 1024 KiB"),
    # JSON, but no object
    "null": (b"null", "null where an object is meant"),
    "list": (b"[]", "a list where an object is meant"),
    "string": (b'"x"', "a string where an object is meant"),
    "number": (b"1e400", "a number where an object is meant"),
    "truth": (b"true", "true where an object is meant"),
    # values
    "name": (
        config(pluginName="Runner"),
        "pluginName is 'Runner', which must be left as 'ScriptRunner'",
    ),
    "long name": (
        config(pluginName="x" * 500_000),
        f"pluginName is '{'x' * 79}..., which must be left as 'ScriptRunner'",
    ),
    "name, type": (config(pluginName=None), "pluginName is null where a string is meant"),
    "location": (
        config(preScriptLocation=["/a"]),
        "preScriptLocation is a list where a string is meant",
    ),
    "params, string": (
        config(preScriptParams="orders"),
        "preScriptParams is a string where a list of strings is meant",
    ),
    "params, object": (
        config(postScriptParams={}),
        "postScriptParams is an object where a list of strings is meant",
    ),
    "params, number": (
        config(preScriptParams=["a", 5, None]),
        "preScriptParams is a list with a number in it, where strings are meant",
    ),
    "params, null": (
        config(preScriptParams=["a", None]),
        "preScriptParams is a list with null in it, where strings are meant",
    ),
    "retries, string": (
        config(preScriptNoOfRetries="3"),
        "preScriptNoOfRetries is a string where a whole number is meant",
    ),
    "retries, fraction": (
        config(postScriptNoOfRetries=1.0),
        "postScriptNoOfRetries is a number where a whole number is meant",
    ),
    "retries, truth": (
        config(preScriptNoOfRetries=True),
        "preScriptNoOfRetries is true where a whole number is meant",
    ),
    "retries, negative": (
        config(preScriptNoOfRetries=-1),
        "preScriptNoOfRetries is -1, below 0",
    ),
    "timeout, zero": (config(timeoutInSeconds=0), "timeoutInSeconds is 0, below 1"),
    "timeout, far below": (
        config(timeoutInSeconds=-(10**900)),
        f"timeoutInSeconds is -1{'0' * 78}..., below 1",
    ),
    "timeout, null": (
        config(timeoutInSeconds=None),
        "timeoutInSeconds is null where a whole number is meant",
    ),
    "quoted truth": (
        config(continueBackupOnFailure="false"),
        (
            "continueBackupOnFailure is the string 'false' where true or false is meant, "
            "without quotes"
        ),
    ),
    "truth, number": (
        config(fsFreezeEnabled=1),
        "fsFreezeEnabled is a number where true or false is meant",
    ),
    "truth, word": (
        config(fsFreezeEnabled="yes"),
        "fsFreezeEnabled is a string where true or false is meant",
    ),
    "the last of two counts": (
        config()[:-1] + b', "timeoutInSeconds": "30"}',
        "timeoutInSeconds is a string where a whole number is meant",
    ),
    # missing keys
    "misspelt": (
        json.dumps({**json.loads(without("fsFreezeEnabled")), "fsfreezeEnabled": True}).encode(),
        "fsFreezeEnabled is missing (is 'fsfreezeEnabled' meant?)",
    ),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
def test_wrong(content: bytes, message: str) -> None:
    assert findings(content) == [message]


@pytest.mark.parametrize("key", STOCK_TEMPLATE)
def test_each_key_is_needed(key: str) -> None:
    assert findings(without(key)) == [f"{key} is missing"]


def test_all_findings_at_once() -> None:
    assert findings(b"{}") == [f"{key} is missing" for key in STOCK_TEMPLATE]
    assert findings(config(timeoutInSeconds="30", fsFreezeEnabled=None, pluginName="x")) == [
        "pluginName is 'x', which must be left as 'ScriptRunner'",
        "timeoutInSeconds is a string where a whole number is meant",
        "fsFreezeEnabled is null where true or false is meant",
    ]


def test_an_integer_too_long_to_be_read() -> None:
    (found,) = findings(b'{"timeoutInSeconds": ' + b"9" * 100_000 + b"}")
    assert found == "not JSON: a number of 100000 digits is too long"


def test_escapes_in_values_are_shown_as_such() -> None:
    (found,) = findings(config(pluginName="\x1b[2J\u202e"))
    assert found == r"pluginName is '\x1b[2J\u202e', which must be left as 'ScriptRunner'"


def test_many_misspelt_keys_take_no_time() -> None:
    content = json.dumps({f"preScriptLocatio{index:05}": 1 for index in range(30_000)})
    began = time.process_time()
    assert len(findings(content.encode("ascii"))) == len(STOCK_TEMPLATE)
    assert time.process_time() - began < 1.0  # seconds; 2.3 when all are compared


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**100, 10**120)
    | st.floats()
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
KEYS = st.sampled_from(sorted(STOCK_TEMPLATE)) | st.text()


@given(st.binary())
def test_arbitrary_bytes(content: bytes) -> None:
    with contextlib.suppress(ConfigIncorrect):
        parse(content)


@given(JSON)
def test_arbitrary_json(value: Any) -> None:
    with contextlib.suppress(ConfigIncorrect):
        parse(json.dumps(value).encode("ascii"))


@given(st.dictionaries(KEYS, JSON))
def test_arbitrary_values_of_the_keys(changes: dict[str, Any]) -> None:
    with contextlib.suppress(ConfigIncorrect):
        assert isinstance(parse(config(**changes)), ScriptConfig)


@given(st.binary(max_size=6), st.integers(0, 400), st.integers(0, 3))
def test_damaged_configs(damage: bytes, place: int, removed: int) -> None:
    whole = config()
    with contextlib.suppress(ConfigIncorrect):
        parse(whole[:place] + damage + whole[place + removed :])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-7"])
def test_other_encodings(encoding: str) -> None:
    content = config(preScriptParams=["ä"]).replace(b"\\u00e4", "ä".encode()).decode()
    with contextlib.suppress(ConfigIncorrect):
        parse(content.encode(encoding))


STRINGS = st.text(st.characters(exclude_categories=["Cs"])) | st.just("\ud800") | st.just("\udcff")


@given(
    st.builds(
        ScriptConfig,
        pre_location=STRINGS,
        post_location=STRINGS,
        pre_params=st.lists(STRINGS).map(tuple),
        post_params=st.lists(STRINGS).map(tuple),
        pre_retries=st.integers(0),
        post_retries=st.integers(0),
        timeout=st.integers(1),
        continue_on_failure=st.booleans(),
        fs_freeze=st.booleans(),
    )
)
def test_round_trip(written: ScriptConfig) -> None:
    assert parse(written.to_json().encode("ascii")) == written
