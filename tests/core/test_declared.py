"""TOML files: lines of keys, values with types, and all mistakes at once."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.declared import Stage, Table, TomlFile, read_stage
from pytest_vmsnapshot.declared.mistakes import shown
from pytest_vmsnapshot.declared.stage import STAGE_KEYS
from pytest_vmsnapshot.errors import DeclarationError, UsageError

FILE = """\
# what is tested
title = "a"  # 2

list = [     # 4
  1,
  2,
]
text = '''   # 8 is text
[no]
table = 1
'''
inline = { a = 1, b = { c = 2 } }  # 12

[one]

two = 3  # 16
[one.three]
four.five = 6  # 18

[[row]]
x = 1
[row.inner]
y = 2
[[row]]
x = 3
"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ((), 1),
        (("title",), 2),
        (("list",), 4),
        (("list", 1), 4),
        (("text",), 8),
        (("inline",), 12),
        (("inline", "b", "c"), 12),
        (("one",), 14),
        (("one", "two"), 16),
        (("one", "three"), 17),
        (("one", "three", "four"), 18),
        (("one", "three", "four", "five"), 18),
        (("row",), 20),
        (("row", 0), 20),
        (("row", 0, "x"), 21),
        (("row", 0, "inner"), 22),
        (("row", 0, "inner", "y"), 23),
        (("row", 1), 24),
        (("row", 1, "x"), 25),
        (("row", 1, "y"), 24),
        (("row", 2), 20),
        (("one", 0), 14),
        (("nothing", "there"), 1),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_lines(keys: tuple[str | int, ...], line: int, line_end: str) -> None:
    assert TomlFile(Path("a.toml"), FILE.replace("\n", line_end)).line_of(keys) == line


NAMES = st.sampled_from(["a", "b", '"c d"', "e-f"])
VALUES = st.sampled_from(["1", '"x"', '"""\n[a]\n\n"""', "[\n1,\n\n2]", "{ z = 1 }"])
GAPS = st.sampled_from(["", "\n", "# [a]\n", "\n\n"])


@given(st.lists(st.tuples(NAMES, VALUES, GAPS), max_size=8, unique_by=lambda row: row[0]))
def test_any_key_is_found_on_its_line(rows: list[tuple[str, str, str]]) -> None:
    text, lines = "", {}
    for name, value, gap in rows:
        text += gap
        lines[name.strip('"')] = text.count("\n") + 1
        text += f"{name} = {value}\n"
    file = TomlFile(Path("a.toml"), text)
    assert {name: file.line_of([name]) for name in lines} == lines


# -- files that cannot be read ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a = 1\nb 2\n", "a.toml:2:3: not TOML: expected '=' after a key in a key/value pair"),
        (b"a = 1\nb =", "a.toml:2: not TOML: invalid value at the end of the file"),
        (b"a = 1\n\xff\n", "a.toml:2: not UTF-8, as TOML must be; save it as UTF-8"),
        (b"a = " + b"[" * 100_000, "a.toml: not TOML: nested too deeply"),
    ],
)
def test_what_is_not_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_bytes(content)
    with pytest.raises(DeclarationError) as caught:
        TomlFile.load(tmp_path / "a.toml")
    assert caught.value.mistakes == (told,)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError) as caught:
        TomlFile.load(tmp_path / "a.toml")
    told = f"{tmp_path}/a.toml cannot be read: No such file or directory"
    assert caught.value.mistakes == (told,)


# -- values ----------------------------------------------------------------------------------------

Read = Callable[[Table], Any]


@pytest.mark.parametrize(
    ("value", "read", "expected"),
    [
        ('"x"', lambda t: t.text("k", ""), "x"),
        ('""', lambda t: t.text("k", None), ""),
        ('"/a b"', lambda t: t.path("k", ""), "/a b"),
        ("false", lambda t: t.truth("k", default=True), False),
        ("0", lambda t: t.whole("k", None, 0), 0),
        ("1_000", lambda t: t.whole("k", 0), 1000),
        ("2", lambda t: t.seconds("k", 0.0), 2.0),
        ("0.5", lambda t: t.seconds("k", 0.0), 0.5),
        ('["a", ""]', lambda t: t.texts("k", ()), ("a", "")),
        ('"b"', lambda t: t.choice("k", "a", ("a", "b")), "b"),
        ("0o640", lambda t: t.mode("k", 0), 0o640),
        ('"0640"', lambda t: t.mode("k", 0), 0o640),
        ('"640"', lambda t: t.mode("k", 0), 0o640),
        ('"0o4755"', lambda t: t.mode("k", 0), 0o4755),
        ("1000", lambda t: t.owner("k", "root"), 1000),
        ('"mysql"', lambda t: t.owner("k", "root"), "mysql"),
        ('"2G"', lambda t: t.size("k", None), "2G"),
        ("4096", lambda t: t.size("k", None), 4096),
        ('{ a = "x", b = "" }', lambda t: t.texts_by_name("k", {}), {"a": "x", "b": ""}),
        ('"/"', lambda t: t.local("k", None), Path("/")),
    ],
)
def test_values(value: str, read: Read, expected: object) -> None:
    table = Table.of(TomlFile(Path("a.toml"), f"k = {value}\n"))
    found = read(table)
    assert found == expected
    assert type(found) is type(expected) or isinstance(expected, Path)
    table.finish()


@pytest.mark.parametrize(
    ("value", "read", "wanted"),
    [
        ("30", lambda t: t.text("k", ""), "write text in quotes"),
        ('"etc"', lambda t: t.path("k", ""), "write an absolute path on the VM"),
        ('"true"', lambda t: t.truth("k", default=False), "write true or false"),
        ("1", lambda t: t.truth("k", default=False), "write true or false"),
        ('"30"', lambda t: t.whole("k", 0), "write a whole number"),
        ("true", lambda t: t.whole("k", 0), "write a whole number"),
        ("0", lambda t: t.whole("k", 1, 1), "write a whole number from 1 up"),
        ("256", lambda t: t.whole("k", 0, 0, 255), "write a whole number from 0 to 255"),
        ("nan", lambda t: t.seconds("k", 0.0), "write a number of seconds from 0 up"),
        ("-1", lambda t: t.seconds("k", 0.0), "write a number of seconds from 0 up"),
        ('"a"', lambda t: t.texts("k", ()), 'write ["a"]'),
        ("[1]", lambda t: t.texts("k", ()), "write a list of texts"),
        (
            '"shipd"',
            lambda t: t.choice("k", "", ("documented", "shipped")),
            'is "shipped" meant? There are: documented, shipped',
        ),
        ("1", lambda t: t.choice("k", "", ("a", "b")), "write one of a, b"),
        ("640", lambda t: t.mode("k", 0), 'write 0o640, or "0640"'),
        ('"rw"', lambda t: t.mode("k", 0), 'write 0o640, or "0640"'),
        ('"9"', lambda t: t.mode("k", 0), 'write 0o640, or "0640"'),
        ('""', lambda t: t.owner("k", "root"), 'write a user name, such as "root"'),
        ("-1", lambda t: t.owner("k", "root"), 'write a user name, such as "root"'),
        ('"2T"', lambda t: t.size("k", None), 'write bytes, or "512M", or "2G"'),
        ('""', lambda t: t.local("k", None), "write a local path"),
        ("1", lambda t: t.table("k"), "write a table, such as { key = ... }"),
        ("1979-05-27", lambda t: t.table("k"), "write a table, such as { key = ... }"),
        ("{ a = 1 }", lambda t: t.tables("k"), "write tables under [[k]]"),
        ('["a"]', lambda t: t.tables("k"), "write tables under [[k]]"),
        ('["a"]', lambda t: t.over("k"), "write tables under [[k]]"),
    ],
)
def test_wrong_values(value: str, read: Read, wanted: str) -> None:
    table = Table.of(TomlFile(Path("/a.toml"), f"\nk = {value}\n"))
    read(table)
    with pytest.raises(DeclarationError) as caught:
        table.finish()
    assert caught.value.mistakes == (f"/a.toml:2: k is {value}; {wanted}",)


def test_a_local_path_that_is_not_there(tmp_path: Path) -> None:
    table = Table.of(TomlFile(tmp_path / "a.toml", 'k = "x/y"\n'))
    assert table.local("k", None) is None
    with pytest.raises(DeclarationError) as caught:
        table.finish()
    told = f'{tmp_path}/a.toml:1: k is "x/y", but there is no {tmp_path}/x/y'
    assert caught.value.mistakes == (told,)


def test_a_local_path_is_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    table = Table.of(TomlFile(tmp_path / "a.toml", 'k = "x"\n'))
    assert table.local("k", None) == tmp_path / "x"


def test_all_mistakes_in_the_order_of_the_file() -> None:
    text = 'a = 1\n[b]\nc = 2\n"d e" = 3\nabcdef = 4\n'
    table = Table.of(TomlFile(Path("/a.toml"), text), "a note")
    inner = table.table("b")
    assert inner is not None
    assert [inner.text("d e", ""), inner.text("d e", ""), inner.text("abcdeg", "")] == [""] * 3
    assert inner is table.table("b")
    with pytest.raises(UsageError) as caught:
        table.finish()
    assert caught.value.mistakes == (
        "/a.toml:1: a note has no key 'a'. It has: b",
        "/a.toml:3: b has no key 'c'. It has: \"d e\", abcdeg",
        '/a.toml:4: b."d e" is 3; write text in quotes',
        "/a.toml:5: b has no key 'abcdef'; is abcdeg meant?",
    )


def test_a_case_over_what_all_cases_have() -> None:
    text = """\
name = "all"
x = { y = 1, z = 2, w = { a = 1 } }
deep.is = "text"
wrong = 1
[[case]]
name = "one"
x.y = 3
x.w = "replaced"
deep.is = { a = "table" }
[[case]]
x.v = 4
deep = "flat"
also = 1
"""
    table = Table.of(TomlFile(Path("/a.toml"), text))
    one, two = table.over("case")
    assert one.raw("x") == {"y": 3, "z": 2, "w": "replaced"}
    assert two.raw("x") == {"y": 1, "z": 2, "w": {"a": 1}, "v": 4}
    assert (one.text("name", ""), two.text("name", "")) == ("one", "all")
    assert one.raw("deep") == {"is": {"a": "table"}}
    assert two.raw("deep") == "flat"
    one.check_keys()
    two.check_keys()
    with pytest.raises(DeclarationError) as caught:
        table.mistakes.finish()
    assert caught.value.mistakes == (
        "/a.toml:4: this file has no key 'wrong'. It has: x, name, deep",
        "/a.toml:13: this file has no key 'also'. It has: x, name, deep",
    )


TOML_VALUES = st.recursive(
    st.integers(-9, 9) | st.booleans() | st.text('ab "\\é\n'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab "'), inner, max_size=3),
    max_leaves=6,
)


@given(TOML_VALUES)
def test_values_are_shown_as_toml(value: object) -> None:
    text = shown(value)
    if len(text) < 80:
        assert tomllib.loads(f"k = {text}")["k"] == value
    else:
        assert len(text) <= 83


# -- the stage -------------------------------------------------------------------------------------


def stage_of(text: str, directory: Path = Path("/nowhere")) -> Stage:
    table = Table.of(TomlFile(directory / "a.toml", text))
    stage = read_stage(table)
    assert set(table.known) == set(STAGE_KEYS)
    table.finish()
    return stage


def test_an_empty_stage() -> None:
    assert stage_of("") == Stage()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[files]\netc = ''", "2: files has the key 'etc'; write an absolute path on the VM"),
        (
            "[files]\n'/a' = 1",
            '2: files."/a" is 1; write its text in quotes, or a table, such as '
            '{ source = "local/path" }',
        ),
        (
            "files.'/a' = {}",
            '1: files."/a" has neither content nor source; write content = "text", or source = '
            '"local/path"',
        ),
        (
            "files.'/a' = { content = '', source = '/' }",
            '1: files."/a" has both content and source; write one of them',
        ),
        (
            "[files.'/a']\ncontents = 'a'\ncontent = ''",
            "2: files.\"/a\" has no key 'contents'; is content meant?",
        ),
        ("directories.a = {}", "1: directories has the key 'a'; write an absolute path on the VM"),
        ("[commands]\nx = 'ok'", '2: commands.x is "ok"; write a table, such as { key = ... }'),
        (
            "[commands.'a/b']",
            "1: commands.\"a/b\": the command is 'a/b'; write a bare name, or an absolute path",
        ),
        (
            "[commands.x]\nonly_expected = true",
            "2: commands.x.only_expected is true, but no call is expected; write which are, by "
            "patterns or replies",
        ),
        ("commands.x.replies = []", "1: commands.x.replies is []; write [{ stdout = ... }]"),
        (
            "[commands.x.patterns]\n'a*' = { signal = 65 }",
            '2: commands.x.patterns."a*".signal is 65; write a whole number from 1 to 64',
        ),
        (
            "commands.x.passthrough = 'bin'",
            '1: commands.x.passthrough is "bin"; write an absolute path on the VM',
        ),
        (
            "[ready_made]\nmysq = {}",
            "2: ready_made has no key 'mysq'; is mysql meant?",
        ),
        (
            "[ready_made]\nsystemctl.units.a = 'up'",
            '2: ready_made.systemctl.units.a is "up"; write one of active, inactive, failed',
        ),
        ("ready_made.fsfreeze = { a = 1 }", "1: ready_made.fsfreeze has no key 'a'; leave it out"),
        ("[[volumes]]\nsize = 1", "1: volumes[0] has no path; write where it is mounted"),
        (
            "[[volumes]]\npath = '/a'\nfstype = 'ext'",
            '3: volumes[0].fstype is "ext"; is "ext4" meant? There are: ext4, xfs, btrfs, nfs, '
            "tmpfs",
        ),
        (
            "[[volumes]]\npath = '/a'\ndisk = -1",
            "3: volumes[0].disk is -1; write a whole number from 0 up",
        ),
        ("run = 'id'", '1: run is "id"; write ["id"]'),
    ],
)
def test_what_cannot_be_on_a_stage(text: str, told: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        stage_of(text)
    assert caught.value.mistakes == (f"/nowhere/a.toml:{told}",)


def test_a_file_is_named_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert TomlFile(Path("deploy/a.toml"), "").name == os.path.join("deploy", "a.toml")
    assert TomlFile(Path("/a.toml"), "").name == "/a.toml"
