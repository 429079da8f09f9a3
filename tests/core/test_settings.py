from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot import virtual_machine
from pytest_vmsnapshot.errors import UsageError
from pytest_vmsnapshot.plugin import VmFactory
from pytest_vmsnapshot.settings import MARKER, NAMES, Resolved, Settings, Source, resolve


def resolved(
    marker: dict[str, Any] | None = None,
    command_line: dict[str, Any] | None = None,
    ini: dict[str, Any] | None = None,
) -> Resolved:
    return resolve(
        [
            Source("marker", marker or {}),
            Source("command line", command_line or {}),
            Source("ini", ini or {}),
        ]
    )


def mistakes(*sources: Source) -> tuple[str, ...]:
    with pytest.raises(UsageError) as caught:
        resolve(sources)
    return caught.value.mistakes


def test_defaults() -> None:
    assert resolved() == Resolved(Settings(), {})
    assert Settings() == Settings(
        guest="auto",
        rules="documented",
        disks=2,
        deployment="resource-manager",
        os="linux",
        network=False,
        directories=("/data", "/scripts"),
        disk_size=1024**3,
        require=(),
    )


def test_precedence() -> None:
    three = ({"disks": 3}, {"disks": "4"}, {"disks": "5"})
    assert resolved(*three).settings.disks == 3
    assert resolved({}, *three[1:]).settings.disks == 4
    assert resolved({}, {}, three[2]).settings.disks == 5
    assert resolved({"disks": None}, *three[1:]).settings.disks == 4
    assert resolved({"disks": None}, {"disks": None}, three[2]).origins == {"disks": "ini"}


def test_each_setting_has_its_own_origin() -> None:
    found = resolved({"disks": 1}, {"network": "true"}, {"rules": "documented", "disks": "7"})
    assert found.settings == Settings(disks=1, network=True)
    assert found.origins == {"disks": "marker", "network": "command line", "rules": "ini"}


def test_header() -> None:
    assert resolved().header() == (
        "vmsnapshot: rules documented, guest auto, clock auto, storage pause-and-copy"
    )
    found = resolved(
        None,
        {"guest": "rootless", "disks": "1"},
        {"directories": "/u01, /u02", "require": "owners"},
    )
    assert found.header() == (
        "vmsnapshot: rules documented, guest rootless (command line), clock auto, storage "
        "pause-and-copy, disks 1 (command line), directories /data /scripts /u01 /u02 (ini), "
        "require owners (ini)"
    )


RIGHT: list[tuple[str, Any, Any]] = [
    ("guest", "in-place", "in-place"),
    ("rules", "documented", "documented"),
    ("clock", "virtual", "virtual"),
    ("clock_start", "2026-03-29T01:59:50", 1774749590),
    ("clock_start", "2026-03-29 03:59:50+02:00", 1774749590),
    ("clock_start", datetime(2026, 3, 29, 1, 59, 50, tzinfo=UTC), 1774749590),
    ("clock_start", "1970-01-01", 0),
    ("clock_start", "2200-12-31T23:59:59", 7289654399),
    ("deployment", "classic", "classic"),
    ("os", "windows", "windows"),
    ("disks", "12", 12),
    ("disks", 1, 1),
    ("network", True, True),
    ("network", "true", True),
    ("network", "false", False),
    ("disk_size", 1, 1),
    ("disk_size", "4096", 4096),
    ("disk_size", "64K", 64 * 1024),
    ("disk_size", "64k", 64 * 1024),
    ("disk_size", "512M", 512 * 1024**2),
    ("disk_size", "2G", 2 * 1024**3),
    ("directories", "/u01 /u02,/u03", ("/data", "/scripts", "/u01", "/u02", "/u03")),
    ("directories", "", ("/data", "/scripts")),
    ("directories", "/a..b", ("/data", "/scripts", "/a..b")),
    ("require", "", ()),
    ("require", "owners,namespaces", ("owners", "namespaces")),
]


@pytest.mark.parametrize(("name", "value", "expected"), RIGHT)
def test_right(name: str, value: Any, expected: Any) -> None:
    settings = resolve([Source("command line", {name: value})]).settings
    assert getattr(settings, name) == expected


@pytest.mark.parametrize("value", [["/u 1"], ("/u 1",)])
def test_lists(value: Any) -> None:
    found = resolved({"directories": value}).settings.directories
    assert found == ("/data", "/scripts", "/u 1")
    assert resolved({"require": ["owners"]}).settings.require == ("owners",)


GUESTS = "auto, root, subids, rootless, sudo, in-place"

WRONG: list[tuple[str, Any, str]] = [
    ("guest", "docker", f"guest='docker' is none of {GUESTS}"),
    ("guest", "", f"guest='' is none of {GUESTS}"),
    ("guest", ["root"], f"guest=['root'] is none of {GUESTS}"),
    ("rules", "real", "rules='real' is none of documented"),
    ("deployment", "arm", "deployment='arm' is none of resource-manager, classic"),
    ("os", "Linux", "os='Linux' is none of linux, windows"),
    ("disks", 0, "disks=0; write a whole number from 1 up"),
    ("disks", "0", "disks='0'; write a whole number from 1 up"),
    ("disks", "-1", "disks='-1'; write a whole number from 1 up"),
    ("disks", "two", "disks='two'; write a whole number from 1 up"),
    ("disks", "²", "disks='²'; write a whole number from 1 up"),
    ("disks", True, "disks=True; write a whole number from 1 up"),
    ("disks", 1.0, "disks=1.0; write a whole number from 1 up"),
    ("disks", "9" * 19, f"disks='{'9' * 19}'; write a whole number from 1 up"),
    ("network", "yes", "network='yes'; write true or false"),
    ("network", 1, "network=1; write true or false"),
    ("disk_size", "", "disk_size=''; write bytes, or '512M', or '2G'"),
    ("disk_size", "G", "disk_size='G'; write bytes, or '512M', or '2G'"),
    ("disk_size", "0G", "disk_size='0G'; write bytes, or '512M', or '2G'"),
    ("disk_size", -5, "disk_size=-5; write bytes, or '512M', or '2G'"),
    ("disk_size", "2GB", "disk_size='2GB'; write bytes, or '512M', or '2G'"),
    ("disk_size", "1.5G", "disk_size='1.5G'; write bytes, or '512M', or '2G'"),
    ("disk_size", True, "disk_size=True; write bytes, or '512M', or '2G'"),
    ("directories", "/u01", "directories is a string, '/u01'; write ['/u01']"),
    ("directories", ["u01"], "directories=['u01']; write a list of absolute paths"),
    ("directories", ["/a/../b"], "directories=['/a/../b']; write a list of absolute paths"),
    ("directories", ["/"], "directories=['/']; write a list of absolute paths"),
    ("directories", ["/a\0"], r"directories=['/a\x00']; write a list of absolute paths"),
    ("directories", [1], "directories=[1]; write a list of absolute paths"),
    ("directories", 5, "directories=5; write a list of absolute paths"),
    ("require", "owners", "require is a string, 'owners'; write ['owners']"),
    ("clock", "fast", "clock='fast' is none of auto, virtual, real"),
    *(
        (
            "clock_start",
            value,
            f"clock_start={value!r}; write a date from 1970 to 2200 as '2026-03-29T01:59:50' (UTC, "
            "to the second)",
        )
        for value in ("tomorrow", "1969-12-31", "2201-01-01", "2026-03-29T01:59:50.5", 1.5, True)
    ),
    ("require", ["root"], "require=['root'] is none of clock, namespaces, owners"),
    ("require", True, "require=True is none of clock, namespaces, owners"),
    ("disk", 1, f"a VM has no setting 'disk'; is 'disks' meant? It has: {', '.join(NAMES)}"),
    ("colour", 1, f"a VM has no setting 'colour'. It has: {', '.join(NAMES)}"),
]


@pytest.mark.parametrize("source", ["marker", "vm_factory()"])
@pytest.mark.parametrize(("name", "value", "message"), WRONG)
def test_wrong(source: str, name: str, value: Any, message: str) -> None:
    assert mistakes(Source(source, {name: value})) == (f"{source}: {message}",)


def test_all_mistakes_at_once() -> None:
    assert mistakes(
        Source("marker", {"disks": 0, "network": "no"}),
        Source("command line", {"os": "beos", "disks": "-3"}),
        Source("ini", {"directories": "data"}),
    ) == (
        "marker: disks=0; write a whole number from 1 up",
        "marker: network='no'; write true or false",
        "command line: os='beos' is none of linux, windows",
        "ini: directories='data'; write a list of absolute paths",
    )


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text("0123456789KMG")
    | st.lists(st.text() | st.integers())
)


@given(
    st.dictionaries(st.sampled_from(NAMES) | st.text(), VALUES), st.sampled_from(["ini", "marker"])
)
def test_any_value_is_settings_or_a_mistake(values: dict[str, Any], source: str) -> None:
    try:
        found = resolve([Source(source, values)])
    except UsageError:
        return
    assert found.settings.disks >= 1
    assert found.settings.disk_size >= 1
    assert found.header()


def keywords(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def test_marker_and_factory_have_every_setting() -> None:
    assert tuple(re.findall(r"(\w+)=None", MARKER)) == NAMES
    assert tuple(keywords(VmFactory.__call__)) == NAMES


def test_without_pytest_settings_are_those_of_a_test() -> None:
    assert set(keywords(virtual_machine)) <= set(NAMES)
