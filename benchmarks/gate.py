"""The whole gate for one pair of scripts: ``python -m benchmarks.gate [ROUNDS]``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from .measure import interleaved, table

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
CONFIG = "VMSnapshotScriptPluginConfig.json"
PAIRS = {
    "mysql": EXAMPLES / "reported_failures/mysql/corrected" / CONFIG,
    "postgresql": EXAMPLES / "reported_failures/postgresql/corrected" / CONFIG,
    "oracle": EXAMPLES / "reported_failures/oracle/corrected" / CONFIG,
    "compose": EXAMPLES / "reported_failures/compose/corrected" / CONFIG,
    "orders": EXAMPLES / "orders/deploy" / CONFIG,
}
BASELINE = "one test of one backup"
TEST = """
def test_it(vm):
    vm.install(pre="#!/bin/sh\\n", post="#!/bin/sh\\n")
    vm.backup().assert_application_consistent()
"""
_GOAL = "goal: under 10 s on two cores"


def main() -> None:
    """Print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as directory:
        test = Path(directory, "test_it.py")
        test.write_text(TEST)
        works = {BASELINE: partial(_pytest, test)}
        for name, config in PAIRS.items():
            works[name] = partial(_pytest, config)
            works[f"{name}, -n 2"] = partial(_pytest, config, "-n", "2")
        medians = interleaved(works, rounds)
    print(f"a whole run of pytest, median of {rounds} interleaved rounds")
    print("\n".join(table(medians, BASELINE, dict.fromkeys(list(works)[1:], _GOAL))))


def _pytest(path: Path, *options: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    subprocess.run(
        [*command, "-c", "/dev/null", "--rootdir", str(path.parent), *options, str(path)],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=path.parent,
    )


if __name__ == "__main__":
    main()
