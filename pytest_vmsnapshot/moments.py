"""Moments of a backup at which a test can look into the VM, or do something there."""

from __future__ import annotations

import enum


class Moment(enum.Enum):
    """A moment of a backup, in the order they come in. One that is not reached is left out."""

    BEFORE_PRE = "before_pre"
    AFTER_PRE = "after_pre"
    FROZEN = "frozen"
    BEFORE_SNAPSHOT = "before_snapshot"
    AFTER_SNAPSHOT = "after_snapshot"
    THAWED = "thawed"
    BEFORE_POST = "before_post"
    AFTER_POST = "after_post"


NAMES = tuple(moment.value for moment in Moment)
"""All names, in order."""
