"""Comments and codes that ignore findings."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot.lint import unknown_ignores

from .asking import Asking, places

SH = "#!/bin/sh\n"


@pytest.mark.parametrize(
    "script",
    [
        "./a # vmsnapshot: ignore=VMS009",
        "./a #vmsnapshot:ignore=VMS009 because it is so",
        "# vmsnapshot: ignore=VMS009\n./a",
        "# vmsnapshot: ignore=VMS009\n\n# why\n./a",
        "./a \\\n  b # vmsnapshot: ignore=VMS009",
        "# vmsnapshot: ignore=VMS009\na \\\n > b",
        "./a ~/b # vmsnapshot: ignore=VMS009,VMS012",
        "./a ~/b # vmsnapshot: ignore=VMS009, VMS012",
        "# vmsnapshot: ignore-file=VMS009\n./a\n./b",
        "# pre-script\n\n# vmsnapshot: ignore-file=VMS009\n./a",
        "# vmsnapshot: ignore-file=VMS014",
        "# vmsnapshot: ignore=VMS009\n# vmsnapshot: ignore=VMS012\n./a ~/b",
    ],
)
def test_ignored(ask: Asking, script: str) -> None:
    assert ask.script(f"{SH}{script}\n") == ()


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("./a # vmsnapshot: ignore=VMS009\n./b", ["VMS009:3:1"]),
        ("# vmsnapshot: ignore=VMS009\n./a\n./b", ["VMS009:4:1"]),
        ("./a '# vmsnapshot: ignore=VMS009'", ["VMS009:2:1"]),
        ("cat <<E\n# vmsnapshot: ignore=VMS009\nE\n./a", ["VMS009:5:1"]),
        ("# vmsnapshot ignore=VMS009\n./a", ["VMS009:3:1"]),
    ],
)
def test_not_ignored(ask: Asking, script: str, found: list[str]) -> None:
    assert places(ask.script(f"{SH}{script}\n")) == found


def test_crlf_line_ends_do_not_hide_a_comment(ask: Asking) -> None:
    script = "#!/bin/sh\r\n# vmsnapshot: ignore-file=VMS001\r\n./a # vmsnapshot: ignore=VMS009\r\n"
    assert ask.script(script) == ()


WRONG = [
    (
        "a # vmsnapshot: ignore=VMS009",
        "2: warning VMS025: VMS009 is ignored, but it is not found here; take the comment out",
    ),
    (
        "# vmsnapshot: ignore-file=VMS009\na",
        "2: warning VMS025: VMS009 is ignored, but it is not found in this script; take the "
        "comment out",
    ),
    (
        "# vmsnapshot: ignore=VMS009",
        "2: warning VMS025: VMS009 is ignored, but it is not found here; take the comment out",
    ),
    (
        "a # vmsnapshot: ignore=VMS0009",
        "2: warning VMS026: there is no code 'VMS0009' to ignore (is VMS009 meant?); write a code "
        "of docs/lint.md",
    ),
    (
        "a # vmsnapshot: ignore=relative-path",
        "2: warning VMS026: there is no code 'relative-path' to ignore (is VMS009 meant?); write a "
        "code of docs/lint.md",
    ),
    (
        "a # vmsnapshot: ignore=qqq",
        "2: warning VMS026: there is no code 'qqq' to ignore; write a code of docs/lint.md",
    ),
    (
        "a # vmsnapshot: ignored=VMS009",
        "2: warning VMS026: nothing is ignored by 'vmsnapshot: ignored=VMS009'; write "
        "# vmsnapshot: ignore=VMS004, or ignore-file= in the comments at the top",
    ),
    (
        "a\n# vmsnapshot: ignore-file=VMS009",
        "3: warning VMS026: ignore-file is heeded among the comments at the top of a script only; "
        "move it there",
    ),
]


@pytest.mark.parametrize(("script", "text"), WRONG, ids=[text for text, _ in WRONG])
def test_comments_that_ignore_nothing(ask: Asking, script: str, text: str) -> None:
    found = ask.script(f"{SH}/opt/quiesce\n{script}\n".replace("/opt/quiesce\n", "", 1))
    told = [str(each) for each in found if each.code in ("VMS025", "VMS026")]
    assert told == [f"deploy/pre.sh:{text}"]


def test_what_is_ignored_everywhere_is_not_judged_in_comments(ask: Asking) -> None:
    script = f"{SH}a # vmsnapshot: ignore=VMS009\n"
    assert ask.script(script, ignore=("VMS009",)) == ()
    assert ask.script(f"{SH}./a\n", ignore=("VMS009",)) == ()


def test_codes_of_shellcheck_are_not_judged_without_it(ask: Asking) -> None:
    assert ask.script(f"{SH}a # vmsnapshot: ignore=SC2086\n") == ()


def test_ignores_that_do_not_exist() -> None:
    assert unknown_ignores(["VMS001", "SC2086", "vms001", "VMS1", "one-shot-lock", "?"]) == (
        "ignore: there is no code 'vms001' (is VMS001 meant?)",
        "ignore: there is no code 'VMS1' (is VMS001 meant?)",
        "ignore: there is no code 'one-shot-lock' (is VMS015 meant?)",
        "ignore: there is no code '?'",
    )
