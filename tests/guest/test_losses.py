"""What a crash leaves of a file: every outcome is one a disk can have, and a seed decides."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.guest.losses import (
    PAGE,
    Damage,
    Dice,
    Synced,
    Unsynced,
    damaged,
    lose,
)

SEEDS = [str(number) for number in range(200)]

CONTENT = st.builds(
    lambda letters, last: b"".join(bytes([letter]) * PAGE for letter in letters) + last,
    st.lists(st.integers(1, 255), max_size=6),
    st.binary(max_size=PAGE - 1),
)
"""Content of some pages, of which the last may be half."""


def found(synced: Synced | None, *, named: bool = True) -> Unsynced:
    return Unsynced("root/f", "/f", (1, 1), synced, named)


def outcomes(
    new: bytes, synced: Synced | None, *, named: bool = True
) -> dict[str, tuple[bytes | None, str]]:
    """What becomes of a content, for each seed."""
    made = {}
    for seed in SEEDS:
        damage = damaged(Dice(seed), len(new), new, found(synced, named=named))
        assert damage is not None
        made[seed] = (None if damage.size is None else damage.of(new), damage.text)
    return made


def pages(content: bytes) -> list[bytes]:
    return [content[at : at + PAGE] for at in range(0, len(content), PAGE)]


# -- never synced -------------------------------------------------------------------------------


def test_a_short_new_file_is_empty_or_not_there() -> None:
    assert set(outcomes(b"x\n", None, named=False).values()) == {
        (None, "it was never synced, and is not there"),
        (b"", "it was never synced, and is empty"),
    }


def test_a_name_that_is_certain_stays() -> None:
    assert set(outcomes(b"x\n", None).values()) == {(b"", "it was never synced, and is empty")}


def test_an_empty_file_has_nothing_to_lose_but_its_name() -> None:
    assert damaged(Dice("1"), 0, None, found(None)) is None
    assert damaged(Dice("1"), 0, None, found(None, named=False)) == Damage(
        "it was never synced, and is not there", None
    )


@given(new=CONTENT, seed=st.text(max_size=5), named=st.booleans())
def test_what_is_left_of_a_new_file_was_written_or_is_a_hole(
    new: bytes, seed: str, named: bool
) -> None:
    damage = damaged(Dice(seed), len(new), None, found(None, named=named))
    if damage is None:
        assert not new
        assert named
        return
    if damage.size is None:
        assert not named
        return
    left = damage.of(new)
    assert left != new
    assert len(left) % PAGE == 0 or len(left) == len(new)
    for now, written in zip(pages(left), pages(new), strict=False):
        assert now in (written, bytes(len(written)))
    if left:
        assert left[-1:] == new[len(left) - 1 : len(left)], "the last page was written"


def test_every_way_to_tear_a_new_file() -> None:
    new = b"a" * PAGE + b"b" * PAGE + b"c"
    hole = bytes(PAGE)
    left = {content for content, _ in outcomes(new, None).values()}
    assert left == {
        b"",
        new[:PAGE],
        new[: 2 * PAGE],
        hole + new[PAGE : 2 * PAGE],
        hole + new[PAGE:],
        new[:PAGE] + hole + b"c",
        2 * hole + b"c",
    }


# -- written to since it was synced -------------------------------------------------------------


def test_what_was_appended_is_cut_off() -> None:
    made = outcomes(b"synced, and more", Synced(6, b"synced"))
    assert set(made.values()) == {
        (b"synced", "1 of 1 page written since its last sync is not there")
    }


def test_a_long_file_can_lose_what_was_appended_only() -> None:
    size = 3 * PAGE + 10
    assert damaged(Dice("1"), size, None, found(Synced(size, None))) is None
    for seed in SEEDS:
        damage = damaged(Dice(seed), size, None, found(Synced(100, None)))
        assert damage is not None
        assert damage.size is not None
        assert 100 <= damage.size <= size
        assert all(100 <= start < end < damage.size for start, end in damage.zeros)
        assert not damage.puts


@given(old=CONTENT, new=CONTENT, seed=st.text(max_size=5))
def test_each_page_is_old_or_new_or_a_hole(old: bytes, new: bytes, seed: str) -> None:
    damage = damaged(Dice(seed), len(new), new, found(Synced(len(old), old)))
    if damage is None:
        assert old == new
        return
    left = damage.of(new)
    assert left != new
    assert min(len(old), len(new)) <= len(left) <= max(len(old), len(new))
    for at in range(0, len(left), PAGE):
        end = min(at + PAGE, len(left))
        common = min(max(at, min(len(old), len(new))), end)
        assert left[at:common] in (old[at:common], new[at:common])
        rest = left[common:end]
        assert rest in (new[common:end], old[common:end], bytes(end - common))


def test_overwritten_pages_come_back_some_or_all() -> None:
    old, new = b"a" * PAGE * 3, b"a" * PAGE + b"b" * PAGE * 2
    made = set(outcomes(new, Synced(len(old), old)).values())
    assert made == {
        (b"a" * PAGE * 2 + b"b" * PAGE, "1 of 2 pages written since its last sync is not there"),
        (
            b"a" * PAGE + b"b" * PAGE + b"a" * PAGE,
            "1 of 2 pages written since its last sync is not there",
        ),
        (old, "2 of 2 pages written since its last sync are not there"),
    }


def test_a_file_that_was_replaced_is_the_old_one_and_no_mixture() -> None:
    old, new = b"a" * PAGE * 2, b"b" * PAGE * 3
    made = outcomes(new, Synced(len(old), old, whole=True))
    assert set(made.values()) == {
        (old, "it was replaced or emptied since its last sync, and is as it was then")
    }
    assert damaged(Dice("1"), 3, b"new", found(Synced(3, b"new", whole=True))) is None
    assert damaged(Dice("1"), 3, b"new", found(Synced(9, None, whole=True))) is None


def test_unchanged_content_loses_nothing() -> None:
    assert damaged(Dice("1"), 5, b"whole", found(Synced(5, b"whole"))) is None


# -- the seed -----------------------------------------------------------------------------------


@given(seed=st.text(max_size=20), limits=st.lists(st.integers(1, 1000), max_size=20))
def test_a_seed_decides_the_same_always(seed: str, limits: list[int]) -> None:
    first, second = Dice(seed), Dice(seed)
    drawn = [first.below(limit) for limit in limits]
    assert drawn == [second.below(limit) for limit in limits]
    assert all(0 <= number < limit for number, limit in zip(drawn, limits, strict=True))


def test_numbers_stay_the_same_in_every_release() -> None:
    """A seed that a report has shown must lose the same next year."""
    dice = Dice("1 1 /srv/app.db")
    assert [dice.below(1000) for _ in range(8)] == [751, 326, 935, 614, 841, 951, 378, 58]


def test_seeds_next_to_each_other_differ() -> None:
    drawn = {tuple(Dice(seed).below(6) for _ in range(1)) for seed in SEEDS}
    assert len(drawn) == 6


@given(count=st.integers(1, 20), seed=st.text(max_size=5))
def test_some_is_at_least_one(count: int, seed: str) -> None:
    chosen = Dice(seed).some(count)
    assert chosen
    assert chosen == sorted(set(chosen))
    assert set(chosen) <= set(range(count))


# -- done to a copy -----------------------------------------------------------------------------


def test_another_recovery_point_that_shares_a_file_is_not_touched(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for point in (first, second):
        (point / "root").mkdir(parents=True)
    (first / "root/f").write_bytes(b"synced, and more")
    os.link(first / "root/f", second / "root/f")
    os.link(first / "root/f", second / "root/g")
    facts = os.stat(first / "root/f")
    synced = Synced(6, b"synced")
    names = [
        Unsynced("root/g", "/g", (1, 1), synced, named=True),
        Unsynced("root/f", "/f", (1, 1), synced, named=True),
    ]
    told = lose(str(second), names, "1 2")
    assert told == ["/f: 1 of 1 page written since its last sync is not there"]
    assert (first / "root/f").read_bytes() == b"synced, and more"
    assert (second / "root/f").read_bytes() == b"synced"
    assert os.path.samefile(second / "root/f", second / "root/g")
    now = os.stat(second / "root/f")
    assert (now.st_mode, now.st_mtime_ns) == (facts.st_mode, facts.st_mtime_ns)
    assert sorted(os.listdir(second / "root")) == ["f", "g"]
    assert os.listdir(second) == ["root"]


def test_a_file_of_its_own_is_damaged_in_place(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    file = tmp_path / "root/f"
    file.write_bytes(b"a" * PAGE + b"b" * PAGE)
    inode, before = os.stat(file).st_ino, os.stat(tmp_path / "root").st_mtime_ns
    old = b"c" * PAGE + b"d" * PAGE
    assert lose(str(tmp_path), [found(Synced(2 * PAGE, old))], "1")
    either = (b"a" * PAGE, old[:PAGE]), (b"b" * PAGE, old[PAGE:])
    assert tuple(pages(file.read_bytes())) in set(itertools.product(*either))
    assert os.stat(file).st_ino == inode
    assert os.stat(tmp_path / "root").st_mtime_ns == before


def test_all_names_of_a_file_go(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    names = [Unsynced(f"root/{name}", f"/{name}", (1, 1), None, named=False) for name in "fg"]
    (tmp_path / "root/f").write_bytes(b"")
    os.link(tmp_path / "root/f", tmp_path / "root/g")
    assert lose(str(tmp_path), names, "1") == ["/f: it was never synced, and is not there"]
    assert os.listdir(tmp_path / "root") == []


def test_what_is_not_in_the_copy_is_passed_over(tmp_path: Path) -> None:
    assert lose(str(tmp_path), [found(None)], "1") == []


@pytest.mark.parametrize("seed", SEEDS[:20])
def test_damage_on_disk_is_what_it_says(tmp_path: Path, seed: str) -> None:
    (tmp_path / "root").mkdir()
    new = b"".join(bytes([65 + number]) * PAGE for number in range(5)) + b"end"
    (tmp_path / "root/f").write_bytes(new)
    file = found(Synced(PAGE + 7, b"-" * (PAGE + 7)))
    damage = damaged(Dice(f"{seed} /f"), len(new), new, file)
    assert damage is not None
    assert lose(str(tmp_path), [file], seed) == [f"/f: {damage.text}"]
    assert (tmp_path / "root/f").read_bytes() == damage.of(new)
