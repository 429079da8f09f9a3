"""Scripts that are traced do not notice, and what they do to the trace is known beforehand."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.shell_coverage.trace import Traced, read_trace
from pytest_vmsnapshot.shell_coverage.tracing import BashTracer

from .tracing_here import traced

LOOK = """\
{ printf '%s\\n' "status $?" "count $#" "all $*" "name $0" "shell $BASH" "underscore $_"
printf 'options %s\\n' "$(printf %s "$-" | tr -d x)"
set -o | grep -v xtrace
shopt
compgen -v | grep -vx -e PS4 -e BASH_XTRACEFD -e BASH_ENV -e PIPESTATUS -e BASH_LINENO
compgen -A function
alias
trap
(exit 3) || echo "failed $?"
set -eu
: "${unset-}"
echo "$unset" || :
} >seen 2>&1
"""


@pytest.mark.parametrize("name", ["look.bash", "look.sh"])
def test_a_script_sees_what_it_would_see_without(name: str, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash (Debian: apt-get install bash)")
    script = tmp_path / name
    script.write_text(LOOK)
    shell = "sh" if script.suffix == ".sh" else "bash"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").symlink_to(bash)

    text = traced(script, "one", "two words")

    with_trace = (tmp_path / "seen").read_text()
    plain = 'exec -a "$0" "$@"'
    subprocess.run(
        [bash, "-c", plain, shell, bash, f"./{name}", "one", "two words"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    without = (tmp_path / "seen").read_text()
    differing = ("shell ", "underscore ")  # where bash was started from, and as what
    assert [line for line in with_trace.splitlines() if not line.startswith(differing)] == [
        line for line in without.splitlines() if not line.startswith(differing)
    ]
    assert "name ./look" in with_trace
    if shell == "sh":
        assert "shell /bin/sh\n" in with_trace
    assert list(read_trace(text))


@pytest.mark.parametrize("posix", [False, True])
def test_without_its_descriptor_a_script_runs_untraced(posix: bool, tmp_path: Path) -> None:
    start_up = tmp_path / "start_up"
    start_up.write_bytes(BashTracer().start_up(251, posix=posix))
    done = subprocess.run(
        ["bash", "-c", 'echo "ran $?"; echo "$BASH_XTRACEFD$PS4"'],
        env={"PATH": os.environ["PATH"], "BASH_ENV": str(start_up)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "ran 0\n+ \n"
    assert done.stderr == ""


def test_a_shell_in_the_place_of_sh_has_its_name(tmp_path: Path) -> None:
    script = tmp_path / "script.sh"
    script.write_text(
        "sh -c 'echo $0 >one'\nsh -c 'echo $0 $1 >two' name first\nsh -c 'nowhere' 2>three\n"
    )
    traced(script)
    assert (tmp_path / "one").read_text() == "sh\n"
    assert (tmp_path / "two").read_text() == "name first\n"
    assert (tmp_path / "three").read_text() == "sh: line 1: nowhere: command not found\n"


def test_bash_started_by_sh_is_bash(tmp_path: Path) -> None:
    script = tmp_path / "script.sh"
    script.write_text("bash -c 'echo $SHELLOPTS' >seen\n")
    text = traced(script)
    assert "posix" not in (tmp_path / "seen").read_text()
    assert [found.word for found in read_trace(text)] == ["bash", "echo"]


# -- reading ---------------------------------------------------------------------------------------


def head(line: int, pid: int = 7, file: str = "/opt/a.sh", level: int = 1) -> bytes:
    return b"+" * level + f"\x1fvmsnapshot\x1f1 0 {line} {pid} \x1f{file}\x1f".encode()


TRACES = [
    (b"", []),
    (head(3) + b"echo a\n", [(3, "echo")]),
    (head(3) + b"echo 'a\n+ b'\n" + head(5) + b"x=1\n", [(3, "echo"), (5, "x=")]),
    (head(3) + b"a[1]+=2\n", [(3, "a=")]),
    (head(3) + b"'[' a = b ']'\n" + head(4) + b"[[ -n a ]]\n", [(3, "["), (4, "[[")]),
    (head(3) + b"echo aaa" + head(4) + b"b\naaa\n", [(3, "echo"), (4, "b")]),
    (b"+ sh -x\nwarning\n" + head(9) + b"((n > 1))\n", [(9, "((n")]),
    (head(3) + b"echo\n" + head(4)[:-3], [(3, "echo")]),
    (head(3), [(3, "")]),
    (head(3) + b"\xff\xfe\x00 a\n", [(3, "\udcff\udcfe\x00")]),
]


@pytest.mark.parametrize(("text", "found"), TRACES)
def test_reading(text: bytes, found: list[tuple[int, str]]) -> None:
    assert [(traced.line, traced.word) for traced in read_trace(text)] == found


def test_all_of_a_head() -> None:
    text = b"+++\x1fvmsnapshot\x1f2 1 34 567 drain\x1f/opt/l ib.sh\x1fecho a\n"
    assert list(read_trace(text)) == [
        Traced("/opt/l ib.sh", 34, 567, 2, "drain", level=3, subshell=1, word="echo")
    ]


@given(st.lists(st.one_of(st.binary(max_size=40), st.integers(1, 99).map(head))))
def test_anything_can_stand_between(parts: list[bytes]) -> None:
    whole = [part for part in parts if part.startswith(b"+\x1f")]
    assert len(list(read_trace(b"".join(parts)))) >= len(whole)


# -- refusing --------------------------------------------------------------------------------------

CLOSES = "closes descriptors that only the run knows"
REFUSED = [
    ("#!/bin/bash\necho plain\n", ""),
    ("# set -x\necho 'set -x' PS4\n", ""),
    ("set -eu -o pipefail\nset -- -x\nset a b\nshift\n", ""),
    ("#!/bin/bash -eu\nx=$?\n", ""),
    ("#!/bin/bash -ex\n", "its first line asks for -ex"),
    ("#!/bin/bash -p\n", "its first line asks for -p"),
    ("#!/usr/bin/env -S bash --posix\n", "its first line asks for --posix"),
    ("echo a\nset -x\n", "line 2 has set -x"),
    ("set -euxo pipefail\n", "line 1 has set -euxo pipefail"),
    ("set -o xtrace\n", "line 1 has set -o xtrace"),
    ("set +x\n", "line 1 has set +x"),
    ("set -\n", "line 1 has set -, which ends a trace"),
    ("set $flags\n", "line 1 sets options that only the run knows"),
    ("PS4='+ '\n", "line 1 uses PS4"),
    ("exec 9>log\nBASH_XTRACEFD=9\n", "line 2 uses BASH_XTRACEFD"),
    ("unset BASH_ENV\n", "line 1 uses BASH_ENV"),
    ("export PS4\n", "line 1 uses PS4"),
    ("case $- in *x*) ;; esac\n", "line 1 uses $-"),
    ("[[ $SHELLOPTS == *x* ]]\n", "line 1 uses SHELLOPTS"),
    ("bash -x other.sh\n", "line 1 starts bash -x"),
    ("sh -ex other.sh\n", "line 1 starts sh -ex"),
    ("bash -c 'set -x; true'\n", "line 1 has set -x"),
    ("trap 'set +x' EXIT\n", "line 1 has set +x"),
    ("read -r PS4\n", "line 1 uses PS4"),
    ("#!/bin/bash -v\n", "its first line asks for -v"),
    ("#!/bin/bash -n\n", "its first line asks for -n"),
    ("#!/usr/bin/env -S bash -o pipefail\n", ""),
    ("#!/usr/bin/env -S bash -o verbose\n", "its first line asks for -o verbose"),
    ("exec 251>log\n", "line 1 uses the descriptor 251"),
    ("echo a >&249\n", "line 1 uses the descriptor 249"),
    ("exec 9>249\nexec 9>&-\necho 251 >log\n", ""),
    ('for n in 3 4; do eval "exec $n>&-"; done\n', f"line 1 {CLOSES}"),
    ("for n in 3 4; do exec {n}>&-; done\n", f"line 1 {CLOSES}"),
    ("exec {lock}>/run/lock\nflock $lock\nexec {lock}>&-\n", ""),
    ("# close $n>&-\n:\n", ""),
    ("ls /proc/self/fd\n", "line 1 looks at its process in /proc"),
    ("cat /proc/$$/environ /proc/mounts\n", "line 1 looks at its process in /proc"),
    ("cat /proc/mounts; diff /dev/fd/3 /dev/fd/4\n", ""),
    ("ls /dev/fd\n", "line 1 looks at its descriptors"),
    ("ulimit -c 0\nulimit -n 1024\n", ""),
    ("ulimit -f 100\n", "line 1 shows or sets limits"),
    ("ulimit 100\n", "line 1 shows or sets limits"),
    ("env\n", "line 1 shows variables"),
    ("env A=b\n", "line 1 shows variables"),
    ("env A=b mysql; printenv HOME\n", ""),
    ("set\n", "line 1 shows variables"),
    ("set -o\n", "line 1 shows options"),
    ("export -p\n", "line 1 shows variables"),
    ("declare -F; declare -f drain; export A; declare -r B=1\n", ""),
    ("compgen -v\n", "line 1 shows variables"),
    ("shopt -po\n", "line 1 shows options"),
    ("shopt -s nullglob; shopt -so errexit\n", ""),
    ("[ -o xtrace ]\n", "line 1 asks for xtrace"),
    ("[[ ! -o xtrace ]]\n", "line 1 asks for xtrace"),
    ("test -o xtrace\n", "line 1 shows options"),
    ("echo ${!BASH*}\n", "line 1 looks for variables"),
    ("echo ${!a[@]} ${!name} ${!my_*}\n", ""),
    ("name=PS4\necho ${!name}\n", "line 2 may use PS4"),
    ("bash -v other.sh\n", "line 1 starts bash -v"),
    ("bash -o xtrace other.sh\n", "line 1 starts bash -o xtrace"),
    ("bash --norc -c :\nsh -eu other.sh\n", ""),
    ("bash <<'END'\nset -x\nEND\n", "line 2 has set -x"),
]


@pytest.mark.parametrize(("script", "why"), REFUSED)
def test_refusal(script: str, why: str) -> None:
    assert BashTracer().refusal(script.encode()) == why
