from __future__ import annotations

import json
import os
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.config import CONFIG_PATH, STOCK_TEMPLATE, ScriptConfig
from pytest_vmsnapshot.errors import UsageError
from pytest_vmsnapshot.installing import (
    Checker,
    PlannedFile,
    planned_config,
    read_config,
    scripts_of_config,
    vm_location,
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a directory of scripts."""
    deploy = tmp_path / "deploy"
    deploy.mkdir()
    for name in ("pre.sh", "post.sh"):
        (deploy / name).write_text("#!/bin/sh\n")
    return tmp_path


@pytest.fixture
def checker(project: Path) -> Checker:
    """A checker that looks into the project, and then beside the test."""
    return Checker([project, project / "tests"])


# -- single values -------------------------------------------------------------------------


@pytest.mark.parametrize("value", [[], ["a", ""], ("a",), ["\udcff\0"]])
def test_params(checker: Checker, value: Any) -> None:
    assert checker.params("pre_params", value) == tuple(value)
    checker.finish()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("orders", "pre_params is a string, 'orders'; write pre_params=['orders']"),
        (b"orders", "pre_params is a string, b'orders'; write pre_params=[b'orders']"),
        (5, "pre_params is 5; write a list of strings"),
        (None, "pre_params is None; write a list of strings"),
        ({"a"}, "pre_params is {'a'}; write a list of strings"),
        (
            ["a", 5],
            (
                "pre_params has 5 in it; write strings, or use install_config() for a config with "
                "other types"
            ),
        ),
    ],
)
def test_wrong_params(checker: Checker, value: Any, message: str) -> None:
    assert checker.params("pre_params", value) == ()
    assert checker.mistakes == [message]


@pytest.mark.parametrize("value", [-1, True, 1.0, "3", None])
def test_wrong_numbers(checker: Checker, value: Any) -> None:
    assert checker.number("pre_retries", value, 0) == 0
    assert checker.mistakes == [
        (
            f"pre_retries is {value!r}; write a whole number from 0 up, or use install_config() "
            "for a config that is wrong on purpose"
        )
    ]


def test_numbers(checker: Checker) -> None:
    assert checker.number("timeout", 1, 1) == 1
    assert checker.number("timeout", 10**30, 1) == 10**30
    checker.finish()


@pytest.mark.parametrize("value", [1, 0, "true", None])
def test_wrong_truth(checker: Checker, value: Any) -> None:
    assert checker.truth("fs_freeze", value) is False
    assert checker.mistakes == [f"fs_freeze is {value!r}; write True or False"]


@pytest.mark.parametrize("value", [0, 0o700, 0o7777, 0o620, 0o764, 0o400])
def test_modes(checker: Checker, value: int) -> None:
    assert checker.mode("pre_mode", value) == value
    checker.finish()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (700, "pre_mode is decimal 700; write 0o700"),
        (644, "pre_mode is decimal 644; write 0o644"),
        (-1, "pre_mode is -1; write permission bits, such as 0o700"),
        (0o10000, "pre_mode is 4096; write permission bits, such as 0o700"),
        ("700", "pre_mode is '700'; write permission bits, such as 0o700"),
        (True, "pre_mode is True; write permission bits, such as 0o700"),
        (None, "pre_mode is None; write permission bits, such as 0o700"),
    ],
)
def test_wrong_modes(checker: Checker, value: Any, message: str) -> None:
    checker.mode("pre_mode", value)
    assert checker.mistakes == [message]


@pytest.mark.parametrize(("value", "owner"), [("root", "root"), (0, "0"), (1000, "1000")])
def test_owners(checker: Checker, value: Any, owner: str) -> None:
    assert checker.owner("pre_owner", value) == owner
    checker.finish()


@pytest.mark.parametrize("value", ["", -1, "-1", True, None, 1.0, ["root"], "a\nb", b"root"])
def test_wrong_owners(checker: Checker, value: Any) -> None:
    checker.owner("pre_owner", value)
    assert checker.mistakes == [f"pre_owner is {value!r}; write a user name, such as 'root'"]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("/opt/pre.sh", "/opt/pre.sh"),
        ("/opt/../srv//pre.sh/", "/srv/pre.sh"),
        ("//opt/pre.sh", "/opt/pre.sh"),
        ("/../x", "/x"),
        ("/a b/ü\udcff", "/a b/ü\udcff"),
        ("/", "/"),
    ],
)
def test_places(checker: Checker, value: str, place: str) -> None:
    assert checker.place("path", value) == place
    checker.finish()


@pytest.mark.parametrize("value", ["", "opt/pre.sh", "/a\0b", "/\ud800", None, 5, Path("/opt/x")])
def test_wrong_places(checker: Checker, value: Any) -> None:
    assert checker.place("path", value) == "/"
    assert checker.mistakes == [f"path is {value!r}; write an absolute path on the VM"]


# -- scripts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("#!/bin/sh\nexit 0\n", b"#!/bin/sh\nexit 0\n"),
        ("#!/bin/sh", b"#!/bin/sh"),
        ("exit 0\n", b"exit 0\n"),
        ("#!/bin/sh\r\nexit 0\r\n", b"#!/bin/sh\r\nexit 0\r\n"),
        ("\n", b"\n"),
        ("# \udcff\n", b"# \xff\n"),
        (b"\x7fELF", b"\x7fELF"),
        (b"", b""),
        (b"deploy/pre.sh", b"deploy/pre.sh"),
    ],
)
def test_text_of_scripts(checker: Checker, value: str | bytes, content: bytes) -> None:
    assert checker.script("pre", value) == content
    checker.finish()


def test_local_scripts(checker: Checker, project: Path) -> None:
    local = project / "deploy" / "pre.sh"
    (project / "tests").mkdir()
    for value in ("deploy/pre.sh", Path("deploy/pre.sh"), str(local), local, "./deploy/pre.sh"):
        found = checker.script("pre", value)
        assert isinstance(found, Path)
        assert found.samefile(local)
    found = checker.script("pre", "../deploy/pre.sh")
    assert isinstance(found, Path)
    assert found.samefile(local)
    checker.finish()


def test_the_first_base_wins(checker: Checker, project: Path) -> None:
    (project / "tests").mkdir()
    for place in (project, project / "tests"):
        (place / "pre.sh").write_text("")
    assert checker.script("pre", "pre.sh") == project / "pre.sh"
    (project / "pre.sh").unlink()
    assert checker.script("pre", "pre.sh") == project / "tests" / "pre.sh"


def test_a_script_that_is_not_there(checker: Checker, project: Path) -> None:
    assert checker.script("pre", "exit 0") == b""
    assert checker.script("post", "/nowhere/post.sh") == b""
    assert checker.mistakes == [
        (
            f"pre: there is no {project}/exit 0 and {project}/tests/exit 0; write the path of a "
            "local file, or the script's text with its line ends"
        ),
        (
            "post: there is no /nowhere/post.sh; write the path of a local file, or the script's "
            "text with its line ends"
        ),
    ]


def test_a_name_too_long_for_a_file(project: Path) -> None:
    checker = Checker([project])
    text = "echo " + "x" * 5_000
    assert checker.script("pre", text) == b""
    assert checker.mistakes == [
        (
            f"pre: there is no {f'{project}/{text}'[:400]}...; write the path of a local file, or "
            "the script's text with its line ends"
        )
    ]


@pytest.mark.parametrize("value", ["", None, 5, ["a"], "a\0b", "\ud800"])
def test_what_is_no_script(checker: Checker, value: Any) -> None:
    assert checker.script("pre", value) == b""
    assert checker.mistakes == [
        f"pre is {value!r}; write a local path, or the script's text with its line ends"
    ]


def test_text_no_file_can_hold(checker: Checker) -> None:
    assert checker.script("pre", "# \ud800\n") == b""
    assert checker.mistakes == [
        r"pre has '\ud800' in it, which no file can hold; write bytes",
    ]


def test_content(checker: Checker) -> None:
    assert checker.content("content", "ä\udcff") == b"\xc3\xa4\xff"
    assert checker.content("content", b"\xff") == b"\xff"
    checker.finish()
    for wrong in (5, None, ["a"], "\ud800"):
        assert checker.content("content", wrong) == b""
    assert checker.mistakes == [
        "content is 5; write text or bytes",
        "content is None; write text or bytes",
        "content is ['a']; write text or bytes",
        r"content has '\ud800' in it, which no file can hold; write bytes",
    ]


def test_local_things_that_are_no_scripts(project: Path) -> None:
    checker = Checker([project])
    os.mkfifo(project / "fifo")
    assert checker.script("pre", "deploy") == b""
    assert checker.script("pre", "fifo") == b""
    assert checker.mistakes == [
        f"pre: {project}/deploy is a directory; write the path of a local file",
        f"pre: {project}/fifo is not a regular file; write the path of a local file",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_local_script_that_cannot_be_read(project: Path) -> None:
    checker = Checker([project])
    (project / "deploy" / "pre.sh").chmod(0)
    assert checker.script("pre", "deploy/pre.sh") == b""
    assert checker.mistakes == [
        f"pre: {project}/deploy/pre.sh cannot be read by this user; write the path of a local file"
    ]


@pytest.mark.parametrize(
    ("value", "location"),
    [
        ("deploy/pre.sh", "/opt/deploy/pre.sh"),
        ("../deploy/pre.sh", "/opt/deploy/pre.sh"),
        ("../../a/../pre.sh", "/opt/a/pre.sh"),
        ("./pre.sh", "/opt/pre.sh"),
        (Path("deploy") / "pre.sh", "/opt/deploy/pre.sh"),
        ("/home/me/project/deploy/pre.sh", "/opt/pre.sh"),
        (Path("/home/me/pre.sh"), "/opt/pre.sh"),
        ("exit 0", "/opt/exit 0"),
        ("exit 0\n", "/opt/vmsnapshot/pre.sh"),
        ("#!/bin/sh", "/opt/vmsnapshot/pre.sh"),
        ("#!/bin/sh\r\nexit 0\r\n", "/opt/vmsnapshot/pre.sh"),
        (b"deploy/pre.sh", "/opt/vmsnapshot/pre.sh"),
        ("", "/"),
        (None, "/"),
        (5, "/"),
        ("a\0b", "/"),
    ],
)
def test_locations(value: Any, location: str) -> None:
    assert vm_location(value, "pre.sh") == location


@given(st.text(st.characters()) | st.binary() | st.none() | st.integers() | st.lists(st.text()))
def test_any_script_is_a_script_or_a_mistake(value: Any) -> None:
    checker = Checker([Path("/nowhere")])
    found = checker.script("pre", value)
    place = checker.place("pre_location", vm_location(value, "pre.sh"))
    assert place.startswith("/")
    assert isinstance(found, bytes | Path)
    if isinstance(value, bytes):
        assert found == value


# -- configs -------------------------------------------------------------------------------


def test_configs(checker: Checker, project: Path) -> None:
    (project / "c.json").write_bytes(b"\xff{")
    local = project / "c.json"
    assert read_config(checker, b"\0") == (b"\0", None)
    assert read_config(checker, "c.json") == (b"\xff{", local)
    assert read_config(checker, local) == (b"\xff{", local)
    assert read_config(checker, '{"a": 1}') == (b'{"a": 1}', None)
    assert read_config(checker, "[\n]") == (b"[\n]", None)
    for mapping in (STOCK_TEMPLATE, MappingProxyType(dict(STOCK_TEMPLATE))):
        assert json.loads(read_config(checker, mapping)[0]) == STOCK_TEMPLATE
    assert read_config(checker, {"timeoutInSeconds": float("nan")})[0]
    checker.finish()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "the config is 5; write a local path, a dict, JSON text or bytes"),
        (None, "the config is None; write a local path, a dict, JSON text or bytes"),
        ("", "the config is ''; write a local path, a dict, JSON text or bytes"),
        (["{}"], "the config is ['{}']; write a local path, a dict, JSON text or bytes"),
        (
            "/nowhere/c.json",
            (
                "the config: there is no /nowhere/c.json; write the path of a local file, a dict, "
                "JSON text or bytes"
            ),
        ),
        ("/", "the config: / is a directory; write the path of a local file"),
        (
            {"preScriptLocation": Path("/a")},
            (
                "the config cannot be written as JSON: Object of type PosixPath is not JSON "
                "serializable; write bytes"
            ),
        ),
        ('{"a": "\ud800"}', r"the config has '\ud800' in it, which no file can hold; write bytes"),
    ],
)
def test_wrong_configs(checker: Checker, value: Any, message: str) -> None:
    assert read_config(checker, value) == (b"", None)
    assert [mistake.splitlines()[0] for mistake in checker.mistakes] == [message]


def test_a_name_with_a_letter_less(checker: Checker, project: Path) -> None:
    (project / "backup.json").touch()
    read_config(checker, "backup.jso")
    assert checker.mistakes == [
        f"the config: there is no {project}/backup.jso and {project}/tests/backup.jso (is "
        f"{project}/backup.json meant?); write the path of a local file, a dict, JSON text or bytes"
    ]


def test_a_mapping_with_itself_inside(checker: Checker) -> None:
    mapping: dict[str, Any] = {}
    mapping["itself"] = mapping
    assert read_config(checker, mapping) == (b"", None)
    assert checker.mistakes == [
        "the config cannot be written as JSON: Circular reference detected; write bytes"
    ]


def test_the_config_of_a_call() -> None:
    config = ScriptConfig(pre_location="/a")
    assert planned_config(config, 0o600, "root") == PlannedFile(
        CONFIG_PATH, config.to_json().encode("ascii"), 0o600, "root"
    )
    assert planned_config(b"\xff", 0o644, "me") == PlannedFile(CONFIG_PATH, b"\xff", 0o644, "me")


def located(pre: Any, post: Any) -> bytes:
    return json.dumps({"preScriptLocation": pre, "postScriptLocation": post}).encode("ascii")


def test_scripts_by_a_mapping(checker: Checker, project: Path) -> None:
    found = scripts_of_config(
        checker, b"", {"/opt/../pre.sh": "deploy/pre.sh", "/opt/post.sh": "#!/bin/sh"}
    )
    checker.finish()
    assert found == {"/pre.sh": project / "deploy" / "pre.sh", "/opt/post.sh": b"#!/bin/sh"}


def test_scripts_from_a_directory(checker: Checker, project: Path) -> None:
    nested = project / "deploy" / "backup"
    nested.mkdir()
    (nested / "pre.sh").write_text("nearer to its location\n")
    found = scripts_of_config(checker, located("/opt/backup/pre.sh", "//srv/post.sh"), "deploy")
    checker.finish()
    assert found == {
        "/opt/backup/pre.sh": nested / "pre.sh",
        "/srv/post.sh": project / "deploy" / "post.sh",
    }


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"5",
        b"[" * 200_000,
        located("pre.sh", 5),
        located("", "/"),
        located("//", "/a\0"),
        located("/\ud800", None),
    ],
)
def test_a_config_without_locations(checker: Checker, content: bytes) -> None:
    assert scripts_of_config(checker, content, "deploy") == {}
    checker.finish()


def test_scripts_that_are_missing(checker: Checker, project: Path) -> None:
    long = "x" * 300
    assert scripts_of_config(checker, located("/opt/deploy", f"/opt/{long}"), "deploy") == {}
    assert checker.mistakes == [
        (
            f"scripts: {project}/deploy has no deploy for preScriptLocation (/opt/deploy); put it "
            "there, or write scripts={'VM path': 'local path'}"
        ),
        (
            f"scripts: {project}/deploy has no {long} for postScriptLocation (/opt/{long}); put it "
            "there, or write scripts={'VM path': 'local path'}"
        ),
    ]


@pytest.mark.parametrize(
    ("scripts", "message"),
    [
        (5, "scripts is 5; write a local path, or {'VM path': 'local path'}"),
        (
            "/nowhere",
            (
                "scripts: there is no /nowhere; write the path of a local file, or {'VM path': "
                "'local path'}"
            ),
        ),
        (
            {"pre.sh": "#!/bin/sh"},
            "scripts is 'pre.sh'; write an absolute path on the VM",
        ),
        (
            {"/pre.sh": 5},
            (
                "scripts['/pre.sh'] is 5; write a local path, or the script's text with "
                "its line ends"
            ),
        ),
    ],
)
def test_wrong_scripts(checker: Checker, scripts: Any, message: str) -> None:
    scripts_of_config(checker, b"{}", scripts)
    assert checker.mistakes == [message]


def test_a_file_where_the_directory_of_scripts_is_meant(checker: Checker, project: Path) -> None:
    assert scripts_of_config(checker, b"{}", "deploy/pre.sh") == {}
    assert checker.mistakes == [
        (
            f"scripts: {project}/deploy/pre.sh is not a directory; write the directory that holds "
            "the scripts, or {'VM path': 'local path'}"
        )
    ]


def test_all_mistakes_at_once(checker: Checker) -> None:
    checker.params("pre_params", "orders")
    checker.mode("pre_mode", 700)
    checker.truth("fs_freeze", 1)
    with pytest.raises(UsageError) as caught:
        checker.finish()
    assert str(caught.value) == (
        "3 mistakes:\n"
        "  - pre_params is a string, 'orders'; write pre_params=['orders']\n"
        "  - pre_mode is decimal 700; write 0o700\n"
        "  - fs_freeze is 1; write True or False"
    )
