"""What a crash leaves of files that were never synced: decided by a seed, and done to a copy."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .tally import Tally
from .trees import copy_file

CONTENT_LIMIT = 1024 * 1024
"""Bytes: of files up to here what was overwritten can be lost, of others what was appended."""

PAGE = 4096
"""Bytes: what a disk has of a file, it has by pages."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What of a file is on the disk.

    Args:
        size: in bytes.
        content: None where it is not known.
        whole: whether another file has taken its place, or it was emptied, since then: then a
            crash leaves the one or the other, and no mixture.
    """

    size: int
    content: bytes | None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Unsynced:
    """A file that a crash could damage.

    Args:
        place: in the copy, below its top.
        path: on the VM.
        key: the same for all names of one file.
        synced: what of it is on the disk; None if nothing is.
        named: whether its name is.
    """

    place: str
    path: str
    key: tuple[int, int]
    synced: Synced | None
    named: bool


@dataclass(frozen=True, slots=True)
class Damage:
    """What is lost of one file.

    Args:
        text: that, as the end of a sentence.
        size: bytes that are left; None where the file itself is gone.
        puts: what lies at which offset instead.
        zeros: ranges that read as zeros, each a start and an end.
    """

    text: str
    size: int | None
    puts: tuple[tuple[int, bytes], ...] = ()
    zeros: tuple[tuple[int, int], ...] = ()

    def of(self, content: bytes) -> bytes:
        """What it makes of a content."""
        made = bytearray(content[: self.size].ljust(self.size or 0, b"\0"))
        for start, end in self.zeros:
            made[start:end] = bytes(end - start)
        for offset, data in self.puts:
            made[offset : offset + len(data)] = data
        return bytes(made)


class Dice:
    """Numbers that a seed decides, the same everywhere (SplitMix64).

    Args:
        seed: any text.
    """

    def __init__(self, seed: str) -> None:
        self._state = 0xCBF29CE484222325
        for byte in seed.encode("utf-8", "surrogateescape"):  # FNV-1a
            self._state = (self._state ^ byte) * 0x100000001B3 & _WORD

    def below(self, limit: int) -> int:
        """A number from 0 up, below a limit."""
        self._state = self._state + 0x9E3779B97F4A7C15 & _WORD
        word = self._state
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & _WORD
        word = (word ^ word >> 27) * 0x94D049BB133111EB & _WORD
        return (word ^ word >> 31) % limit

    def some(self, count: int) -> list[int]:
        """One or more of so many, in order."""
        sure = self.below(count)
        return [index for index in range(count) if index == sure or self.below(2)]


_WORD = (1 << 64) - 1


def lose(top: str, unsynced: Iterable[Unsynced], seed: str) -> list[str]:
    """Damage a copy as a crash would have done.

    Args:
        top: of the copy.
        unsynced: what could be damaged; what is not in the copy is passed over.
        seed: decides what is lost of each file.

    Returns:
        A sentence for each file that was damaged, by path.

    Raises:
        OSError: no space, for instance.
    """
    files: dict[tuple[int, int], list[Unsynced]] = {}
    for found in unsynced:
        if os.path.lexists(f"{top}/{found.place}"):
            files.setdefault(found.key, []).append(found)
    told = []
    for names in files.values():
        names.sort(key=lambda name: name.path)
        first = names[0]
        place = f"{top}/{first.place}"
        damage = damaged(Dice(f"{seed} {first.path}"), *_present(place, first), first)
        if damage is not None:
            _apply(damage, top, [f"{top}/{name.place}" for name in names])
            told.append(f"{first.path}: {damage.text}")
    return sorted(told)


def _present(place: str, found: Unsynced) -> tuple[int, bytes | None]:
    """Size and, where it is wanted, content of a copied file."""
    size = os.lstat(place).st_size
    if found.synced is None or found.synced.content is None or size > CONTENT_LIMIT:
        return size, None
    with open(place, "rb", buffering=0) as file:
        return size, file.read(CONTENT_LIMIT)


def damaged(dice: Dice, size: int, content: bytes | None, found: Unsynced) -> Damage | None:
    """What is lost of a file; None where all of it is on the disk.

    Args:
        dice: decides.
        size: of the file, in bytes.
        content: of the file, where it counts.
        found: what is known of it.
    """
    synced = found.synced
    if synced is None:
        return _of_new(dice, size, named=found.named)
    if synced.whole:
        if synced.content is None or synced.content == content:
            return None
        text = "it was replaced or emptied since its last sync, and is as it was then"
        return Damage(text, synced.size, ((0, synced.content),))
    return _of_changed(dice, size, content, synced)


def _of_new(dice: Dice, size: int, *, named: bool) -> Damage | None:
    """What is lost of a file of which nothing was ever synced."""
    pages = _pages(0, size)
    fates = [] if named else [0]
    fates += [1] if pages else []
    fates += [2] if len(pages) > 1 else []
    if not fates:
        return None
    fate = fates[dice.below(len(fates))]
    if fate == 0:
        return Damage("it was never synced, and is not there", None)
    if fate == 1:
        return Damage("it was never synced, and is empty", 0)
    left, zeros, lost = _torn(dice, 0, pages)
    text = f"it was never synced, and {lost} of its {len(pages)} pages are not there"
    return Damage(text, left, zeros=zeros)


def _of_changed(dice: Dice, size: int, content: bytes | None, synced: Synced) -> Damage | None:
    """What is lost of a file that was written to since it was synced."""
    old = synced.content
    appended = _pages(synced.size, size)
    changed: list[tuple[int, int]] = []
    cut_off: list[tuple[int, int]] = []
    if old is not None and content is not None:
        common = _pages(0, min(size, synced.size))
        changed = [(start, end) for start, end in common if old[start:end] != content[start:end]]
        cut_off = _pages(size, synced.size)
    kinds = [kind for kind in (appended, changed, cut_off) if kind]
    if not kinds:
        return None
    hit = [kinds[index] for index in dice.some(len(kinds))]
    left, lost = size, 0
    zeros: tuple[tuple[int, int], ...] = ()
    puts: list[tuple[int, bytes]] = []
    if appended in hit:
        left, zeros, lost = _torn(dice, synced.size, appended)
    if old is not None and changed in hit:
        back = [changed[index] for index in dice.some(len(changed))]
        puts = [(start, old[start:end]) for start, end in back]
        lost += len(back)
    if old is not None and cut_off in hit:
        left = synced.size
        puts.append((size, old[size:]))
        lost += len(cut_off)
    count = sum(len(kind) for kind in kinds)
    pages = "page" if count == 1 else "pages"
    text = f"{lost} of {count} {pages} written since its last sync"
    return Damage(f"{text} {'is' if lost == 1 else 'are'} not there", left, tuple(puts), zeros)


def _torn(
    dice: Dice, start: int, pages: Sequence[tuple[int, int]]
) -> tuple[int, tuple[tuple[int, int], ...], int]:
    """Cut off what lies from a start on, or leave holes in it.

    The last page that is left was written, or the file would not be as long.

    Returns:
        The size that is left, the holes, and how many pages are lost.
    """
    kept = dice.below(len(pages) + (len(pages) > 1))
    holes = [page for page in pages[: max(0, kept - 1)] if dice.below(2)]
    if kept == len(pages) and not holes:
        holes = [pages[dice.below(kept - 1)]]
    left = pages[kept - 1][1] if kept else start
    return left, tuple(holes), len(pages) - kept + len(holes)


def _pages(start: int, end: int) -> list[tuple[int, int]]:
    """The pages of a range, or the parts of them that are in it."""
    bounds = [start, *range(start // PAGE * PAGE + PAGE, end, PAGE), end]
    return list(itertools.pairwise(bounds)) if start < end else []


def _apply(damage: Damage, top: str, names: Sequence[str]) -> None:
    """Do it to a file of the copy, which another recovery point may share."""
    directories = {directory: os.stat(directory) for directory in map(os.path.dirname, names)}
    if damage.size is None:
        for name in names:
            os.unlink(name)
    else:
        facts = os.lstat(names[0])
        if facts.st_nlink != len(names):
            _make_own(top, names)
        with open(names[0], "r+b", buffering=0) as file:
            file.truncate(damage.size)
            for start, end in damage.zeros:
                os.pwrite(file.fileno(), bytes(end - start), start)
            for offset, data in damage.puts:
                os.pwrite(file.fileno(), data, offset)
        os.utime(names[0], ns=(facts.st_atime_ns, facts.st_mtime_ns))
    for directory, before in directories.items():
        os.utime(directory, ns=(before.st_atime_ns, before.st_mtime_ns))


def _make_own(top: str, names: Sequence[str]) -> None:
    """Let names lead to a file that nobody else shares."""
    draft = f"{top}/.own"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft)
    copy_file(names[0], draft, Tally())
    for name in names[1:]:
        os.unlink(name)
        os.link(draft, name)
    os.rename(draft, names[0])
