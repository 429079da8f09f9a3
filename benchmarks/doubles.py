"""What a command double costs: ``python -m benchmarks.doubles [ROUNDS]``.

First a call of a double beside one of ``/bin/true``, both from one shell on one VM. Then a file of
tests of a pre-script that calls ``mysql``, beside the same tests written for bats, with bats-assert
and a stub that records its calls (Debian: bats, bats-assert, bats-support). Python may keep its
bytecode, as it does for users, whatever the environment of the benchmark says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import interleaved, table
from pytest_vmsnapshot import VirtualMachine, virtual_machine

CALLS = 200
TESTS = 100

_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"

PRE = "#!/bin/sh\nset -e\nmysql -e 'FLUSH TABLES WITH READ LOCK'\nmysql -e 'SELECT 1'\n"

OURS = """
import pytest


@pytest.mark.parametrize("number", range({tests}))
def test_locks(vm, number):
    mysql = vm.command("mysql", stdout="ok\\n")
    done = vm.run(["sh", "{pre}"])
    assert done.exit_status == 0
    assert [call.args for call in mysql.calls] == [
        ("-e", "FLUSH TABLES WITH READ LOCK"),
        ("-e", "SELECT 1"),
    ]
"""

BATS = """
setup() {
  load /usr/lib/bats/bats-support/load
  load /usr/lib/bats/bats-assert/load
  stub="$BATS_TEST_TMPDIR/bin"
  mkdir "$stub"
  cp STUB "$stub/mysql"
  PATH="$stub:$PATH"
}
"""

STUB = '#!/bin/sh\necho "$*" >> "$BATS_TEST_TMPDIR/calls"\necho ok\n'

BATS_TEST = """
@test "locks NUMBER" {
  run sh PRE
  assert_success
  run cat "$BATS_TEST_TMPDIR/calls"
  assert_line -n 0 -- "-e FLUSH TABLES WITH READ LOCK"
  assert_line -n 1 -- "-e SELECT 1"
}
"""


def main(rounds: int) -> None:
    """Print both comparisons."""
    with virtual_machine() as vm:
        for line in calls(vm, rounds):
            print(line)
    if shutil.which("bats") is None or not Path("/usr/lib/bats/bats-assert").is_dir():
        print("no comparison with bats: needs bats, bats-assert and bats-support")
        return
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        for line in files(Path(directory), max(3, rounds // 5)):
            print(line)


def calls(vm: VirtualMachine, rounds: int) -> list[str]:
    """Compare calls from one shell."""
    vm.command("mysql", stdout="ok\n")

    def loop(command: str) -> None:
        vm.run(f"i=0; while [ $i -lt {CALLS} ]; do {command} -e x; i=$((i+1)); done > /dev/null")

    medians = interleaved(
        {"/bin/true": lambda: loop("/bin/true"), "a command double": lambda: loop("mysql")}, rounds
    )
    each = {name: value / CALLS for name, value in medians.items()}
    return [f"one call, of {CALLS} in a shell:", *table(each, "/bin/true", {}), "must be < 4 ms"]


def files(directory: Path, rounds: int) -> list[str]:
    """Compare whole files of tests, each with its own start."""
    pre = directory / "pre.sh"
    pre.write_text(PRE)
    (directory / "pytest.ini").write_text("[pytest]\n")
    ours = directory / "test_locks.py"
    ours.write_text(OURS.format(tests=TESTS, pre=pre))
    theirs = directory / "locks.bats"
    tests = [BATS_TEST.replace("NUMBER", str(n)).replace("PRE", str(pre)) for n in range(TESTS)]
    stub = directory / "stub"
    stub.write_text(STUB)
    stub.chmod(0o755)
    theirs.write_text(BATS.replace("STUB", str(stub)) + "".join(tests))

    env = {name: value for name, value in os.environ.items() if name != _NO_BYTECODE}

    def pytest() -> None:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(ours)]
        subprocess.run(command, check=True, cwd=directory, stdout=subprocess.DEVNULL, env=env)

    def bats() -> None:
        subprocess.run(["bats", theirs], check=True, cwd=directory, stdout=subprocess.DEVNULL)

    medians = interleaved({"bats": bats, "pytest": pytest}, rounds)
    each = {name: value / TESTS for name, value in medians.items()}
    goals = {"pytest": "must be at most 0.33 x"}
    return [f"one test, of {TESTS} in a file, start included:", *table(each, "bats", goals)]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
