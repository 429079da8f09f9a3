"""Scripts traced on this machine, without a VM, and hand-made lists of what must come of it.

In a file of ``table`` each line has a mark in front: ``+`` the statement that begins here is run,
``-`` it is not, ``!`` it is run and is known to be counted as if it were not; nothing where none
begins. ``=== NAME`` begins another file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_vmsnapshot.kept import POSIX_START_UP, START_UP, TRACE
from pytest_vmsnapshot.shell_coverage import branches, parse_tree, placing, trace, tracing
from pytest_vmsnapshot.twin import WRAPPER

TABLE = Path(__file__).parent / "table"
NAMES = sorted(path.name for path in TABLE.iterdir())


@dataclass(frozen=True)
class Listed:
    """A script, and what a person says of it."""

    name: str
    text: str
    covered: frozenset[int]
    missed: frozenset[int]
    deviating: frozenset[int]


def listed(name: str) -> list[Listed]:
    """The files of an entry of the table."""
    return list(_files((TABLE / name).read_text(encoding="utf-8"), name))


def _files(text: str, name: str) -> Iterator[Listed]:
    head, *rest = text.split("=== ")
    parts = [(name, head), *((part.partition("\n")[0], part.partition("\n")[2]) for part in rest)]
    for own, body in parts:
        lines = body.splitlines()
        marks = {
            mark: frozenset(n for n, line in enumerate(lines, 1) if line[0] == mark)
            for mark in "+-!"
        }
        yield Listed(
            own, "".join(line[2:] + "\n" for line in lines), marks["+"], marks["-"], marks["!"]
        )


def traced(script: Path, *arguments: str) -> bytes:
    """Run a script in its directory, and give its trace: as bash, or as sh if it is named so."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash (Debian: apt-get install bash)")
    own = script.parent / ".tracing"
    own.mkdir()
    log = own / "trace"
    for number, posix in ((START_UP, False), (POSIX_START_UP, True)):
        text = tracing.BashTracer().start_up(TRACE, posix=posix)
        (own / str(number)).write_bytes(text)
    sh = own / "bin" / "sh"
    sh.parent.mkdir()
    sh.write_bytes(WRAPPER)
    sh.chmod(0o755)
    opened = f'exec {START_UP}<"$0/{START_UP}" {POSIX_START_UP}<"$0/{POSIX_START_UP}"'
    run = "exec" if script.suffix == ".sh" else f"BASH_ENV=/proc/self/fd/{START_UP} exec"
    shell = str(sh) if script.suffix == ".sh" else bash
    command = f'{opened} {TRACE}>>"$0/trace"; {run} "$@"'
    subprocess.run(
        [bash, "-c", command, str(own), shell, f"./{script.name}", *arguments],
        cwd=script.parent,
        env={"PATH": f"{sh.parent}:{os.environ['PATH']}", "HOME": "/nowhere", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    return log.read_bytes()


@dataclass(frozen=True)
class Seen:
    """What a trace tells of a file."""

    script: parse_tree.Script
    lines: set[int]
    arcs: set[tuple[int, int]]


def seen(script: Path, text: bytes) -> dict[str, Seen]:
    """What a trace tells of all files beside a script."""
    files = {path.name: path for path in script.parent.iterdir() if path.is_file()}
    scripts = {name: parse_tree.parse(path.read_bytes()) for name, path in files.items()}
    steps = list(placing.placed(trace.read_trace(text), lambda name: scripts.get(Path(name).name)))
    arcs = branches.ways(steps)
    found = {}
    for name, parsed in scripts.items():
        lines = {step.statement.line for step in steps if step.script is parsed}
        taken = arcs.get(id(parsed), set())
        found[name] = Seen(parsed, parsed.executed(lines), taken & parsed.flow.arcs)
    return found


def laid_out(name: str, directory: Path) -> list[Listed]:
    """Write the files of an entry of the table."""
    files = listed(name)
    for file in files:
        (directory / file.name).write_text(file.text, encoding="utf-8")
    return files
