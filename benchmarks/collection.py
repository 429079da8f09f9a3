"""What the plugin costs a suite that does not use it: ``python -m benchmarks.collection``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measure import interleaved

UNRELATED = "import pytest\n@pytest.mark.parametrize('n', range(100))\ndef test_it(n): pass\n"

WITHOUT = ("-p", "no:vmsnapshot")
BARE = (*WITHOUT, "-p", "no:pytest_fakefs", "-p", "no:timeout")


def main() -> None:
    """Print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as directory:
        for index in range(5):
            Path(directory, f"test_{index}.py").write_text(UNRELATED)
        collect = partial(_collect, directory)
        medians = interleaved(
            {
                "without the plugin": lambda: collect(*WITHOUT),
                "with the plugin": collect,
                "without it and what it depends on": lambda: collect(*BARE),
            },
            rounds,
        )
    baseline = medians["without the plugin"]
    for name, median in medians.items():
        more = f"{median - baseline:+6.1f} ms"
        print(f"{name:<34} {median:7.1f} ms {more} {median / baseline:5.2f} x")
    print("the plugin itself must cost less than 20 ms")


def _collect(directory: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    subprocess.run(
        [*command, *arguments, directory], check=True, stdout=subprocess.DEVNULL, cwd=directory
    )


if __name__ == "__main__":
    main()
