"""The directory of the backup extension, as every VM has it."""

from __future__ import annotations

import os

from ..layout import EXTENSION_DIRECTORY, EXTENSION_FILES


def provide_extension(root: str) -> None:
    """Make the extension's directory and files below a root, where they are not there.

    Raises:
        OSError: they cannot be made.
    """
    os.makedirs(root + EXTENSION_DIRECTORY, mode=0o755, exist_ok=True)
    for path, (mode, text) in EXTENSION_FILES.items():
        if not os.path.lexists(root + path):
            os.makedirs(os.path.dirname(root + path), mode=0o755, exist_ok=True)
            with open(root + path, "xb") as file:  # no codec can be imported here
                file.write(text)
            os.chmod(root + path, mode)
