"""The JSON Schema of records is what the dataclasses say.

``python -m tests.core.test_record_schema`` writes it, ``python -m tests.reference`` then its page.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft7Validator

from pytest_vmsnapshot.backup import Backup
from pytest_vmsnapshot.record_schema import SCHEMA, schema
from pytest_vmsnapshot.records import BackupRecord, FileText, TestOutcome, TestRecord


def written() -> str:
    return json.dumps(schema(), indent=1) + "\n"


def test_the_schema_is_up_to_date() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == written()


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(schema())


def record_of(backup: Backup) -> TestRecord:
    files = (FileText("/opt/pre.sh", "#!/bin/sh\n"),)
    backups = (BackupRecord(1, backup, files[0], files),)
    return TestRecord("a.py::b", "a.py", 3, TestOutcome.PASSED, "", 0.5, backups, worker="gw0")


def test_a_record_is_valid(good: Backup, failed: Backup, late: Backup) -> None:
    validator = Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    for backup in (good, failed, late):
        validator.validate(json.loads(record_of(backup).to_json()))


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("outcome",), "fine"),
        (("format",), 0),
        (("line",), "3"),
        (("backups", 0, "backup", "status"), "good"),
        (("backups", 0, "backup", "pre", "attempts"), None),
        (("backups", 0, "backup", "events", 0, "at"), "now"),
        (("backups", 0, "config", "text"), None),
    ],
)
def test_a_record_that_is_not(good: Backup, way: tuple[str | int, ...], value: Any) -> None:
    validator = Draft7Validator(schema())
    record = json.loads(record_of(good).to_json())
    inner = record
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = value
    assert not validator.is_valid(record)
    del inner[way[-1]]
    assert not validator.is_valid(record)


def test_every_description_is_plain() -> None:
    texts = re.findall(r'"description": "(.*)"', written())
    assert [text for text in texts if not text or text.endswith(".")] == []


if __name__ == "__main__":
    SCHEMA.write_text(written(), encoding="utf-8")
