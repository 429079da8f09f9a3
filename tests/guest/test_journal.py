"""Whatever is changed on a real file system is put back: on a directory of the test's own."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vmsnapshot.guest import files
from pytest_vmsnapshot.guest.changes import Change
from pytest_vmsnapshot.guest.journal import Journal, StoreTaken
from pytest_vmsnapshot.guest.wire import memory_file

NAMES = ("a", "b", "a/b", "a/c", "a/d/e", "link", "link/x", "there", "there/old", "there/sub/old")


def install(journal: Journal, path: str) -> None:
    draft = journal.before_file(path)
    with memory_file(b"ours") as content:
        owner = str(os.geteuid())
        wanted = {"path": path, "draft": draft, "owner": owner, "mode": 0o600}
        files.install(wanted, content, files.Names())


def make_directory(journal: Journal, path: str) -> None:
    journal.before_directory(path)
    wanted = {"path": path, "owner": str(os.geteuid()), "mode": 0o711}
    files.make_directory(wanted, files.Names())


def remove(journal: Journal, path: str) -> None:
    journal.before_removal(path)
    if stat.S_ISDIR(os.lstat(path).st_mode):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def meddle(journal: Journal, path: str) -> None:
    """What a script may do where the journal knows of it."""
    parent, name = os.path.split(path)
    if journal.covers(os.path.join(os.path.realpath(parent), name)):
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        elif os.path.lexists(path):
            os.unlink(path)
            os.makedirs(f"{path}/by/script")


Action = Callable[[Journal, str], None]
ACTIONS: tuple[Action, ...] = (install, make_directory, remove, meddle)


def survey(top: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in [top, *sorted(top.rglob("*"))]:
        facts = path.lstat()
        content: object = None
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = path.read_bytes()
        found[str(path)] = facts.st_mode, facts.st_mtime_ns, content
    return found


def furnish(top: Path) -> None:
    (top / "there/sub").mkdir(parents=True, mode=0o750)
    (top / "there/old").write_text("old")
    (top / "there/sub/old").write_text("older")
    (top / "there/sub/old").chmod(0o604)
    (top / "there/again").hardlink_to(top / "there/old")
    (top / "link").symlink_to("there")


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, Journal]:
    top = tmp_path / "machine"
    furnish(top)
    return top, Journal.begin(str(tmp_path / "lib" / "store"))


@settings(database=None, deadline=None)
@given(plan=st.lists(st.tuples(st.sampled_from(ACTIONS), st.sampled_from(NAMES)), max_size=12))
def test_any_sequence_of_changes_is_undone(plan: list[tuple[Action, str]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        top = Path(directory, "machine")
        furnish(top)
        before = survey(top)
        journal = Journal.begin(f"{directory}/store")
        for action, name in plan:
            try:
                action(journal, f"{top}/{name}")
            except OSError:
                continue  # such as a file where a directory is needed
        assert journal.put_back() == []
        assert survey(top) == before
        journal.end()
        journal.release()
        assert os.listdir(directory) == ["machine"]


def test_an_original_keeps_its_identity(machine: tuple[Path, Journal]) -> None:
    top, journal = machine
    before = (top / "there/old").stat()
    install(journal, f"{top}/there/old")
    assert (top / "there/old").read_bytes() == b"ours"
    assert journal.put_back() == []
    assert (top / "there/old").stat().st_ino == before.st_ino
    assert (top / "there/old").stat().st_mtime_ns == before.st_mtime_ns


def test_changes_that_were_only_announced_are_harmless(machine: tuple[Path, Journal]) -> None:
    top, journal = machine
    before = survey(top)
    journal.before_file(f"{top}/there/old")
    journal.before_file(f"{top}/new/file")
    journal.before_removal(f"{top}/there/sub")
    journal.before_directory(f"{top}/other")
    assert journal.put_back() == []
    assert survey(top) == before


def test_a_store_in_use_and_a_store_that_was_left(machine: tuple[Path, Journal]) -> None:
    top, journal = machine
    install(journal, f"{top}/new")
    with pytest.raises(StoreTaken) as in_use:
        Journal.begin(journal.store)
    assert in_use.value.records == ()
    journal.release()  # as its death would
    with pytest.raises(StoreTaken) as left:
        Journal.begin(journal.store)
    assert [(record.change, record.path) for record in left.value.records] == [
        (Change.MADE, f"{top}/new")
    ]
    again = Journal.resume(journal.store)
    assert again.put_back() == []
    again.end()
    again.release()
    assert not (top / "new").exists()
    assert not Path(journal.store).exists()


def test_a_record_that_was_cut_short_counts_as_never_begun(
    machine: tuple[Path, Journal],
) -> None:
    top, journal = machine
    install(journal, f"{top}/new")
    with open(f"{journal.store}/journal", "ab") as file:
        file.write(b'{"change": "replaced", "pa')
    assert journal.put_back() == []
    assert not (top / "new").exists()


def test_a_mount_point_is_neither_replaced_nor_removed(machine: tuple[Path, Journal]) -> None:
    _, journal = machine
    for change in (journal.before_file, journal.before_removal):
        with pytest.raises(OSError, match="a file system is mounted at /proc"):
            change("/proc")
    assert journal.left() == ()
