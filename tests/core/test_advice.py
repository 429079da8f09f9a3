"""What is said to do about a script that failed."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot.engine.advice import advice
from pytest_vmsnapshot.engine.interpreter import Interpreter
from pytest_vmsnapshot.output import Output
from pytest_vmsnapshot.script_run import Attempt

BASH = Interpreter("/bin/bash", differs=True)
SH = Interpreter("/bin/sh")
LF, CRLF = b"#!/bin/bash\nexit 5\n", b"#!/bin/bash\r\nexit 5\r\n"

ANY_STATUS = (
    "any exit status but 0 is a failure, and this one was 5: mend what failed (see the script's "
    "output), or end with exit 0 where 5 of a command means success"
)
LINE_ENDS = (
    "/opt/pre.sh has CR LF line ends, and a shell takes each CR for a part of the word before it: "
    "save it with LF line ends (dos2unix /opt/pre.sh; in .gitattributes: *.sh text eol=lf)"
)
HAVE_IT = (
    ": if your VMs have it, put it on this one, too: by [files] or [directories] in "
    "vmsnapshot.toml or in a scenario, or by vm.write in a test"
)
WRITE_FOR_SH = (
    'write it for sh, or install a script of one line that starts it: exec /bin/bash SCRIPT "$@"'
)
ASKS_FOR_BASH = (
    "the first line of /opt/pre.sh asks for /bin/bash, but the extension runs every script by sh, "
    "which is another shell"
)


@pytest.mark.parametrize(
    ("content", "status", "asked_for", "shell", "said", "told"),
    [
        (
            LF,
            1,
            SH,
            "",
            "note\ntouch: cannot touch '/srv/a/b': No such file or directory\n",
            (
                "a file or directory was not there (touch: cannot touch '/srv/a/b': No such file "
                f"or directory){HAVE_IT}",
            ),
        ),
        (LF, 1, SH, "", "cat: /run/app/pid: No such file or directory\n", ()),
        (
            LF,
            2,
            SH,
            "sh",
            "pre.sh: 3: cannot create /srv/a/b: Directory nonexistent\n",
            (
                "a file or directory was not there (pre.sh: 3: cannot create /srv/a/b: Directory "
                f"nonexistent){HAVE_IT}",
            ),
        ),
        (LF, 1, SH, "", "", ()),
        (LF, None, SH, "", "", ()),
        (LF, 5, SH, "", "", (ANY_STATUS,)),
        (LF, 5, None, "sh", "", (ANY_STATUS,)),
        (LF, 1, BASH, "", "", ()),
        (CRLF, 2, BASH, "sh", "x", (LINE_ENDS,)),
        (CRLF, None, None, "", "", (LINE_ENDS,)),
        (LF, 5, BASH, "sh", "", (f"{ASKS_FOR_BASH}; {WRITE_FOR_SH}", ANY_STATUS)),
        (
            LF,
            2,
            BASH,
            "sh",
            'pre.sh: 3: note\npre.sh: 4: "(" unexpected\n\n',
            (f'{ASKS_FOR_BASH} and said: pre.sh: 4: "(" unexpected; {WRITE_FOR_SH}',),
        ),
        (
            LF,
            127,
            None,
            "",
            "",
            (
                "exit status 127 means that a command was not found: install it on the VM, or give "
                "its absolute path; in a test vm.command('NAME') stands in for it",
            ),
        ),
        (
            LF,
            126,
            None,
            "",
            "",
            ("exit status 126 means that a command may not be executed: look at its mode",),
        ),
    ],
)
def test_advice(
    content: bytes,
    status: int | None,
    asked_for: Interpreter | None,
    shell: str,
    said: str,
    told: tuple[str, ...],
) -> None:
    attempt = Attempt(("/opt/pre.sh",), 0, 1, status, error_output=Output(said.encode()))
    assert advice("/opt/pre.sh", content, attempt, asked_for, shell) == told
