"""What shells say of a command they do not find."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.missing_commands import Missing, advice, missing

CERTAIN = [
    ("/opt/pre.sh: 3: mysql: not found", "mysql"),
    ("/opt/pre.sh: 3: exec: mysql: not found", "mysql"),
    ("/opt/a b.sh: 3: /usr/bin/mysql: not found", "/usr/bin/mysql"),
    ("sh: 1: mysql: not found", "mysql"),
    ("/opt/pre.sh: line 3: mysql: command not found", "mysql"),
    ("bash: exec: mysql: not found", "mysql"),
    ("bash: mysql: command not found", "mysql"),
    ("/opt/pre.sh: line 3: mysql: not found", "mysql"),
    ("sh: exec: line 0: mysql: not found", "mysql"),
    ("/opt/pre.sh[3]: mysql: not found", "mysql"),
    ("E: /opt/pre.sh[3]: mysql: inaccessible or not found", "mysql"),
    ("mksh: mysql: inaccessible or not found", "mysql"),
    ("yash: no such command `mysql'", "mysql"),
    ("yash: cannot execute command `/opt/mysql': No such file or directory", "/opt/mysql"),
    ("/opt/pre.sh:3: command not found: mysql", "mysql"),
    ("env: \u2018mysql\u2019: No such file or directory", "mysql"),
    ("/usr/bin/env: 'python4': No such file or directory", "python4"),
    ("env: can't execute 'mysql': No such file or directory", "mysql"),
    ("timeout: failed to run command \u2018mysql\u2019: No such file or directory", "mysql"),
    ("env: \u2018/opt/mysql\u2019: No such file or directory", "/opt/mysql"),
    ("flock: failed to execute mysql: No such file or directory", "mysql"),
    ("xargs: mysql: No such file or directory", "mysql"),
    ("sudo: mysql: command not found", "mysql"),
    ("/opt/pre.sh: 3: [[: not found", "[["),
    ("/opt/pre.sh: 2: true\r: not found", "true\r"),
    ("/opt/pre.sh: line 2: /bin/true\r: command not found", "/bin/true\r"),
]


@pytest.mark.parametrize(("line", "name"), CERTAIN)
def test_what_is_certain(line: str, name: str) -> None:
    assert list(missing(f"before\n{line}\nafter")) == [Missing(name)]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "mysql: not found",
        "user bob: not found",
        "id: bob: not found",
        "/opt/pre.sh: line 3: type: mysql: not found",
        "cat: /srv/orders: No such file or directory",
        "ERROR 1049: database orders: not found",
        "/opt/pre.sh: 3: ./local: not found",
        "/opt/pre.sh: 7: .: cannot open /no/such/file: No such file",
        "ls: cannot access '/opt/mysql': No such file or directory",
    ],
)
def test_what_is_none(line: str) -> None:
    assert list(missing(line)) == []


PYTHON = """\
Traceback (most recent call last):
  File "/opt/pause.py", line 3, in <module>
    {call}
  File "/usr/lib/python3.11/{module}", line 1901, in {function}
FileNotFoundError: [Errno 2] No such file or directory: '{name}'
"""


def test_python_tells_a_program_from_a_file_by_its_traceback() -> None:
    run = {"call": "subprocess.run(['appctl'])", "module": "subprocess.py"}
    for name in ("appctl", "/opt/app/appctl"):
        text = PYTHON.format(**run, function="_execute_child", name=name)
        assert list(missing(text)) == [Missing(name)]
    text = PYTHON.format(call="open('orders')", module="x.py", function="load", name="orders")
    assert list(missing(text)) == []


BASH = "/opt/pre.sh: line 2: /opt/mysql: No such file or directory"
ZSH = "/opt/pre.sh:2: no such file or directory: /opt/mysql"


@pytest.mark.parametrize("line", [BASH, ZSH])
def test_a_file_and_a_program_are_told_apart_by_the_script(line: str) -> None:
    assert list(missing(line)) == [Missing("/opt/mysql", "/opt/pre.sh", 2)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/opt/mysql -e x", True),
        ("  '/opt/mysql' -e x", True),
        ("true && /opt/mysql", True),
        ("if ! /opt/mysql; then exit; fi", True),
        ("x=$(/opt/mysql)", True),
        ("exec /opt/mysql", True),
        ("cat < /opt/mysql", False),
        ("cat </opt/mysql", False),
        (". /opt/mysql", False),
        ("source /opt/mysql", False),
        ("echo > /opt/mysql", False),
        ("/opt/mysql.conf", False),
        ("$BIN/mysql", False),
    ],
)
def test_command_position(text: str, expected: bool) -> None:
    what = Missing("/opt/mysql", "/opt/pre.sh", 2)
    assert what.is_command(f"#!/bin/bash\n{text}\n") is expected


def test_a_line_that_is_not_there() -> None:
    for line in (0, 3):
        assert not Missing("/opt/mysql", "/opt/pre.sh", line).is_command("/opt/mysql\n")


@given(st.text())
def test_any_text(text: str) -> None:
    for found in missing(text + "\n" + text.replace(" ", " not found o such ")):
        assert found.name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "mysql",
            "the pre-script tried to run mysql, and there is no such command here; stand in for it "
            "with vm.command('mysql')",
        ),
        (
            "[[",
            "[[ is a word of bash, and the shell that ran the pre-script does not know it; write "
            "what every sh knows",
        ),
        (
            "true\r",
            "the pre-script tried to run 'true\\r', because lines of it end in CR LF; save it with "
            "LF line ends",
        ),
    ],
)
def test_advice(name: str, text: str) -> None:
    assert advice(name, "pre-script") == text
