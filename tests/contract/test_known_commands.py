"""Names that are nearly those of known commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot.contract.known_commands import CLIENTS, meant


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("sytemctl", "systemctl"),
        ("systemctll", ""),  # it begins with a known name, as mysqld does
        ("sysetmctl", "systemctl"),
        ("systenctl", "systemctl"),
        ("xsystemctl", "systemctl"),
        ("dok" + "cer", "docker"),
        ("mkidr", "mkdir"),
        ("pgctl", "pg_ctl"),
        ("rediscli", "redis-cli"),
        ("mysqldmup", "mysqldump"),
        ("systemctl", ""),
        ("mysqld", ""),
        ("mongod", ""),
        ("mongorestore", ""),
        ("vgcreate", ""),
        ("appctl", ""),
        ("orders", ""),
        ("tsql", ""),
        ("nginx", ""),
        ("ls", ""),
        ("x", ""),
        ("", ""),
    ],
)
def test_meant(name: str, known: str) -> None:
    assert meant(name) == known


@given(st.sampled_from([name for name in CLIENTS if len(name) > 5]), st.data())
def test_one_letter_too_few_in_the_middle(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(name) - 2))
    slip = name[:at] + name[at + 1 :]
    begins = any(known.startswith(slip) or slip.startswith(known) for known in CLIENTS)
    assert begins or len(slip) < 5 or meant(slip)


@given(st.text(max_size=12))
def test_any_text(name: str) -> None:
    assert meant(name) != name or not name
