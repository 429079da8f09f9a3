"""Put back what a killed in-place run left: ``python -m pytest_vmsnapshot.guest.put_back``."""

from __future__ import annotations

import sys

from .journal import STORE, Journal, StoreTaken


def main() -> int:
    """Put everything back and say what was done.

    Returns:
        Exit status: 0 when nothing is left.
    """
    try:
        journal = Journal.resume()
        records = journal.left()
    except FileNotFoundError:
        print(f"nothing to do: there is no {STORE}")
        return 0
    except StoreTaken:
        print(f"{STORE} is in use by a run that is still going on; end that run")
        return 1
    except PermissionError:
        print(f"{STORE} belongs to root: run this as root")
        return 1
    failures = journal.put_back()
    for record in records:
        if record in journal.left():
            continue
        print(f"put back: {record.path}")
    for sentence in failures:
        print(f"could not be put back: {sentence}")
    journal.end()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
