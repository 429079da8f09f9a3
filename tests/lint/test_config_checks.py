"""Checks of a config, with the places of values in its text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.errors import UsageError
from pytest_vmsnapshot.lint import Subject
from pytest_vmsnapshot.lint.json_places import placed

from .asking import Asking


def config(**changes: Any) -> str:
    keys = {
        "pluginName": "ScriptRunner",
        "preScriptLocation": "/opt/pre.sh",
        "postScriptLocation": "/opt/post.sh",
        "preScriptParams": [],
        "postScriptParams": [],
        "timeoutInSeconds": 30,
        "fsFreezeEnabled": True,
        **changes,
    }
    return json.dumps({k: v for k, v in keys.items() if v is not None}, indent=2)


WORDS = [
    (
        {"timeoutInSeconds": 10},
        "c.json:7:23: warning VMS019: timeoutInSeconds is 10, but the extension looks every 3 s "
        "and "
        "stops waiting after 12 s; write 9 or 12",
    ),
    (
        {"timeoutInSeconds": 1},
        "c.json:7:23: warning VMS019: timeoutInSeconds is 1, but the extension looks every 3 s and "
        "stops waiting after 3 s; write 3",
    ),
    (
        {"timeoutInSeconds": 31, "ScriptsExecutionPollTimeSeconds": 5},
        "c.json:7:23: warning VMS019: timeoutInSeconds is 31, but the extension looks every 5 s "
        "and "
        "stops waiting after 35 s; write 30 or 35",
    ),
    (
        {"timeoutInSeconds": 2000},
        "c.json:7:23: warning VMS020: timeoutInSeconds is 2000, but the extension waits for no "
        "script longer than 1800 s; write 1800, and let the scripts be done by then",
    ),
    (
        {"timeoutInSeconds": None},
        "c.json: warning VMS021: timeoutInSeconds is missing: the extension takes 10 s for it, and "
        'stops waiting after 12 s; write what the scripts need, such as "timeoutInSeconds": 30',
    ),
    (
        {"preScriptLocation": "opt/pre.sh"},
        "c.json:3:24: error VMS022: preScriptLocation is 'opt/pre.sh', which is relative, and is "
        "looked for in the extension's own directory; write the absolute path of the script on the "
        "VM",
    ),
    (
        {"postScriptLocation": "/opt/post.sh "},
        "c.json:4:25: error VMS022: postScriptLocation is '/opt/post.sh ', which has blanks around "
        "it, which belong to the name; write the absolute path of the script on the VM",
    ),
    (
        {"preScriptLocation": "~/pre.sh"},
        "c.json:3:24: error VMS022: preScriptLocation is '~/pre.sh', which starts with a tilde, "
        "which nobody expands; write the absolute path of the script on the VM",
    ),
    (
        {"preScriptLocation": "/opt/post.sh"},
        "c.json:4:25: warning VMS023: both steps run /opt/post.sh with the same parameters: it "
        'cannot tell before from after; tell it by a parameter: "preScriptParams": ["pre"], '
        '"postScriptParams": ["post"]',
    ),
    (
        {"preScriptParams": ["orders", "<user>"]},
        "c.json:7:5: error VMS013: preScriptParams has '<user>', which looks like text that was "
        "meant to be replaced; write what is meant on your VM",
    ),
    (
        {"postScriptLocation": "/path/to/post.sh"},
        "c.json:4:25: error VMS013: postScriptLocation has '/path/to/', which looks like text that "
        "was meant to be replaced; write what is meant on your VM",
    ),
    (
        {"fsFreezeEnabled": False},
        "c.json:8:22: note VMS024: fsFreezeEnabled is false: with the extension any script that "
        "fails then fails the whole backup, whatever continueBackupOnFailure says; leave it true "
        "unless the application cannot bear a freeze",
    ),
]


@pytest.mark.parametrize(("changes", "text"), WORDS, ids=[f"{n}" for n in range(len(WORDS))])
def test_what_is_said(ask: Asking, changes: dict[str, Any], text: str) -> None:
    assert [str(found) for found in ask.config(config(**changes))] == [text]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"timeoutInSeconds": 9},
        {"timeoutInSeconds": 1800},
        {"timeoutInSeconds": 10, "ScriptsExecutionPollTimeSeconds": 5},
        {"timeoutInSeconds": 7, "ScriptsExecutionPollTimeSeconds": 1},
        {"timeoutInSeconds": "10"},
        {"timeoutInSeconds": True},
        {"timeoutInSeconds": -1},
        {"timeoutInSeconds": 10, "ScriptsExecutionPollTimeSeconds": "x"},
        {"preScriptLocation": "", "postScriptLocation": ""},
        {"preScriptLocation": 7, "postScriptLocation": ["/opt"]},
        {"preScriptLocation": "/opt/post.sh", "preScriptParams": ["pre"]},
        {"preScriptParams": "TODO not the whole", "postScriptParams": [1, None]},
        {"preScriptParams": ["<", "a<b>c", "xx", "you", "/paths/to"]},
        {"fsFreezeEnabled": "false"},
        {"fsFreezeEnabled": 0},
    ],
)
def test_quiet(ask: Asking, changes: dict[str, Any]) -> None:
    assert ask.config(config(**changes)) == ()


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"timeoutInSeconds": 10,}', "\ufeff{}"])
def test_what_is_no_config_is_left_to_others(ask: Asking, content: str) -> None:
    assert ask.config(content) == ()


def test_other_encodings_are_left_to_others(ask: Asking) -> None:
    from pytest_vmsnapshot.lint import lint

    content = '{"timeoutInSeconds": 10, "x": "é"}'.encode("latin-1")
    assert lint(Subject(Path("c.json"), content, (), ("dash",)), ("VMS027",)) == ()


@pytest.mark.parametrize("value", ["TODO", "xxxx", "{{ user }}", "__USER__", "TBD", "changeme"])
def test_a_parameter_that_is_nothing_but_a_placeholder(ask: Asking, value: str) -> None:
    (found,) = ask.config(config(preScriptParams=[value]))
    assert found.code == "VMS013"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), _JSON), st.sampled_from([None, 0, 2]))
def test_every_value_is_where_it_is_said_to_be(value: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    found = placed(text)
    assert {key: each.value for key, each in found.items()} == value
    lines = text.split("\n")
    for each in found.values():
        for item in (each, *each.items):
            rest = "\n".join([lines[item.line - 1][item.column - 1 :], *lines[item.line :]])
            assert json.JSONDecoder().raw_decode(rest)[0] == item.value


def test_the_last_of_two_counts() -> None:
    found = placed('{"a": 1,\n "a": 2}')
    assert (found["a"].value, found["a"].line, found["a"].column) == (2, 2, 7)


@pytest.mark.parametrize(
    ("shells", "text"),
    [
        ((), "shells: name at least one, such as 'debian'"),
        (("debin",), "shells: 'debin' is no shell and no distribution (is 'debian' meant?)"),
    ],
)
def test_shells_that_do_not_exist(shells: tuple[str, ...], text: str) -> None:
    with pytest.raises(UsageError) as raised:
        Subject(Path("c.json"), b"{}", (), shells)
    assert str(raised.value) == text


def test_all_wrong_shells_are_told_at_once() -> None:
    with pytest.raises(UsageError) as raised:
        Subject(Path("c.json"), b"{}", (), ("debian", "qqqq", "bsh"))
    assert len(raised.value.mistakes) == 2
    assert raised.value.mistakes[0].startswith(
        "shells: 'qqqq' is no shell and no distribution; known are dash, bash, busybox, "
    )
