from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.engine.plugin_host import SIZE_LIMIT, fault

GOOD = """\
[pre_post]
timeoutInSeconds = 1800
numberOfPlugins = 1
pluginName0 = ScriptRunner
pluginPath0 = ScriptRunner.py
pluginConfigPath0 = /etc/azure/VMSnapshotScriptPluginConfig.json
"""


def changed(old: str, new: str) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new).encode("utf-8")


RIGHT = {
    "as shipped": GOOD.encode("ascii"),
    "CRLF": GOOD.replace("\n", "\r\n").encode("ascii"),
    "comments": b"# a comment\n; another\n" + GOOD.encode("ascii"),
    "no plugin": changed("numberOfPlugins = 1", "numberOfPlugins = 0"),
    "negative": changed("numberOfPlugins = 1", "numberOfPlugins = -1"),
    "other sections": GOOD.encode("ascii") + b"[other]\nkey = value\n",
    "doubled percent sign": changed("ScriptRunner.py", "100%%.py"),
    "interpolation": changed("ScriptRunner.py", "%(pluginName0)s.py"),
    "unicode": changed("ScriptRunner.py", "Läufer.py"),
}


@pytest.mark.parametrize("content", RIGHT.values(), ids=RIGHT)
def test_right(content: bytes) -> None:
    assert fault(content) == ""


WRONG = {
    "empty": (b"", "it has no section [pre_post]"),
    "another section": (b"[other]\n", "it has no section [pre_post]"),
    "case counts": (changed("[pre_post]", "[PRE_POST]"), "it has no section [pre_post]"),
    "binary": (b"\xff\xfe\x00", "it is not text"),
    "NUL": (b"\0", r"File contains no section headers. file: '<string>', line: 1 '\x00'"),
    "no section": (
        b"numberOfPlugins = 1\n",
        r"File contains no section headers. file: '<string>', line: 1 'numberOfPlugins = 1\n'",
    ),
    "BOM": (
        b"\xef\xbb\xbf" + GOOD.encode("ascii"),
        r"File contains no section headers. file: '<string>', line: 1 '\ufeff[pre_post]\n'",
    ),
    "no timeout": (
        changed("timeoutInSeconds = 1800\n", ""),
        "No option 'timeoutinseconds' in section: 'pre_post'",
    ),
    "timeout": (
        changed("1800", "half an hour"),
        "invalid literal for int() with base 10: 'half an hour'",
    ),
    "number": (
        changed("Plugins = 1", "Plugins = one"),
        "invalid literal for int() with base 10: 'one'",
    ),
    "fewer than announced": (
        changed("numberOfPlugins = 1", "numberOfPlugins = 2"),
        "No option 'pluginname1' in section: 'pre_post'",
    ),
    "far fewer": (
        changed("numberOfPlugins = 1", f"numberOfPlugins = 1{'0' * 100}"),
        "No option 'pluginname1' in section: 'pre_post'",
    ),
    "twice": (
        GOOD.encode("ascii") + b"numberOfPlugins = 1\n",
        (
            "While reading from '<string>' [line 7]: option 'numberofplugins' in section "
            "'pre_post' already exists"
        ),
    ),
    "percent sign": (
        changed("ScriptRunner.py", "100%.py"),
        "'%' must be followed by '%' or '(', found: '%.py'",
    ),
    "percent sign in a number": (
        changed("1800", "%"),
        "'%' must be followed by '%' or '(', found: '%'",
    ),
    "unknown reference": (
        changed("ScriptRunner.py", "%(nothing)s"),
        (
            "Bad value substitution: option 'pluginpath0' in section 'pre_post' contains an "
            "interpolation key 'nothing' which is not a valid option name. Raw value: "
            "'%(nothing)s'"
        ),
    ),
    "reference to itself": (
        changed("ScriptRunner.py", "%(pluginPath0)s"),
        (
            "Recursion limit exceeded in value substitution: option 'pluginpath0' in section "
            "'pre_post' contains an interpolation key which cannot be substituted in 10 steps. "
            "Raw value: '%(pluginPath0)s'"
        ),
    ),
    "too large": (b"#" * (SIZE_LIMIT + 1), "it is larger than 16 KiB"),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
def test_wrong(content: bytes, message: str) -> None:
    assert fault(content) == message


def test_a_file_full_of_mistakes_takes_no_time() -> None:
    began = time.process_time()
    assert fault(b"[a]\n" + b"x\n" * 7_000)
    assert fault(b"[a]\n" + b"x\n" * 500_000) == "it is larger than 16 KiB"
    assert time.process_time() - began < 1.0  # seconds; minutes when all are collected


@given(st.binary())
def test_arbitrary_bytes(content: bytes) -> None:
    assert "\n" not in fault(content)


SIGNS = [
    "%",
    "%(",
    "%(a)s",
    "[",
    "]",
    "\n",
    "\n ",
    "=",
    ":",
    "#",
    ";",
    "\r",
    "\0",
    "\x85",
    "\u2028",
]
NAMES = ["a", "1", "\t", "[pre_post]", "[DEFAULT]", "numberOfPlugins", "timeoutInSeconds"]
WORDS = st.sampled_from([*SIGNS, *NAMES])


@given(st.lists(WORDS).map("".join))
def test_what_trips_configparser(text: str) -> None:
    assert "\n" not in fault(text.encode("utf-8"))
    assert "\n" not in fault(b"[pre_post]\n" + text.encode("utf-8"))
