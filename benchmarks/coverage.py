"""What coverage of shell scripts costs, and how right it is: ``python -m benchmarks.coverage``.

Arguments: ``[ROUNDS]``. Beside coverage-sh where that is installed (``pip install coverage-sh``),
on the scripts of ``tests/coverage/table``, which have hand-made lists of lines. kcov is neither in
Debian 12 nor on PyPI.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_vmsnapshot.kept import POSIX_START_UP, START_UP, TRACE, Keep
from pytest_vmsnapshot.machine import VirtualMachine
from pytest_vmsnapshot.running import Workshop
from pytest_vmsnapshot.settings import Source
from pytest_vmsnapshot.shell_coverage import parse_tree, placing, trace
from pytest_vmsnapshot.shell_coverage.tracing import BashTracer
from pytest_vmsnapshot.twin import WRAPPER

from .measure import interleaved, table

TABLE = Path(__file__).resolve().parent.parent / "tests/coverage/table"

COMMANDS = """\
#!/bin/{shell}
set -eu
state=/data/state
for name in orders stock prices; do
    if [ -e "$state.$name" ]; then
        rm -f "$state.$name"
    fi
    date +%s >"$state.$name"
    sync
done
case "$(cat "$state.orders")" in
0) exit 1 ;;
*) ls -l /data | grep -c state >/dev/null ;;
esac
"""
"""As scripts of backups are: nearly all of it is in the commands it calls."""

LOOP = """\
#!/bin/bash
n=0
while [ $n -lt 5000 ]; do
    n=$((n + 1))
done
"""
"""As none is: all of it is in the shell."""


COVERAGE_SH = importlib.util.find_spec("coverage_sh") is not None

DRIVER = """\
import subprocess, sys

for line in sys.stdin:
    subprocess.run(line.split(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, close_fds=False)
    print("done", flush=True)
"""
"""Starts what it is told to; under coverage.py if that is what is measured."""


def main() -> None:
    """Print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    print(f"medians of {rounds} interleaved rounds")
    commands = COMMANDS.format(shell="bash")
    for what, text in (("calls commands", commands), ("counts to 5000", LOOP)):
        print(f"a backup whose pre-script is a bash script that {what}:")
        print("\n".join(backups(text, rounds)))
    print("a backup whose pre-script is an sh script that calls commands, with a twin VM:")
    print("\n".join(backups(COMMANDS.format(shell="sh"), rounds)))
    for what, text in (("calls commands", commands), ("counts to 5000", LOOP)):
        with tempfile.TemporaryDirectory() as directory:
            print(f"the bash script that {what}, without a VM:")
            print("\n".join(alone(Path(directory), text, rounds)))
    print("lines of the scripts of the table:")
    for told in lines():
        print(told)


# -- slow-down -------------------------------------------------------------------------------------


def backups(pre: str, rounds: int) -> list[str]:
    """Compare a backup with coverage to one without."""
    with machine(pre, Keep()) as plain, machine(pre, Keep(tracer=BashTracer())) as measured:
        works = {"plain": plain.backup, "with coverage": measured.backup}
        medians = interleaved(works, rounds)
    return table(medians, "plain", {})


@contextlib.contextmanager
def machine(pre: str, keep: Keep) -> Iterator[VirtualMachine]:
    """A VM with a pre-script."""
    workshop = Workshop(Path.cwd(), Path.cwd(), keep)
    try:
        source = Source("benchmark", {"clock": "real"})
        with workshop.make([source], Path.cwd(), None) as vm:
            vm.install(pre=pre, post="#!/bin/bash\n")
            yield vm
    finally:
        workshop.close()


def alone(directory: Path, text: str, rounds: int) -> list[str]:
    """Compare a script by itself with the same when it is measured."""
    script = directory / "script"
    state = directory / "state"
    script.write_text(text.replace("/data/state", str(state)).replace("ls -l /data", "ls -l /"))
    driver = directory / "driver.py"
    driver.write_text(DRIVER)
    plain = [sys.executable, str(driver)]
    names = {"plain": plain}
    if COVERAGE_SH:
        settings = directory / "settings"
        settings.write_text("[run]\nplugins = coverage_sh\nparallel = true\n")
        run = ["-m", "coverage", "run", f"--rcfile={settings}", str(driver)]
        names["coverage-sh"] = [sys.executable, *run]
    with contextlib.ExitStack() as stack:
        environment = stack.enter_context(tracing(directory))
        works = {name: stack.enter_context(driven(cmd, script)) for name, cmd in names.items()}
        works["ours"] = stack.enter_context(driven(plain, script, environment))
        medians = interleaved(works, rounds)
    return table(medians, "plain", {})


@contextlib.contextmanager
def driven(
    command: list[str], script: Path, environment: dict[str, str] | None = None
) -> Iterator[Callable[[], object]]:
    """A process that runs a script each time it is asked."""
    fds = (START_UP, POSIX_START_UP, TRACE) if environment else ()
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=script.parent,
        env={**os.environ, **(environment or {})},
        pass_fds=fds,
    ) as process:
        reading, writing = process.stdout, process.stdin
        assert reading is not None
        assert writing is not None

        def run() -> None:
            writing.write(f"bash {script}\n")
            writing.flush()
            assert reading.readline() == "done\n"

        yield run
        writing.close()


@contextlib.contextmanager
def tracing(directory: Path) -> Iterator[dict[str, str]]:
    """Descriptors that a traced script inherits, and its environment."""
    opened = {}
    for number, posix in ((START_UP, False), (POSIX_START_UP, True)):
        path = directory / f"start_up.{number}"
        path.write_bytes(BashTracer().start_up(TRACE, posix=posix))
        opened[number] = os.open(path, os.O_RDONLY)
    opened[TRACE] = os.open(directory / "trace", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number, fd in opened.items():
        os.dup2(fd, number)
        os.close(fd)
    try:
        yield {"BASH_ENV": f"/proc/self/fd/{START_UP}"}
    finally:
        for number in opened:
            os.close(number)


# -- lines -----------------------------------------------------------------------------------------


@dataclass
class Score:
    """How right somebody is."""

    right: int = 0
    wrong: int = 0

    def count(self, marks: list[str], covered: set[int], statements: set[int]) -> None:
        """Compare lines with a hand-made list."""
        for number, mark in enumerate(marks, 1):
            told = "+" if number in covered else "-" if number in statements else " "
            self.wrong += told != mark
            self.right += told == mark != " "


def lines() -> Iterator[str]:
    """How many lines are right, of bash and of sh scripts, for each way to measure."""
    ways: dict[str, Callable[[Path], dict[str, tuple[set[int], set[int]]]]] = {"ours": ours}
    if COVERAGE_SH:
        ways["coverage-sh"] = coverage_sh
    for name, way in ways.items():
        for ending in (".bash", ".sh"):
            score = Score()
            for entry in sorted(TABLE.glob(f"*{ending}")):
                with tempfile.TemporaryDirectory() as directory:
                    marks = laid_out(entry, Path(directory))
                    found = way(Path(directory, entry.name))
                    for file, own in marks.items():
                        score.count(own, *found.get(file, (set(), set())))
            kind = "bash" if ending == ".bash" else "sh"
            yield f"{name:<12} {kind:<5} scripts: {score.right:4} right, {score.wrong:4} wrong"


def laid_out(entry: Path, directory: Path) -> dict[str, list[str]]:
    """Write the scripts of an entry of the table; the marks of each."""
    marks = {}
    head, *rest = entry.read_text(encoding="utf-8").split("=== ")
    for name, body in [(entry.name, head), *(part.split("\n", 1) for part in rest)]:
        rows = body.splitlines()
        (directory / name).write_text("".join(f"{row[2:]}\n" for row in rows), encoding="utf-8")
        marks[name] = [row[0].replace("!", "+") for row in rows]
    return marks


def ours(script: Path) -> dict[str, tuple[set[int], set[int]]]:
    """Covered lines and statements of each file, by this project."""
    files = [path for path in script.parent.iterdir() if path.is_file()]
    scripts = {path.name: parse_tree.parse(path.read_bytes()) for path in files}
    own = script.parent / "tracing"
    own.mkdir()
    (own / "sh").write_bytes(WRAPPER)
    (own / "sh").chmod(0o755)
    with tracing(own) as environment:
        is_sh = script.suffix == ".sh"
        shell = str(own / "sh") if is_sh else "bash"
        path = {"PATH": f"{own}:{os.environ['PATH']}"}
        run([shell, f"./{script.name}"], script.parent, path if is_sh else environment | path)
    text = (own / "trace").read_bytes()
    steps = list(placing.placed(trace.read_trace(text), lambda name: scripts.get(Path(name).name)))
    found = {}
    for name, parsed in scripts.items():
        hit = {step.statement.line for step in steps if step.script is parsed}
        found[name] = (parsed.executed(hit), set(parsed.lines))
    return found


def coverage_sh(script: Path) -> dict[str, tuple[set[int], set[int]]]:
    """Covered lines and statements of each file, by coverage-sh."""
    from coverage import CoverageData

    directory = script.parent
    settings = directory / ".coveragerc"
    settings.write_text("[run]\nplugins = coverage_sh\nparallel = true\n")
    (directory / "driver.py").write_text(
        "import subprocess, sys\nsubprocess.run(sys.argv[1:], close_fds=False)\n"
    )
    shell = "sh" if script.suffix == ".sh" else "bash"
    command = [sys.executable, "-m", "coverage", "run", "driver.py", shell, f"./{script.name}"]
    run(command, directory, {})
    measured: dict[str, set[int]] = {}
    for path in directory.glob(".coverage.*"):
        data = CoverageData(basename=str(path))
        data.read()
        for name in data.measured_files():
            measured.setdefault(Path(name).name, set()).update(data.lines(name) or ())
    reporter = importlib.import_module("coverage_sh.plugin").ShellFileReporter
    found = {}
    for path in directory.iterdir():
        if path.suffix in {".sh", ".bash"} and path.name in measured:
            found[path.name] = (measured[path.name], set(reporter(str(path)).lines()))
    return found


def run(command: list[str], directory: Path, environment: dict[str, str]) -> None:
    """Run a script."""
    subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[fd for fd in (START_UP, POSIX_START_UP, TRACE) if environment],
        check=False,
    )


if __name__ == "__main__":
    main()
