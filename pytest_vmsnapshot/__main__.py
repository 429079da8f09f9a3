"""``python -m pytest_vmsnapshot``: the command line."""

from __future__ import annotations

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main(program="python -m pytest_vmsnapshot"))
