"""ShellCheck: asked in each language sh will be, merged, missing, failing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pytest_vmsnapshot.lint import (
    LintFinding,
    ScriptFile,
    ShellCheckFailed,
    ShellCheckMissing,
    Subject,
    lint,
)
from pytest_vmsnapshot.lint.reading import read_script
from pytest_vmsnapshot.lint.shellcheck import check, executable

from .asking import CONFIG, subject

SH = b"#!/bin/sh\n"
ARRAY = b'services=(web worker)\nsystemctl stop "${services[@]}"\n'

needed = pytest.mark.skipif(
    shutil.which("shellcheck") is None, reason="ShellCheck is not installed"
)


def asked(script: bytes, *shells: str, path: Path | None = None) -> list[str]:
    found = lint(subject(script, shells=shells, path=path or Path("deploy/pre.sh")))
    return [f"{each.line}:{each.column} {each.severity.value} {each.code}" for each in found]


def texts(script: bytes, *shells: str) -> list[str]:
    return [each.text for each in lint(subject(script, shells=shells))]


@needed
def test_arrays_are_wrong_where_sh_does_not_know_them() -> None:
    assert asked(SH + ARRAY, "rhel") == []
    assert asked(SH + ARRAY, "ksh", "mksh", "bash") == []
    assert asked(SH + ARRAY, "debian") == ["2:10 error SC3030", "3:17 error SC3054"]
    assert asked(SH + ARRAY, "alpine") == ["2:10 error SC3030", "3:17 error SC3054"]


@needed
def test_a_finding_names_the_shells_it_is_about() -> None:
    assert (
        texts(SH + ARRAY, "debian")[0] == "arrays are not supported (in dash (/bin/sh of debian))"
    )
    assert texts(SH + ARRAY, "ubuntu", "dash", "rhel", "debian", "alpine")[0] == (
        "arrays are not supported (in dash (/bin/sh of ubuntu and debian) and busybox (/bin/sh of "
        "alpine))"
    )
    assert texts(b"#!/bin/bash\n" + ARRAY, "debian")[1] == (
        "arrays are not supported (in dash (/bin/sh of debian), which runs the script whatever its "
        "first line says)"
    )


@needed
def test_what_holds_everywhere_names_no_shell() -> None:
    (found,) = lint(subject(SH + b"cd /srv\nsync\n", shells=("debian", "rhel", "alpine")))
    assert str(found).endswith("; see https://www.shellcheck.net/wiki/SC2164")
    assert (found.code, found.severity.value, found.line) == ("SC2164", "warning", 2)
    assert "/bin/sh" not in found.text


@needed
def test_busybox_knows_more_than_dash() -> None:
    script = SH + b'[[ "$1" = a ]] && sync\necho "${1/a/b}" "${1:0:1}"\n'
    assert asked(script, "alpine") == []
    assert asked(script, "debian") == ["2:1 error SC3010", "3:7 error SC3060", "3:18 error SC3057"]


@needed
def test_nothing_is_told_twice() -> None:
    script = SH + b"set -o pipefail\nsource /opt/lib.sh\n"
    assert asked(script, "debian") == ["2:1 error VMS018", "3:1 error VMS010"]


@needed
def test_crs_are_told_once_and_do_not_stop_shellcheck() -> None:
    script = b"#!/bin/sh\r\nif [ $1 req 5 ]; then\r\n    sync\r\nfi\r\n"
    assert asked(script, "debian") == [
        "1:0 error VMS001",
        "2:4 error SC1073",
        "2:9 error SC1072",
    ]


@needed
def test_what_is_no_shell_script_is_not_given_to_it() -> None:
    assert asked(b"#!/usr/bin/python3\nx = (1\n", "debian") == ["1:0 error VMS005"]


@needed
def test_a_held_fifo_is_no_mistake() -> None:
    script = SH + b'exec sleep 600 >&3 < /dev/null &\n. "$1/lib.sh"\n'
    assert asked(script, "debian", "rhel") == []


@needed
def test_its_own_directives_and_rc_file_count(tmp_path: Path) -> None:
    path = tmp_path / "deploy" / "pre.sh"
    path.parent.mkdir()
    told = ["2:1 warning SC2164"]
    script = SH + b"cd /srv\nsync\n"
    assert asked(script, "debian", path=path) == told
    assert asked(SH + b"# shellcheck disable=SC2164\ncd /srv\nsync\n", "debian", path=path) == []
    (tmp_path / ".shellcheckrc").write_text("disable=SC2164\n")
    assert asked(script, "debian", path=path) == []


@needed
def test_our_comments_ignore_its_codes_too() -> None:
    assert asked(SH + b"cd /srv # vmsnapshot: ignore=SC2164\nsync\n", "debian") == []
    unused = SH + b"sync # vmsnapshot: ignore=SC2164\n"
    assert asked(unused, "debian") == ["2:0 warning VMS025"]


@needed
def test_one_file_for_both_steps_is_told_once() -> None:
    path = Path("hook.sh")
    both = (
        ScriptFile(path, SH + b"exit 0\n", "/hook", "pre"),
        ScriptFile(path, SH + b"exit 0\n", "/hook", "post"),
    )
    found = lint(Subject(Path("c.json"), CONFIG, both, ("debian",)))
    assert [(each.code, each.severity.value) for each in found] == [("VMS014", "warning")]


def test_without_it_there_is_one_note(without_shellcheck: Path) -> None:
    scripts = tuple(
        ScriptFile(Path(name), SH + b"sync\n", "/x", "pre") for name in ("a.sh", "b.sh")
    )
    found = lint(Subject(Path("c.json"), CONFIG, scripts, ("debian",)))
    assert [str(each) for each in found] == [
        "c.json: note VMS027: no script was looked at by ShellCheck: ShellCheck is not installed; "
        "pip install 'pytest-vmsnapshot[lint]', or apt-get install shellcheck"
    ]
    with pytest.raises(ShellCheckMissing, match=r"^ShellCheck is not installed: pip install "):
        executable()


def _stand_in(place: Path, text: str) -> Path:
    place.mkdir(exist_ok=True)
    program = place / "shellcheck"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def test_the_one_beside_python_comes_first(
    without_shellcheck: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = _stand_in(without_shellcheck / "path", "exit 0")
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert executable() == str(on_path)
    beside = _stand_in(without_shellcheck, "exit 0")
    assert executable() == str(beside)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "echo 'odd option' >&2; exit 4",
            "ended with 4 over a.sh and gave no list of findings: odd option",
        ),
        ("echo '{}'", "ended with 0 over a.sh and gave no list of findings: {}"),
        ("exit 1", "ended with 1 over a.sh and gave no list of findings: (it said nothing)"),
    ],
)
def test_one_that_fails_is_told(without_shellcheck: Path, text: str, said: str) -> None:
    program = _stand_in(without_shellcheck, text)
    script = ScriptFile(Path("a.sh"), SH + b"./a # vmsnapshot: ignore=SC2086\n", "/x", "pre")
    found = lint(Subject(Path("c.json"), CONFIG, (script,), ("debian",)))
    assert [str(each) for each in found] == [
        f"a.sh: note VMS027: {program} {said}; try it by hand, or install another version",
        "a.sh:2:1: error VMS009: ./a is looked for where the script starts, and that is the "
        "extension's own directory; give its absolute path; beside the script it is "
        '"$(dirname "$0")/a"',
    ]


def test_one_that_does_not_end_or_start_is_told(
    without_shellcheck: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _stand_in(without_shellcheck, "exec /bin/sleep 100")
    monkeypatch.setattr("pytest_vmsnapshot.lint.shellcheck._LIMIT", 0.05)
    script = read_script(ScriptFile(Path("a.sh"), SH, "/x", "pre"), ("dash",))
    with pytest.raises(ShellCheckFailed) as raised:
        check(script, str(program))
    assert str(raised.value) == f"{program} did not end within 0.05 s over a.sh, and was killed"

    program.write_text("#!/no/such/interpreter\n")
    with pytest.raises(ShellCheckFailed) as raised:
        check(script, str(program))
    assert str(raised.value) == f"{program} does not run: No such file or directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do what the mode forbids")
def test_one_that_cannot_be_run_is_as_good_as_none(without_shellcheck: Path) -> None:
    _stand_in(without_shellcheck, "exit 0").chmod(0o600)
    with pytest.raises(ShellCheckMissing):
        executable()


def test_its_answer_is_told_in_the_form_of_ours(without_shellcheck: Path) -> None:
    comment = (
        '{"comments": [{"line": 2, "column": 3, "level": "info", "code": 76, '
        '"message": "In POSIX sh, this is odd."}]}'
    )
    _stand_in(without_shellcheck, f"echo '{comment}'")
    (found,) = lint(subject(SH + b"sync\n", shells=("yash",)))
    assert found == LintFinding(
        "SC0076",
        found.severity.NOTE,
        Path("deploy/pre.sh"),
        2,
        3,
        "this is odd",
        "see https://www.shellcheck.net/wiki/SC0076",
    )
