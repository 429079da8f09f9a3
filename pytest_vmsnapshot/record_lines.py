"""The file of ``--vmsnapshot-jsonl``: a line of JSON for each test that used VMs."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path


def write(file: Path, records: Iterable[str]) -> int:
    """Write the file at once: whoever reads it finds all lines or none.

    Args:
        file: where to.
        records: what ``TestRecord.to_json`` gave, in order.

    Returns:
        How many lines it has.

    Raises:
        OSError: it cannot be written.
    """
    lines = [json.dumps(json.loads(record), separators=(",", ":")) for record in records]
    text = "".join(f"{line}\n" for line in lines)
    if file.exists() and not file.is_file():  # a pipe, or a terminal
        file.write_text(text, encoding="ascii")
        return len(lines)
    file = file.resolve()
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="ascii")
        os.replace(beside, file)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    return len(lines)
