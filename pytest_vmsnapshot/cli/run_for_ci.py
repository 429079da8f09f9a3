"""What a CI is told of one backup."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..backup import Backup
from ..ci import telling
from ..ci.annotation import of_tests
from ..ci.service import Service, repository
from ..records import BackupRecord, TestOutcome, TestRecord


def lines_for(
    service: Service, config: Path, backup: Backup, left: Sequence[str], *, wanted: bool
) -> Iterator[str]:
    """Lines for the output of a step; a page is put where the CI shows it.

    Args:
        service: who is told.
        config: the config it was taken with.
        backup: what was taken.
        left: what counts as a failure besides, each a sentence.
        wanted: whether all is as it was expected.
    """
    here = Path.cwd()
    run = TestRecord(
        test=f"vmsnapshot run {config}",
        path=str(config),
        line=0,
        outcome=TestOutcome.PASSED if wanted else TestOutcome.FAILED,
        message="\n".join(left) or ("" if wanted else "the backup is not what was expected"),
        duration=backup.real_duration,
        backups=(BackupRecord(1, backup),),
    ).short()
    annotations = of_tests([run], here, repository(service, os.environ, here))
    yield from telling.commands(service, annotations)
    page = telling.page_of_tests([run])
    if page is not None:
        yield from telling.publish(service, page, os.environ)
