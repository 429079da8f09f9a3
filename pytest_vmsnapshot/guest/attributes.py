"""Extended attributes of files, and copying them."""

from __future__ import annotations

import errno
import os

_REFUSED_ATTRIBUTES = (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.EINVAL)
"""Such as of security.*, which the kernel sets itself."""


def copy_attributes(source: int | str, target: int | str) -> bool:
    """Copy extended attributes, as far as the kernel allows; those of links, not of their targets.

    Args:
        source: descriptor or path.
        target: descriptor or path.

    Returns:
        Whether there are any.

    Raises:
        OSError: there is no room for them.
    """
    names = names_of(source)
    for name in names:
        try:
            if isinstance(source, int):
                os.setxattr(target, name, os.getxattr(source, name))
            else:
                value = os.getxattr(source, name, follow_symlinks=False)
                os.setxattr(target, name, value, follow_symlinks=False)
        except OSError as refused:
            if refused.errno not in _REFUSED_ATTRIBUTES:
                raise
    return bool(names)


def names_of(file: int | str) -> list[str]:
    """Names of the attributes of a file; of a link itself if it is given by path."""
    try:
        return os.listxattr(file, follow_symlinks=isinstance(file, int))
    except OSError:
        return []


def attributes_of(file: int) -> dict[str, bytes]:
    """All attributes of an open file."""
    return {name: os.getxattr(file, name) for name in names_of(file)}
