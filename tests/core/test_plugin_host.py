from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.engine.plugin_host import SIZE_LIMIT, PluginHost, fault, read

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


# -- as the extension takes it ---------------------------------------------------------------------

CONFIG = "/etc/azure/VMSnapshotScriptPluginConfig.json"
SECOND = """\
pluginName1 = ScriptRunner
pluginPath1 = ScriptRunner.py
pluginConfigPath1 = /srv/second.json
"""

TAKEN = {
    "as shipped": (GOOD.encode("ascii"), PluginHost(1800, (CONFIG,))),
    "CRLF": (GOOD.replace("\n", "\r\n").encode("ascii"), PluginHost(1800, (CONFIG,))),
    "case of keys": (changed("numberOfPlugins", "NUMBEROFPLUGINS"), PluginHost(1800, (CONFIG,))),
    "elsewhere": (changed(CONFIG, "/srv/own.json"), PluginHost(1800, ("/srv/own.json",))),
    "short": (changed("1800", "5"), PluginHost(5, (CONFIG,))),
    "nothing": (changed("1800", "0"), PluginHost(0, (CONFIG,))),
    "negative timeout": (changed("1800", "-10"), PluginHost(-10, (CONFIG,))),
    "long": (changed("1800", "9999"), PluginHost(9999, (CONFIG,))),
    "two": (
        changed("Plugins = 1", "Plugins = 2") + SECOND.encode("ascii"),
        PluginHost(1800, (CONFIG, "/srv/second.json")),
    ),
    "empty": (b"", PluginHost(1800, ())),
    "another section": (b"[other]\nnumberOfPlugins = 1\n", PluginHost(1800, ())),
    "no plugin": (changed("Plugins = 1", "Plugins = 0"), PluginHost(1800, ())),
    "negative": (changed("Plugins = 1", "Plugins = -1"), PluginHost(1800, ())),
    "no number": (changed("numberOfPlugins = 1\n", ""), PluginHost(1800, ())),
    "no timeout": (changed("timeoutInSeconds = 1800\n", ""), PluginHost(1800, (CONFIG,))),
    "section twice over": (GOOD.encode("ascii") + b"[other]\n", PluginHost(1800, (CONFIG,))),
}


@pytest.mark.parametrize(("content", "expected"), TAKEN.values(), ids=TAKEN)
def test_read(content: bytes, expected: PluginHost) -> None:
    assert read(content) == expected


FAILED_OVER = {
    name: row
    for name, row in WRONG.items()
    if name not in ("empty", "another section", "case counts", "no timeout")
} | {
    "no config path": (
        changed(f"pluginConfigPath0 = {CONFIG}\n", ""),
        "No option 'pluginconfigpath0' in section: 'pre_post'",
    ),
    "float": (changed("1800", "30.5"), "invalid literal for int() with base 10: '30.5'"),
    "unknown plugin": (
        changed("= ScriptRunner\n", "= NoSuchModule\n"),
        "pluginName0 is 'NoSuchModule'; only ScriptRunner is simulated",
    ),
}


@pytest.mark.parametrize(("content", "message"), FAILED_OVER.values(), ids=FAILED_OVER)
def test_what_the_extension_fails_over(content: bytes, message: str) -> None:
    assert read(content).fault == message


@given(st.lists(WORDS).map("".join))
def test_whatever_the_file_it_is_taken_or_has_a_fault(text: str) -> None:
    content = b"[pre_post]\n" + text.encode("utf-8")
    if fault(content):
        found = read(content)
        assert found.fault or found.configs == ()
