"""vmbackup.conf and workload.conf: what counts, and that nothing in them stops a backup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.engine.other_confs import (
    mounts_to_skip,
    thaw_limit,
    workload,
)

TEMPLATE = b"""\
[SnapshotThread]
fsfreeze: True
MountsToSkip = /mnt/backup, /srv/nfs
timeout: 45
"""

USELESS: dict[str, bytes | None] = {
    "no file": None,
    "empty": b"",
    "another section": b"[other]\nMountsToSkip = /\ntimeout = 1\nworkload_name = mysql\n",
    "no section": b"MountsToSkip = /\n",
    "not text": b"[SnapshotThread]\nMountsToSkip = /\xff\n",
    "twice": b"[SnapshotThread]\ntimeout = 1\ntimeout = 2\nMountsToSkip = /\n",
    "byte order mark": b"\xef\xbb\xbf[SnapshotThread]\ntimeout = 1\nMountsToSkip = /\n",
    "too large": b"[SnapshotThread]\ntimeout = 1\nMountsToSkip = /\n" + b"#" * 16 * 1024,
}


@pytest.mark.parametrize("content", USELESS.values(), ids=USELESS)
def test_what_cannot_be_used_says_nothing(content: bytes | None) -> None:
    assert mounts_to_skip(content) == frozenset()
    assert thaw_limit(content, 60.0) == 60.0
    assert workload(content) is None


def test_template() -> None:
    assert mounts_to_skip(TEMPLATE) == {"/mnt/backup", "/srv/nfs"}
    assert thaw_limit(TEMPLATE, 60.0) == 45.0


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ("", set()),
        ("/data", {"/data"}),
        ("/data,/srv", {"/data", "/srv"}),
        (" /data , , /srv ,", {"/data", "/srv"}),
        ("'/data,/srv'", {"/data", "/srv"}),
        ("/100%,/%(x)s", {"/100%", "/%(x)s"}),
        ("/data/", {"/data/"}),
    ],
)
def test_mounts_to_skip(value: str, places: set[str]) -> None:
    content = f"[SnapshotThread]\nmountstoskip = {value}\n".encode()
    assert mounts_to_skip(content) == places


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("10", 10.0),
        ("0", 0.0),
        ('"10"', 10.0),
        ("999999", 999999.0),
        ("1000000", 60.0),
        ("", 60.0),
        ("-1", 60.0),
        ("2.5", 60.0),
        ("soon", 60.0),
        ("\u00b2", 60.0),
    ],
)
def test_thaw_limit(value: str, seconds: float) -> None:
    assert thaw_limit(f"[SnapshotThread]\ntimeout = {value}\n".encode(), 60.0) == seconds


@pytest.mark.parametrize(
    ("name", "role", "expected"),
    [
        ("mysql", "master", ("mysql", "")),
        ("MySQL", "Slave", ("mysql", "")),
        ("'oracle'", "'master'", ("oracle", "")),
        ("mssql", "master", ("mssql", "")),
        ("postgres", "master", ("postgres", "")),
        ("postgresql", "master", ("postgresql", "")),
        ("mysql", "nosuchrole", ("mysql", "the role 'nosuchrole' is none of master, slave")),
        ("mysql", "", ("mysql", "the role '' is none of master, slave")),
        ("", "master", None),
        ("couchdb", "master", None),
        ("my", "master", None),
    ],
)
def test_workload(name: str, role: str, expected: tuple[str, str] | None) -> None:
    content = f"[workload]\nworkload_name = {name}\nrole = {role}\n"
    assert workload(content.encode("ascii")) == expected


def test_a_workload_without_a_role() -> None:
    assert workload(b"[workload]\nworkload_name = mysql\n") == (
        "mysql",
        "the role '' is none of master, slave",
    )


@given(st.binary())
def test_arbitrary_bytes(content: bytes) -> None:
    for section in (b"", b"[SnapshotThread]\n", b"[workload]\n"):
        assert isinstance(mounts_to_skip(section + content), frozenset)
        assert thaw_limit(section + content, 60.0) >= 0
        workload(section + content)


@given(st.text())
def test_arbitrary_values(text: str) -> None:
    content = f"[SnapshotThread]\ntimeout={text}\nMountsToSkip={text}\n[workload]\nrole={text}\n"
    encoded = content.encode("utf-8", "surrogatepass")
    assert thaw_limit(encoded, 60.0) >= 0
    assert all(mounts_to_skip(encoded))
    workload(encoded)
