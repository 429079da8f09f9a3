"""Which file systems are frozen, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.engine.mounts import left_as_they_are, to_freeze
from pytest_vmsnapshot.engine.rules import DOCUMENTED, SHIPPED, RuleSet
from pytest_vmsnapshot.engine.vm_facts import MOUNTS, Mount
from pytest_vmsnapshot.frozen_mounts import FrozenMounts

ROOT = Mount("sda1", "part", "ext4", "/")


def at(place: str, fstype: str = "ext4", kind: str = "part") -> Mount:
    return Mount("sdc1", kind, fstype, place)


@pytest.fixture(params=[DOCUMENTED, SHIPPED], ids=lambda rules: rules.name)
def rules(request: pytest.FixtureRequest) -> RuleSet:
    """Both rule sets: the documentation says nothing of this."""
    found: RuleSet = request.param
    return found


def test_usual(rules: RuleSet) -> None:
    assert to_freeze(MOUNTS, (), rules) == ("/data", "/")


ORDERS: list[tuple[Sequence[Mount], tuple[str, ...]]] = [
    ([], ()),
    ([ROOT], ("/",)),
    ([ROOT, at("/a"), at("/b"), at("/b/c")], ("/b/c", "/b", "/a", "/")),
    ([at("/a"), ROOT, at("/b")], ("/b", "/a", "/")),
    ([at("/a"), at("/b"), ROOT], ("/b", "/a", "/")),
    ([ROOT, at("/a"), at("/b"), at("/a")], ("/a", "/b", "/")),
    ([ROOT, ROOT], ("/",)),
]


@pytest.mark.parametrize(("mounts", "expected"), ORDERS)
def test_the_last_mounted_first_and_the_root_last(
    mounts: Sequence[Mount], expected: tuple[str, ...], rules: RuleSet
) -> None:
    assert to_freeze(mounts, (), rules) == expected


@pytest.mark.parametrize("fstype", ["ext3", "ext4", "xfs", "btrfs"])
def test_types_that_are_frozen(fstype: str, rules: RuleSet) -> None:
    assert to_freeze([at("/a", fstype)], (), rules) == ("/a",)


@pytest.mark.parametrize(
    "fstype", ["ext2", "vfat", "tmpfs", "nfs4", "cifs", "overlay", "iso9660", "EXT4", ""]
)
def test_types_that_are_not(fstype: str, rules: RuleSet) -> None:
    assert to_freeze([ROOT, at("/a", fstype)], (), rules) == ("/",)


@pytest.mark.parametrize(
    ("kind", "expected"), [("part", ("/a",)), ("lvm", ("/a",)), ("crypt", ("/a",)), ("loop", ())]
)
def test_loop_devices_are_not(kind: str, expected: tuple[str, ...], rules: RuleSet) -> None:
    assert to_freeze([at("/a", kind=kind)], (), rules) == expected


@pytest.mark.parametrize(
    ("skipped", "expected"),
    [
        (("/a",), ("/b", "/")),
        (("/",), ("/b", "/a")),
        (("/a", "/b", "/"), ()),
        (("/a/", "/nowhere"), ("/b", "/a", "/")),
    ],
)
def test_what_the_owner_excludes(
    skipped: Sequence[str], expected: tuple[str, ...], rules: RuleSet
) -> None:
    assert to_freeze([ROOT, at("/a"), at("/b")], skipped, rules) == expected


PLACES = st.sampled_from(["/", "/a", "/b", "/a/c", "/d"])
MOUNT_LISTS = st.lists(
    st.builds(
        Mount,
        st.just("sda1"),
        st.sampled_from(["part", "lvm", "loop", "rom"]),
        st.sampled_from(["ext3", "ext4", "xfs", "btrfs", "vfat", "tmpfs"]),
        PLACES,
    )
)


@given(MOUNT_LISTS, st.sets(PLACES))
def test_each_place_once_and_the_root_last(mounts: list[Mount], skipped: set[str]) -> None:
    found = to_freeze(mounts, skipped, SHIPPED)
    assert len(set(found)) == len(found)
    assert skipped.isdisjoint(found)
    assert "/" not in found[:-1]
    assert set(found) <= {mount.place for mount in mounts}


def test_what_is_left_as_it_is(rules: RuleSet) -> None:
    mounts = [ROOT, at("/a"), at("/b", kind="loop"), at("/c", "nfs"), at("/d"), at("/d")]
    frozen = to_freeze(mounts, ("/d",), rules)
    assert frozen == ("/a", "/")
    assert left_as_they_are(mounts, frozen, rules) == ("/b", "/d")
    assert left_as_they_are(mounts, to_freeze(mounts, (), rules), rules) == ("/b",)


HELD = {
    "/": True,
    "/x": True,
    "/data": False,
    "/data/x": False,
    "/database": True,
    "/data/inner": True,
    "/data/inner/x": True,
    "/data/inner2": False,
}


@pytest.mark.parametrize("path", HELD)
def test_what_a_freeze_covers(path: str) -> None:
    frozen = FrozenMounts(("/data/inner", "/"), ("/data",))
    assert frozen.holds(path) is HELD[path]
    assert not FrozenMounts().holds(path)
    assert FrozenMounts(("/data",), ()).holds(path)
