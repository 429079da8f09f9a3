"""Which of a VM's file systems a freeze covers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FrozenMounts:
    """What is frozen, and what is not. By default that is all.

    Args:
        mounts: where the frozen file systems are mounted.
        others: where those are mounted that lie on a disk and are not frozen.
    """

    mounts: tuple[str, ...] = ()
    others: tuple[str, ...] = ("/",)

    def holds(self, path: str) -> bool:
        """Whether what lies at a path is frozen; so is what lies on no mount we know of.

        Args:
            path: absolute, without links.
        """
        if not self.others:
            return True
        above = [place for place in (*self.mounts, *self.others) if _is_below(path, place)]
        return not above or max(above, key=len) in self.mounts


@dataclass(frozen=True, slots=True)
class Crash:
    """What a crash is to take from a copy.

    Args:
        seed: decides what is lost; any text.
        frozen: what it covers is spared.
    """

    seed: str
    frozen: FrozenMounts


def _is_below(path: str, place: str) -> bool:
    return f"{path}/".startswith(place if place.endswith("/") else f"{place}/")
