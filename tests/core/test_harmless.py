"""Nothing a script prints is taken for a command by a CI."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.explain import block, line
from pytest_vmsnapshot.harmless import harmless, harmless_json

_UNSEEN = re.compile(r"[^\x20-\x7e]")


def takes_for_a_command(text: str) -> bool:
    """What the runner of GitHub and the agent of Azure do, whichever characters they pass over."""
    for whole in re.split(r"[\r\n]", text):
        for read in (whole, _UNSEEN.sub("", whole)):
            start = read.lstrip()
            if start.startswith("::") and start.find("::", 2) >= 0:
                return True
            if "##[" in read or "##vso[" in read.lower():
                return True
    return False


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::no", r"\x3a:error::no"),
        ("  ::error file=a,line=1::no", r"  \x3a:error file=a,line=1::no"),
        ("fine\n\t::stop-commands::x\nfine", "fine\n\t\\x3a:stop-commands::x\nfine"),
        ("a\r::debug::x", "a\r\\x3a:debug::x"),
        ("::1 localhost", "::1 localhost"),
        ("see std::string::npos", "see std::string::npos"),
        ("##vso[task.complete]done", r"\x23#vso[task.complete]done"),
        ("a ##vso[task.setvariable variable=x]y", r"a \x23#vso[task.setvariable variable=x]y"),
        ("###vso[a.b]", r"#\x23#vso[a.b]"),
        ("log: ##[error]no", r"log: \x23#[error]no"),
        ("#\ufe0f#vso[a.b]", "\\x23\ufe0f#vso[a.b]"),
        ("\ufeff::error::no", "\ufeff\\x3a:error::no"),
        ("## heading", "## heading"),
        ("#[derive(Debug)]", "#[derive(Debug)]"),
        ("", ""),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert harmless(text) == shown
    assert harmless(shown) == shown


PARTS = st.sampled_from(
    [
        "#",
        "##",
        "vso[",
        "VSO[",
        "[",
        "]",
        ":",
        "::",
        "error",
        " ",
        "\t",
        "\n",
        "\r",
        "\ufe0f",
        "\xad",
    ]
)
HOSTILE = st.lists(PARTS | st.characters(), max_size=12).map("".join)


@given(HOSTILE)
def test_nothing_is_a_command_any_more(text: str) -> None:
    shown = harmless(text)
    assert not takes_for_a_command(shown)
    assert shown.replace(r"\x23", "#").replace(r"\x3a", ":") == text.replace(r"\x23", "#").replace(
        r"\x3a", ":"
    )
    if not takes_for_a_command(text) and text.isascii() and text.isprintable():
        assert shown == text


@given(HOSTILE)
def test_what_a_report_shows_of_a_script(text: str) -> None:
    assert not takes_for_a_command(line(text))
    assert not takes_for_a_command("\n".join(block(text)))


@given(st.dictionaries(HOSTILE, HOSTILE))
def test_json_means_the_same(value: dict[str, str]) -> None:
    for ascii_only in (True, False):
        text = harmless_json(json.dumps(value, indent=1, ensure_ascii=ascii_only))
        assert json.loads(text) == value
        assert not takes_for_a_command(text)
