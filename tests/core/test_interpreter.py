"""What a script's first line asks for, and where another shell may lie."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_vmsnapshot.engine.interpreter import Interpreter, first_line, other_shells
from pytest_vmsnapshot.engine.vm_facts import Agent

SH = Interpreter("/bin/sh")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

HEADS: dict[str, tuple[bytes, Interpreter]] = {
    "empty": (b"", Interpreter()),
    "no first line": (b"echo here\n", Interpreter()),
    "a comment": (b"# /bin/bash\n", Interpreter()),
    "a late shebang": (b"\n#!/bin/bash\n", Interpreter()),
    "a space before it": (b" #!/bin/bash\n", Interpreter()),
    "a byte order mark": (b"\xef\xbb\xbf#!/bin/bash\n", Interpreter()),
    "half a shebang": (b"#", Interpreter()),
    "nothing named": (b"#!\n", Interpreter()),
    "nothing at all behind it": (b"#!", Interpreter()),
    "blanks named": (b"#! \t \n", Interpreter()),
    "sh": (b"#!/bin/sh\n", SH),
    "sh without an end of line": (b"#!/bin/sh", SH),
    "sh after a space": (b"#! /bin/sh\n", SH),
    "sh after a tab": (b"#!\t/bin/sh\n", SH),
    "sh before blanks": (b"#!/bin/sh \t\n", SH),
    "sh of usr": (b"#!/usr/bin/sh\n", Interpreter("/usr/bin/sh")),
    "only the first line counts": (b"#!/bin/sh\n#!/bin/bash -e\n", SH),
    "an option": (b"#!/bin/sh -e\n", Interpreter("/bin/sh", "-e")),
    "two options": (b"#!/bin/sh  -e   -u\n", Interpreter("/bin/sh", "-e -u")),
    "a tab before the option": (b"#!/bin/sh\t-e\n", Interpreter("/bin/sh", "-e")),
    "bash": (b"#!/bin/bash\n", Interpreter("/bin/bash", differs=True)),
    "bash with an option": (b"#!/bin/bash -eu\n", Interpreter("/bin/bash", "-eu", differs=True)),
    "dash": (b"#!/bin/dash\n", Interpreter("/bin/dash", differs=True)),
    "a path with sh at its end": (b"#!/opt/bin/sh\n", Interpreter("/opt/bin/sh", differs=True)),
    "env": (b"#!/usr/bin/env bash\n", Interpreter("bash", differs=True)),
    "env of another place": (b"#!/bin/env bash\n", Interpreter("bash", differs=True)),
    "env with sh": (b"#!/usr/bin/env sh\n", Interpreter("sh")),
    "env with python": (b"#!/usr/bin/env python3\n", Interpreter("python3", differs=True)),
    "env alone": (b"#!/usr/bin/env\n", Interpreter("", differs=True)),
    "env with a variable": (b"#!/usr/bin/env -S A=b bash\n", Interpreter("bash", differs=True)),
    "env -S": (b"#!/usr/bin/env -S bash -eu\n", Interpreter("bash", "-eu", differs=True)),
    "env -S with sh": (b"#!/usr/bin/env -S sh -e\n", Interpreter("sh", "-e")),
    "env -i": (b"#!/usr/bin/env -S -i sh\n", Interpreter("sh")),
    "a carriage return": (b"#!/bin/sh\r\ntrue\r\n", Interpreter("/bin/sh\r", differs=True)),
    "a carriage return after an option": (b"#!/bin/sh -e\r\n", Interpreter("/bin/sh", "-e\r")),
    "only a carriage return": (b"#!\r\n", Interpreter("./\r", differs=True)),
    "a program": (b"\x7fELF\x02\x01\x01\0", Interpreter(differs=True)),
    "nearly a program": (b"\x7fEL", Interpreter()),
    "bytes": (bytes(range(128, 256)), Interpreter()),
    "zeros": (bytes(256), Interpreter()),
    "not UTF-8": (b"#!/opt/\xff/sh -\xfe\n", Interpreter(r"/opt/\xff/sh", r"-\xfe", differs=True)),
    "UTF-8": ("#!/opt/ä/sh\n".encode(), Interpreter("/opt/ä/sh", differs=True)),
}


@pytest.mark.parametrize(("head", "found"), HEADS.values(), ids=HEADS)
def test_first_line(head: bytes, found: Interpreter) -> None:
    assert first_line(head) == found


@given(st.binary(max_size=256) | st.binary(max_size=254).map(b"#!".__add__))
@example(b"#!/usr/bin/env\0\n")
def test_any_bytes_are_read(head: bytes) -> None:
    found = first_line(head)
    assert found == Interpreter(found.name, found.options, found.differs), "more is not known yet"
    assert "\n" not in found.name + found.options
    assert " " not in found.name
    if not head.startswith((b"#!", b"\x7fELF")):
        assert found == Interpreter()
    (found.name + found.options).encode("utf-8")


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_the_rest_of_a_script_does_not_count(head: bytes, rest: bytes) -> None:
    line = b"#!" + head.replace(b"\n", b"") + b"\n"
    assert first_line(line) == first_line(line + rest)


PATHS: dict[str, tuple[str, tuple[str, ...]]] = {
    "the agent's": (
        SYSTEM_PATH,
        ("/usr/local/sbin/sh", "/usr/local/bin/sh", "/usr/sbin/sh"),
    ),
    "system first": ("/bin:/usr/local/bin", ()),
    "system's other directory first": ("/usr/bin:/opt/bin", ()),
    "one before it": ("/opt/bin:/bin:/srv/bin", ("/opt/bin/sh",)),
    "no system": ("/opt/bin:/srv/bin", ("/opt/bin/sh", "/srv/bin/sh")),
    "relative ones": ("bin:.:/opt/bin:/bin", ("/opt/bin/sh",)),
    "empty ones": (":/opt/bin::/bin", ("/opt/bin/sh",)),
    "empty": ("", ()),
}


@pytest.mark.parametrize(("path", "places"), PATHS.values(), ids=PATHS)
def test_other_shells(path: str, places: tuple[str, ...]) -> None:
    assert other_shells(Agent(env={"PATH": path})) == places


def test_an_agent_without_a_path() -> None:
    assert other_shells(Agent(env={})) == ()


def test_an_agent_as_it_is() -> None:
    assert other_shells(Agent()) == ("/usr/local/sbin/sh", "/usr/local/bin/sh", "/usr/sbin/sh")


@given(st.text())
def test_any_path_is_read(path: str) -> None:
    for place in other_shells(Agent(env={"PATH": path})):
        assert place.startswith("/")
        assert place.endswith("/sh")
