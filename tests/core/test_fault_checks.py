"""What a test writes about faults: every mistake is named, and each fault has its sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot import CommandFault, FileFault, ScriptFault, UsageError
from pytest_vmsnapshot.config import STOCK_TEMPLATE, ConfigIncorrect, ScriptConfig, parse
from pytest_vmsnapshot.fault_checks import NAMES, changed_faults
from pytest_vmsnapshot.fault_words import in_words
from pytest_vmsnapshot.faults import Faults, FreezeFault
from pytest_vmsnapshot.file_damage import KINDS, OF_A_CONFIG, names, script_location

CONFIG = ScriptConfig("/a/pre.sh", "/a/post.sh").to_json().encode("ascii")

PRE_NAMES = "missing, unreadable, directory, dangling, crlf, truncated, empty"

MISTAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown": (
        {"frezze": "fail"},
        [f"there is no fault 'frezze'; is 'freeze' meant? There are: {', '.join(NAMES)}"],
    ),
    "script of another type": (
        {"pre": 3},
        ["pre is 3; write ScriptFault(...), a dict of its arguments, or 'ok'"],
    ),
    "script without a fault": (
        {"pre": ScriptFault()},
        ["pre: nothing goes wrong; write exit_status, signal, hang, delay or prints"],
    ),
    "unknown argument": (
        {"post": {"exit": 3}},
        [
            "post: ScriptFault has no 'exit'. There are: exit_status, signal, hang, delay, "
            "prints, at, attempts"
        ],
    ),
    "numbers": (
        {"pre": ScriptFault(300, 99, at=0, delay=-1, prints=-1, attempts=0)},
        [
            "pre: exit_status is 300; write a number from 0 to 255",
            "pre: signal is 99; write a number, such as 15",
            "pre: delay is -1; write a number of seconds from 0 up",
            "pre: it has exit_status and signal; write one of them",
            "pre: prints is -1; write a number of bytes, 1073741824 at most",
            "pre: attempts is 0; write a whole number from 1 up",
            "pre: at is 0; write 'start', 'end', or the number of a command",
        ],
    ),
    "slow command": (
        {"pre": ScriptFault(delay=3, at=2)},
        [
            "pre: its command 2 can have exit_status, signal or hang; for a slow command write "
            "commands={'NAME': CommandFault(delay=...)}"
        ],
    ),
    "command that prints": (
        {"pre": ScriptFault(exit_status=3, prints=3, at=2)},
        ["pre: its command 2 can have no delay and print nothing; leave that out"],
    ),
    "file": (
        {"pre_file": "bom", "post_file": 3},
        [
            f"pre_file='bom' is no fault; write one of {PRE_NAMES}, ok, or a function from bytes "
            "to bytes",
            f"post_file is 3; write FileFault(...), or one of {PRE_NAMES}, ok",
        ],
    ),
    "mode": (
        {"config_file": FileFault(mode=755), "plugin_host": FileFault()},
        [
            "config_file: mode is decimal 755; write 0o755",
            "plugin_host: nothing goes wrong; write damage, mode or owner",
        ],
    ),
    "commands": (
        {"commands": {"bin/mysql": "fail", "psql": "slow", "id": CommandFault()}},
        [
            "commands has 'bin/mysql' in it; write a bare name, or an absolute path",
            "commands['psql'] is 'slow'; write one of fail, hang, missing, ok, or "
            "CommandFault(...)",
            "commands['id']: nothing goes wrong; write exit_status, signal, hang, missing or delay",
        ],
    ),
    "missing command": (
        {"commands": {"id": CommandFault(missing=True, calls=2)}},
        ["commands['id']: a command that is missing has no delay and no calls; leave that out"],
    ),
    "commands of another type": (
        {"commands": "mysql"},
        ["commands is 'mysql'; write a dict, such as {'mysql': 'fail'}"],
    ),
    "disk": (
        {"disk_full": "/data", "read_only": "/"},
        [
            "disk_full='/data' cannot be: the VM has one disk, and /data lies on it; write "
            "disk_full=True",
        ],
    ),
    "root": (
        {"read_only": "/"},
        [
            "read_only='/' cannot be: /tmp and /run would be too, and no system does that; name "
            "the directories, such as ['/data', '/etc']"
        ],
    ),
    "read-only": (
        {"read_only": 3, "disk_full": 3},
        [
            "read_only is 3; write a directory, such as '/data', a list, or 'ok'",
            "disk_full is 3; write True, False or 'ok'",
        ],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str) -> None:
    given, mistakes = MISTAKES[name]
    with pytest.raises(UsageError) as caught:
        changed_faults(Faults(), given)
    assert list(caught.value.mistakes) == mistakes


WORDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "end": (
        {"pre": ScriptFault(exit_status=3)},
        ["the pre-script ends with exit status 3 after its work"],
    ),
    "start": (
        {"post": {"signal": 9, "delay": 5, "prints": 20, "at": "start", "attempts": 2}},
        [
            "the post-script prints 20 bytes and waits 5 s and is killed by SIGKILL (9) before "
            "its first line, at its first 2 attempts"
        ],
    ),
    "third": (
        {"pre": ScriptFault(hang=True, at=3, attempts=1)},
        ["the 3rd command of the pre-script hangs, at its first attempt"],
    ),
    "files": (
        {"pre_file": "crlf", "config_file": FileFault("bom", 0o644, "nobody")},
        [
            "the pre-script's file has CR LF line ends",
            "the config begins with a byte order mark and has mode 644 and belongs to nobody",
        ],
    ),
    "function": ({"config_file": bytes.upper}, ["the config is damaged by upper"]),
    "commands": (
        {"commands": {"mysql": "missing", "/bin/id": CommandFault(exit_status=2, calls=1)}},
        ["mysql is missing", "/bin/id ends with exit status 2, at its first call"],
    ),
    "disk": (
        {"disk_full": True, "read_only": ["/data", "/srv/"]},
        [
            "the disk is full from the pre-script on",
            "/data is read-only from the pre-script on",
            "/srv is read-only from the pre-script on",
        ],
    ),
    "storage": (
        {"freeze": "timeout", "snapshot": "some_failed"},
        ["the freezing helper does not answer", "the snapshot of some disks fails"],
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_words(name: str) -> None:
    given, sentences = WORDS[name]
    faults = changed_faults(Faults(), given)
    assert list(in_words(faults).values()) == sentences
    back = changed_faults(faults, dict.fromkeys(given, "ok"))
    assert back == Faults()


def test_what_is_not_named_stays() -> None:
    faults = changed_faults(Faults(), {"freeze": "fail", "commands": {"id": "fail"}})
    faults = changed_faults(faults, {"commands": {"mysql": "hang"}, "freeze": None})
    assert faults.freeze is FreezeFault.FAIL
    assert [name for name, _ in faults.commands] == ["id", "mysql"]
    faults = changed_faults(faults, {"commands": {"id": "ok"}})
    assert faults.commands == (("mysql", CommandFault(hang=True)),)


def test_nothing_but_a_mapping() -> None:
    with pytest.raises(UsageError) as caught:
        changed_faults(Faults(), "fail")  # type: ignore[arg-type]
    assert str(caught.value) == "faults is 'fail'; write a dict, such as {'freeze': 'fail'}"


# -- damage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", set(OF_A_CONFIG) - {"crlf"})
def test_a_damaged_config_is_incorrect(name: str) -> None:
    with pytest.raises(ConfigIncorrect):
        parse(OF_A_CONFIG[name](CONFIG))


def test_line_ends_do_not_matter_to_json() -> None:
    damaged = OF_A_CONFIG["crlf"](CONFIG)
    assert damaged.count(b"\r\n") == CONFIG.count(b"\n")
    assert parse(damaged) == parse(CONFIG)


@given(st.binary())
def test_any_content_can_be_damaged(content: bytes) -> None:
    for kinds in KINDS.values():
        for change in kinds.values():
            assert isinstance(change(content), bytes)


@given(st.binary())
def test_any_config_is_looked_into(content: bytes) -> None:
    assert isinstance(script_location(content, "preScriptLocation"), str)


def test_where_a_script_lies() -> None:
    assert script_location(CONFIG, "postScriptLocation") == "/a/post.sh"
    for content in (b"", b"[]", b'{"preScriptLocation": 3}', json.dumps(STOCK_TEMPLATE).encode()):
        assert script_location(content, "preScriptLocation") == ""


def test_each_file_has_names() -> None:
    assert ", ".join(names("pre_file")) == PRE_NAMES
    assert set(names("pre_file")) < set(names("config_file"))
    assert "corrupt" in names("plugin_host")
