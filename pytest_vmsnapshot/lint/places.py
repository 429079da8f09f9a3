"""Paths of findings as others want them: relative to the root of the repository."""

from __future__ import annotations

import os
from pathlib import Path


def relative(path: Path, root: Path) -> str:
    """A path with slashes, relative to a root if it lies below it.

    Args:
        path: of a file; if it is relative, it is so to the working directory.
        root: of the repository.
    """
    absolute, top = Path(os.path.abspath(path)), Path(os.path.abspath(root))
    if absolute.is_relative_to(top):
        return absolute.relative_to(top).as_posix()
    return path.as_posix()
