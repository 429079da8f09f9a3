"""What the plugin costs a suite that does not use it: ``python -m benchmarks.collection``."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

UNRELATED = "import pytest\n@pytest.mark.parametrize('n', range(10))\ndef test_it(n): pass\n"

WITHOUT = ("-p", "no:vmsnapshot")
BARE = (*WITHOUT, "-p", "no:pytest_fakefs", "-p", "no:timeout")


def main() -> None:
    """Print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    variants = {"without the plugin": WITHOUT, "with the plugin": (), "without all": BARE}
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    with tempfile.TemporaryDirectory() as directory:
        for index in range(2):
            Path(directory, f"test_{index}.py").write_text(UNRELATED)
        for _ in range(rounds):
            for name, arguments in variants.items():
                seconds[name].append(_collect(directory, *arguments))
    medians = {name: statistics.median(values) * 1000 for name, values in seconds.items()}
    baseline = medians["without the plugin"]
    print(f"processor time of pytest --collect-only, median of {rounds} interleaved rounds")
    for name, median in medians.items():
        more = f"{median - baseline:+6.1f} ms"
        print(f"{name:<20} {median:7.1f} ms {more} {median / baseline:5.2f} x")
    print("the plugin itself must cost less than 20 ms; 'all' is what it depends on as well")


def _collect(directory: str, *arguments: str) -> float:
    """Collect the suite in a process of its own; returns the seconds of processor time it took."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    with subprocess.Popen(
        [*command, *arguments, directory], stdout=subprocess.DEVNULL, cwd=directory
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
