"""What a page of many backups weighs, and how long it takes: ``python -m benchmarks.report``.

Needs chromium. Prints for pages of 0, 10, 100 and 1,000 backups: seconds to make it, its size, and
what the page itself has measured, medians of several rounds; and the ratio to an empty page.
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
import tempfile
import time
from pathlib import Path

from pytest_vmsnapshot.backup import Consistency, Event, EventKind, Status, Step
from pytest_vmsnapshot.catalogue import PRE_TIMEOUT, NamedError
from pytest_vmsnapshot.picture import page
from pytest_vmsnapshot.records import FileText, TestOutcome, TestRecord
from tests.picture.browser import MISSING, Browser, is_installed
from tests.picture.made import EVENTS, attempt, backup, call, printing, record, run

COUNTS = (0, 10, 100, 1000)

MEASURED = """
new Promise((done) => setTimeout(() => {
  const [loading] = performance.getEntriesByType("navigation");
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  done([paint.startTime, loading.domContentLoadedEventEnd, loading.loadEventEnd]);
}, 200))
"""


def records(count: int) -> list[TestRecord]:
    """Tests with a backup each, of five kinds; every tenth has a script of its own.

    Args:
        count: how many.
    """
    waiting = Event(30.0, Step.PRE_SCRIPT, "waiting in: sleep 40", EventKind.WAIT)
    stopped = attempt(0.002, 30.0, None, timed_out=True, stopped_processes=2)
    calls = [call(0.003 + n / 2000, 0.0031 + n / 2000, f"appctl step {n} → 0") for n in range(6)]
    slow = backup(
        events=[*EVENTS, waiting],
        pre=run(attempt(0.0, 0.001, 1), stopped),
        consistency=Consistency.FILE_SYSTEM,
        status=Status.COMPLETED_WITH_WARNINGS,
        errors=(NamedError(PRE_TIMEOUT, "/opt/pre.sh was stopped at its limit of 30 s"),),
        duration=30.1,
    )
    kinds = (
        backup(),
        slow,
        backup(events=[*EVENTS, *calls]),
        printing("one line of output\n" * 40),
        backup(rules="shipped", duration=17.0),
    )
    made = []
    for n in range(count):
        text = "#!/bin/sh\nset -eu\n" + "appctl pause --wait\n" * 10 + f"# {n // 10}\n"
        script = FileText("/opt/pre.sh", text, "deploy/pre.sh")
        outcome = TestOutcome.FAILED if n % 20 == 1 else TestOutcome.PASSED
        name = f"tests/test_orders.py::test_number[{n}]"
        one = record(kinds[n % len(kinds)], test=name, outcome=outcome, scripts=(script,))
        made.append(dataclasses.replace(one, line=n + 1))
    return made


def main() -> None:
    """Print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    if not is_installed():
        sys.exit(MISSING)
    with tempfile.TemporaryDirectory() as place:
        home = Path(place, "home")
        home.mkdir()
        files = {}
        print("backups    made in       size  first paint    content       load  ratio of content")
        with Browser(home) as browser:
            times: dict[int, list[list[float]]] = {count: [] for count in COUNTS}
            made_in = {}
            for count in COUNTS:
                started = time.perf_counter()
                text = page(records(count), "Backups of a benchmark")
                made_in[count] = time.perf_counter() - started
                files[count] = Path(place, f"{count}.html")
                files[count].write_text(text, encoding="utf-8")
            for _ in range(rounds):
                for count in COUNTS:
                    with browser.open(files[count]) as shown:
                        times[count].append(shown.js(MEASURED))
            for count in COUNTS:
                size = files[count].stat().st_size / 1024
                paint, content, load = (
                    statistics.median(t) for t in zip(*times[count], strict=True)
                )
                empty = statistics.median(t[1] for t in times[0])
                print(
                    f"{count:7} {made_in[count]:8.2f} s {size:7.0f} KiB {paint:9.0f} ms "
                    f"{content:7.0f} ms {load:7.0f} ms {content / empty:8.1f} x"
                )
    print("content: until the whole page is there and answers; it must be below 1000 ms for 1000")


if __name__ == "__main__":
    main()
