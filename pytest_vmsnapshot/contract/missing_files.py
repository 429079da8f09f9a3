"""Files that scripts read and that lie on the real VM only: how an author gives them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ..backup import Backup
from ..script_run import ScriptRun
from .contract import Contract
from .settings import SETTINGS_FILE

_PATH = r"(?P<path>/[^\s:'\"]+)"
_FILE = re.compile(rf"(?m)(?:(?:cannot|can't) open|:) '?{_PATH}'?: No such file(?: or directory)?$")
_DIRECTORY = re.compile(rf"(?m)cd: (?:can't cd to )?{_PATH}(?:: No such file or directory)?$")
"""What shells and programs say of a file, and of a directory, that is not there."""


def missing_files(contract: Contract, backup: Backup) -> Iterator[str]:
    """What to do about files that the scripts of a backup said they did not find.

    Args:
        contract: whose scripts they are.
        backup: what they printed.
    """
    beside = {script.parent for script in contract.scripts.values()}
    found = [text for run in (backup.pre, backup.post) for text in _complaints(run)]
    places = dict.fromkeys(place["path"] for text in found for place in _DIRECTORY.finditer(text))
    files = dict.fromkeys(place["path"] for text in found for place in _FILE.finditer(text))
    for place in places:
        yield _LOOKED.format(place, "{}", "directories")
    for path in files:
        if path not in places:
            local = (place / posixpath.basename(path) for place in beside)
            name = next((file.name for file in local if file.is_file()), None)
            content = f'{{ source = "{name}" }}' if name else '"its content"'
            yield _LOOKED.format(path, content, "files")


def _complaints(run: ScriptRun | None) -> Iterator[str]:
    if run is not None and run.exit_status != 0:
        yield run.stderr


_LOOKED = (
    "a script looked for {0}, which the VM of a gate has not: write "
    f'"{{0}}" = {{1}} under [{{2}}] in {SETTINGS_FILE}'
)
