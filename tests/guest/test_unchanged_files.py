"""Recovery points share the files that did not change, and are exact all the same."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vmsnapshot import syscalls
from pytest_vmsnapshot.guest.halves import HelperFailed, both
from pytest_vmsnapshot.guest.instant import Instant, Reads
from pytest_vmsnapshot.guest.layer import Layer
from pytest_vmsnapshot.guest.lower_files import LowerFiles
from pytest_vmsnapshot.guest.tally import Tally
from pytest_vmsnapshot.guest.trees import copy_tree

from .private_place import run_in

NEVER, ALWAYS = 0, 1 << 62
"""Moments since which all files are recent, or none."""


class NoVolumes:
    def copy(self, point: str, tally: Tally) -> None:
        pass

    def mounted(self) -> tuple[str, ...]:
        return ()


class Disk:
    """A layer on a directory of the machine, and what is seen around it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.instant = Instant(Reads.EACH, ALWAYS)
        for name in ("disk", "disk/root", "disk/upper", "points"):
            (place / name).mkdir()
        points = f"{place}/points"
        self.layer = Layer(
            f"{place}/disk",
            points,
            frozenset(),
            NoVolumes(),
            LowerFiles({}),
            look=lambda: self.instant,
        )
        (place / "disk/root/data").mkdir()

    @property
    def data(self) -> Path:
        return self.place / "disk/root/data"

    def copied(self, name: str) -> Tally:
        tally = self.layer.copy(name, None)
        self.layer.complete()
        return tally

    def point(self, name: str) -> Path:
        return self.place / f"points/{name}/root/data"


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.chdir(tmp_path)  # a layer changes to the root directory, as an agent may
    return Disk(tmp_path)


def entry(path: Path) -> dict[str, object]:
    """All facts of a file that a copy must have, but for the names it shares."""
    facts = path.lstat()
    found: dict[str, object] = {
        "mode": facts.st_mode,
        "owner": (facts.st_uid, facts.st_gid),
        "modified": facts.st_mtime_ns,
        "device": facts.st_rdev,
        "attributes": {
            name: os.getxattr(path, name, follow_symlinks=False)
            for name in os.listxattr(path, follow_symlinks=False)
        },
    }
    if stat.S_ISREG(facts.st_mode):
        found["content"] = path.read_bytes()
    elif stat.S_ISLNK(facts.st_mode):
        found["target"] = os.readlink(path)
    return found


def exactly(top: Path) -> dict[str, object]:
    """A tree with all that a copy must keep, which names are one file included."""
    found: dict[str, object] = {".": entry(top)}
    names: dict[int, list[str]] = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        found[name] = entry(path)
        if not path.is_dir():
            names.setdefault(path.lstat().st_ino, []).append(name)
    found["names"] = sorted(names.values())
    return found


# -- any tree, any change ------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c", "d"])
PATHS = st.sampled_from(
    [
        "a",
        "b",
        "c",
        "one/a",
        "one/b",
        "one/c",
        "one/two/a",
        "one/two/b",
        "one",
        "one/two",
        "d",
        "d/a",
    ]
)
CONTENTS = st.binary(max_size=40)


OPENING = frozenset({"append", "hide", "large", "read", "write"})


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a tree; where it makes no sense, it does nothing."""

    kind: str
    path: str
    other: str
    content: bytes

    def make(self, top: Path) -> None:
        path, other = top / self.path, top / self.other
        if self.kind in OPENING and path.exists() and not path.is_file():
            return  # a FIFO would wait for its other end
        with contextlib.suppress(OSError, shutil.Error):
            CHANGES[self.kind](path, other, self.content)


def _replace(path: Path, _: Path, content: bytes) -> None:
    new = path.with_name("new")
    new.write_bytes(content)
    new.rename(path)


def _remove(path: Path, _: Path, __: bytes) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _append(path: Path, _: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def _hide(path: Path, _: Path, content: bytes) -> None:
    """Change content without a trace in size or time of modification."""
    facts = path.stat()
    with path.open("r+b") as file:
        file.write(content[: facts.st_size])
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _large(path: Path, _: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.truncate(600_000)
        file.seek(300_000)
        file.write(content)


def _owner(path: Path, _: Path, content: bytes) -> None:
    os.chown(path, len(content), 3, follow_symlinks=False)


def _socket(path: Path, _: Path, __: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))


def _whiteout(path: Path, _: Path, __: bytes) -> None:
    os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))


CHANGES: dict[str, Callable[[Path, Path, bytes], object]] = {
    "directory": lambda path, _, __: path.mkdir(parents=True),
    "write": lambda path, _, content: path.write_bytes(content),
    "append": _append,
    "hide": _hide,
    "large": _large,
    "replace": _replace,
    "remove": _remove,
    "move": lambda path, other, _: path.rename(other),
    "link": lambda path, other, _: os.link(path, other, follow_symlinks=False),
    "symlink": lambda path, other, _: path.symlink_to(other.name),
    "mode": lambda path, _, content: path.chmod(0o4700 + len(content)),
    "owner": _owner,
    "time": lambda path, _, content: os.utime(path, (1, len(content)), follow_symlinks=False),
    "attribute": lambda path, _, content: os.setxattr(path, "user.it", content),
    "fifo": lambda path, _, __: os.mkfifo(path),
    "socket": _socket,
    "whiteout": _whiteout,
    "read": lambda path, _, __: path.read_bytes(),
}

SURE = ["append", "directory", "fifo", "link", "mode", "move", "owner", "remove", "replace", "time"]
"""Changes that show in the facts of a file even if all is done within one tick."""


def rounds_of(kinds: list[str], instants: st.SearchStrategy[Instant]) -> st.SearchStrategy[Any]:
    change = st.builds(Change, st.sampled_from(kinds), PATHS, PATHS, CONTENTS)
    changes = st.lists(change, min_size=1, max_size=10)
    return st.lists(st.tuples(changes, instants), min_size=2, max_size=4)


def plant(top: Path) -> None:
    """A tree of files to begin with."""
    for directory in (top, top / "one", top / "one/two"):
        directory.mkdir(exist_ok=True)
        for name in ("a", "b", "c"):
            (directory / name).write_text(f"{directory.name} {name}")
    os.link(top / "a", top / "one/linked")
    (top / "link").symlink_to("one/a")


IN_DOUBT = st.builds(
    Instant,
    st.sampled_from(Reads),
    st.just(NEVER),
    names=st.frozensets(NAMES, max_size=2),
    unseen=st.booleans(),
)
CERTAIN = st.builds(
    Instant, st.sampled_from(Reads), st.just(ALWAYS), names=st.frozensets(NAMES, max_size=2)
)


@settings(max_examples=100, deadline=None)
@given(rounds_of(sorted(CHANGES), IN_DOUBT) | rounds_of(SURE, CERTAIN))
def test_each_recovery_point_is_exact_and_stays_so(
    rounds: list[tuple[list[Change], Instant]],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        disk = Disk(Path(directory))
        plant(disk.data)
        disk.copied("planted")
        before: list[dict[str, object]] = []
        for number, (changes, instant) in enumerate(rounds):
            for change in changes:
                change.make(disk.data)
            disk.instant = instant
            disk.copied(str(number))
            before.append(exactly(disk.data))
            fresh = disk.place / f"fresh-{number}"
            fresh.mkdir()
            copy_tree(str(disk.data), str(fresh))
            assert exactly(fresh) == before[-1]
        for number, expected in enumerate(before):
            assert exactly(disk.point(str(number))) == expected


# -- what is shared, and what is not -------------------------------------------------------------


def inode(path: Path) -> int:
    return path.lstat().st_ino


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a link an attribute")
def test_attributes_of_links_and_of_pipes(disk: Disk) -> None:
    """An overlay gives them some, when such a file of the host is changed."""
    (disk.data / "link").symlink_to("nowhere")
    os.mkfifo(disk.data / "fifo")
    for name in ("link", "fifo"):
        os.setxattr(disk.data / name, "trusted.it", b"one", follow_symlinks=False)
    disk.copied("1")
    assert exactly(disk.point("1")) == exactly(disk.data)


def test_only_what_changed_is_copied_again(disk: Disk) -> None:
    for name in ("same", "changed", "touched"):
        (disk.data / name).write_text("one")
    (disk.data / "link").symlink_to("same")
    assert disk.copied("1").shared == 0
    (disk.data / "changed").write_text("other")
    os.utime(disk.data / "touched", (1, 1))
    second = disk.copied("2")
    shared = {name for name in os.listdir(disk.data) if is_shared(disk, name)}
    assert shared == {"same", "link"}
    assert second.shared == 2
    assert (second.files, second.bytes) == (5, len("oneotherone"))
    assert disk.point("1").joinpath("changed").read_text() == "one"


def is_shared(disk: Disk, name: str) -> bool:
    return inode(disk.point("1") / name) == inode(disk.point("2") / name)


@pytest.mark.parametrize(
    ("instant", "is_read"),
    [
        (Instant(Reads.EACH, NEVER), False),
        (Instant(Reads.NONE, ALWAYS), False),
        (Instant(Reads.FIRST, ALWAYS), True),
        (Instant(Reads.EACH, ALWAYS, names=frozenset({"file"})), False),
        (Instant(Reads.EACH, ALWAYS, unseen=True), False),
    ],
)
def test_a_file_in_doubt_is_compared(disk: Disk, instant: Instant, is_read: bool) -> None:
    """Nothing of its facts tells of the change: the copy was changed instead."""
    disk.instant = instant
    for name in ("file", "other"):
        (disk.data / name).write_text("one")
        if is_read:
            os.utime(disk.data / name, ns=(1 << 61, 0))
    disk.copied("1")
    with (disk.point("1") / "file").open("r+") as copy:
        copy.write("two")
    disk.copied("2")
    assert (disk.point("2") / "file").read_text() == "one"
    assert not is_shared(disk, "file")
    assert is_shared(disk, "other")


def test_a_large_file_in_doubt_is_copied_again(disk: Disk) -> None:
    disk.instant = Instant(Reads.EACH, NEVER)
    (disk.data / "file").write_bytes(bytes(300_000))
    disk.copied("1")
    disk.copied("2")
    assert not is_shared(disk, "file")


@pytest.mark.parametrize("recent", [NEVER, ALWAYS])
def test_a_copy_that_was_damaged_is_not_handed_on(disk: Disk, recent: int) -> None:
    """Whoever damages a recovery point exchanges the file: other points may share it."""
    for name in ("good", "bad"):
        (disk.data / name).write_text("one")
    disk.instant = Instant(Reads.EACH, ALWAYS, inodes=frozenset())
    if recent == NEVER:  # as on the first tick: the directory's times tell nothing
        os.utime(disk.data, ns=(1, ALWAYS))
    disk.copied("1")
    directory = disk.point("1").stat()
    (disk.point("1") / "new").write_text("torn")
    (disk.point("1") / "new").rename(disk.point("1") / "bad")
    if recent == NEVER:
        os.utime(disk.point("1"), ns=(1, directory.st_mtime_ns))
    disk.copied("2")
    assert (disk.point("2") / "bad").read_text() == "one"
    assert (disk.point("1") / "bad").read_text() == "torn"


def test_a_copy_that_was_damaged_in_place_is_not_handed_on(disk: Disk) -> None:
    for name in ("good", "bad", "gone"):
        (disk.data / name).write_text("one")
    disk.copied("1")
    (disk.point("1") / "bad").write_text("torn")
    (disk.point("1") / "gone").unlink()
    disk.layer.exchanged("1", ["root/data/bad", "root/data/gone", "root/data/never", "none/bad"])
    disk.copied("2")
    for name in ("good", "bad", "gone"):
        assert (disk.point("2") / name).read_text() == "one"
    assert is_shared(disk, "good")


def test_each_recovery_point_can_be_removed_by_itself(disk: Disk) -> None:
    (disk.data / "file").write_text("one")
    disk.copied("1")
    disk.copied("2")
    assert is_shared(disk, "file")
    shutil.rmtree(disk.place / "points/1")
    assert (disk.point("2") / "file").read_text() == "one"
    shutil.rmtree(disk.place / "points/2")
    disk.copied("3")
    assert (disk.point("3") / "file").read_text() == "one"


def test_after_a_copy_that_failed_the_last_good_one_counts(disk: Disk) -> None:
    (disk.data / "file").write_text("one")
    disk.copied("1")
    with pytest.raises(TimeoutError, match="the time for the copy is over"):
        disk.layer.copy("failed", time.monotonic() - 1)
    assert os.listdir(disk.place / "points") == ["1"]
    disk.copied("2")
    assert is_shared(disk, "file")


def test_a_directory_that_was_moved_is_known_by_its_new_name(disk: Disk) -> None:
    (disk.data / "old").mkdir()
    (disk.data / "old/file").write_text("one")
    disk.copied("1")
    (disk.data / "old").rename(disk.data / "new")
    disk.copied("2")
    assert inode(disk.point("1") / "old/file") == inode(disk.point("2") / "new/file")


def test_two_processes_copy_many_files(disk: Disk) -> None:
    for number in range(1500):
        if number % 100 == 0:
            (disk.data / str(number)).mkdir()
        (disk.data / f"{number - number % 100}/{number}").write_text(str(number))
    os.link(disk.data / "0/1", disk.data / "1400/one")
    tally = disk.copied("1")
    assert (tally.files, tally.shared) == (1517, 0)
    assert tally.bytes == sum(len(str(number)) for number in range(1500))
    assert exactly(disk.point("1")) == exactly(disk.data)
    (disk.data / "1400/1450").write_text("changed")
    tally = disk.copied("2")
    assert (tally.files, tally.shared) == (1517, 1499)
    assert exactly(disk.point("2")) == exactly(disk.data)


def children() -> str:
    """The processes this one has, ended ones included."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()


def test_time_is_over_for_both_processes(disk: Disk) -> None:
    for number in range(1100):
        (disk.data / str(number)).touch()
    before = children()
    with pytest.raises(TimeoutError):
        disk.layer.copy("1", time.monotonic() - 1)
    assert os.listdir(disk.place / "points") == []
    assert children() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
@pytest.mark.parametrize("count", [3, 1100])
def test_nothing_is_left_where_there_is_no_room(tmp_path: Path, count: int) -> None:
    def work(place: Path) -> None:
        disk = Disk(place)
        syscalls.mount("tmpfs", f"{place}/points", "tmpfs", 0, "size=400k")
        for number in range(count):
            (disk.data / str(number)).write_bytes(bytes(200_000) if count == 3 else b"x")
        with pytest.raises(OSError, match="No space left on device") as caught:
            disk.copied("1")
        assert caught.value.errno == errno.ENOSPC
        assert os.listdir(place / "points") == []

    run_in(tmp_path, work)


# -- the second process --------------------------------------------------------------------------


def refused() -> tuple[Any, ...]:
    raise OSError(errno.ENOSPC, "No space left on device", "/x")


def killed() -> tuple[Any, ...]:
    os.kill(os.getpid(), 9)
    return ()


def broken() -> tuple[Any, ...]:
    raise LookupError("a bug")


def test_both_results_come_back() -> None:
    assert both(lambda: 1, lambda: ("x" * 1_000_000, [2])) == (1, ("x" * 1_000_000, [2]))


def test_what_the_kernel_refuses_the_second_process_is_raised_in_the_first() -> None:
    with pytest.raises(OSError, match="No space left on device: '/x'") as caught:
        both(lambda: 1, refused)
    assert caught.value.errno == errno.ENOSPC


def test_a_second_process_that_is_killed() -> None:
    with pytest.raises(ChildProcessError, match="the process that helped to copy was killed"):
        both(lambda: 1, killed)


def test_a_mistake_in_the_second_process_is_told_with_its_traceback() -> None:
    with pytest.raises(HelperFailed, match="LookupError: a bug"):
        both(lambda: 1, broken)


def test_when_the_first_fails_the_second_is_killed() -> None:
    before = children()
    with pytest.raises(LookupError, match="a bug"):
        both(broken, lambda: (os.read(os.pipe()[0], 1),))
    assert children() == before


def test_links_are_made_when_they_are_needed(disk: Disk) -> None:
    for name in ("old", "new"):
        (disk.data / name).write_text(name)
    disk.copied("1")
    (disk.data / "new").write_text("changed")
    before = (disk.data).stat().st_mtime_ns
    tally = disk.layer.copy("2", None)
    assert tally.shared == 1
    assert sorted(os.listdir(disk.point("2"))) == ["new"]
    disk.layer.complete()
    assert sorted(os.listdir(disk.point("2"))) == ["new", "old"]
    assert disk.point("2").stat().st_mtime_ns == before
    assert (disk.point("2") / "old").read_text() == "old"
    disk.layer.copy("3", None)
    tally = disk.layer.copy("4", None)
    assert tally.shared >= 1
    disk.layer.complete()
    assert exactly(disk.point("4")) == exactly(disk.data)
    assert exactly(disk.point("3")) == exactly(disk.data)


def test_what_was_passed_over_once_is_not_forgotten(disk: Disk) -> None:
    """Names in a directory are known from the last time, but only if all were looked at."""
    fresh = disk.place / "disk/upper/etc"
    fresh.mkdir()
    layer = Layer(
        f"{disk.place}/disk",
        f"{disk.place}/points",
        frozenset(),
        NoVolumes(),
        LowerFiles({}),
        look=lambda: disk.instant,
    )
    layer.copy("1", None)
    assert not (disk.place / "points/1/upper/etc").exists()
    (fresh / "new").write_text("x")
    layer.copy("2", None)
    layer.complete()
    assert (disk.place / "points/2/upper/etc/new").read_text() == "x"
