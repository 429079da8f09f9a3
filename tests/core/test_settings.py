from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vmsnapshot import virtual_machine
from pytest_vmsnapshot.engine.rules import DOCUMENTED, SHIPPED
from pytest_vmsnapshot.engine.vm_facts import MOUNTS, Agent, Mount, Platform
from pytest_vmsnapshot.errors import UsageError
from pytest_vmsnapshot.settings import MARKER, NAMES, Resolved, Settings, Source, resolve
from pytest_vmsnapshot.vm_factory import VmFactory


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
        disks=None,
        mounts=None,
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
    ("allow", "", ()),
    ("allow", "processes,never-called", ("processes", "never-called")),
    ("rules", "shipped", "shipped"),
    ("strict", True, True),
    ("strict", "true", True),
    ("strict", "false", False),
    ("platform", {}, Platform()),
    ("platform", {"isManagedVm": None}, Platform(managed=None)),
    (
        "platform",
        {"canTakeCrashConsistentSnapshot": "true", "backupRetryCount": "1"},
        Platform(crash_consistent="true", retry_count="1"),
    ),
    ("mounts", [], ()),
    ("mounts", [("sda1", "part", "xfs", "/")], (Mount("sda1", "part", "xfs", "/"),)),
    ("mounts", ([*"abc", "/d"],), (Mount("a", "b", "c", "/d"),)),
    ("agent_umask", 0, 0),
    ("agent_umask", 0o777, 0o777),
    ("agent_stdin", b"yes\n", b"yes\n"),
    ("agent_stdin", b"", b""),
    ("agent_stdin", b"open", b"open"),
    ("agent_stdin", "open", None),
    ("agent_env", {}, {}),
    ("agent_env", {"LANG": None, "A": "b=c"}, {"LANG": None, "A": "b=c"}),
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

PLATFORM = "a dict with keys of isManagedVm, canTakeCrashConsistentSnapshot, backupRetryCount"
NO_PLATFORM: list[Any] = [
    True,
    "isManagedVm",
    [("isManagedVm", True)],
    {"managed": True},
    {1: 2},
]
NO_MOUNTS: list[Any] = [
    "/data",
    5,
    {},
    ["/data"],
    ["/abc"],
    [("sda1", "part", "xfs")],
    [("sda1", "part", "xfs", "data")],
    [("sda1", "part", 4, "/")],
    [("sda1", "part", "xfs", "/", "rw")],
]
MOUNT = "a list of (device, kind, fstype, place), such as ('sdc1', 'part', 'xfs', '/data')"

WRONG: list[tuple[str, Any, str]] = [
    ("guest", "docker", f"guest='docker' is none of {GUESTS}"),
    ("guest", "", f"guest='' is none of {GUESTS}"),
    ("guest", ["root"], f"guest=['root'] is none of {GUESTS}"),
    ("rules", "real", "rules='real' is none of documented, shipped"),
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
    ("allow", "units", "allow is a string, 'units'; write ['units']"),
    (
        "allow",
        ["process"],
        "allow=['process'] is none of processes, sessions, units, frozen, unexpected-call, "
        "missing-command, never-called",
    ),
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
    ("strict", 1, "strict=1; write true or false"),
    *(("platform", value, f"platform={value!r}; write {PLATFORM}") for value in NO_PLATFORM),
    *(("mounts", value, f"mounts={value!r}; write {MOUNT}") for value in NO_MOUNTS),
    *(
        ("agent_umask", value, f"agent_umask={value!r}; write a file mode mask, such as 0o022")
        for value in (-1, 0o1000, "022", 18.0, True)
    ),
    *(
        (
            "agent_stdin",
            value,
            f"agent_stdin={value!r}; write bytes, or 'open' for a pipe that stays open and silent",
        )
        for value in ("yes", "", 0, bytearray(b"x"))
    ),
    *(
        (
            "agent_env",
            value,
            f"agent_env={value!r}; write a dict of strings, with None for a variable that is not "
            "to be there",
        )
        for value in ("A=b", [("A", "b")], {"A": 1}, {1: "b"}, {"": "b"}, {"A=": "b"})
    ),
    ("require", ["root"], "require=['root'] is none of clock, namespaces, owners, shell"),
    ("require", True, "require=True is none of clock, namespaces, owners, shell"),
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
    assert found.settings.vm_facts().disks >= 1
    assert found.settings.disk_size >= 1
    assert found.header()


def test_what_azure_and_the_agent_bring() -> None:
    usual = Settings().vm_facts()
    assert (usual.platform, usual.mounts) == (Platform(True, False, 0), MOUNTS)
    assert (usual.agent, usual.disks) == (Agent(0o022, b""), 2)
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert usual.agent.env == {"PATH": path, "LANG": "C.UTF-8"}
    changed = resolved(
        {"agent_env": {"LANG": None, "A": "b"}, "agent_umask": 0o077, "agent_stdin": "open"}
    )
    agent = changed.settings.vm_facts().agent
    assert agent == Agent(0o077, None, {"PATH": path, "A": "b"})


@pytest.mark.parametrize(
    ("changes", "locale"),
    [
        ({}, {"LANG": "C.UTF-8"}),
        ({"LANG": None}, {"LC_CTYPE": "C.UTF-8"}),
        ({"LANG": None, "LC_ALL": "C"}, {"LC_ALL": "C"}),
        ({"LANG": None, "LC_CTYPE": "C"}, {"LC_CTYPE": "C"}),
        ({"LANG": ""}, {"LANG": ""}),
    ],
)
def test_the_locale_of_a_script(changes: dict[str, str | None], locale: dict[str, str]) -> None:
    agent = Settings(agent_env=changes).vm_facts().agent
    coerced = agent.environment(SHIPPED)
    assert {name: text for name, text in coerced.items() if name != "PATH"} == locale
    assert agent.environment(DOCUMENTED) == dict(agent.env)


@pytest.mark.parametrize(
    ("platform", "disks", "expected"),
    [
        (Platform(True, True, 1), 1, True),
        (Platform(1, 1, 2.5), 1, True),
        (Platform(True, True, True), 1, True),
        (Platform(True, True, 1), 2, False),
        (Platform(True, True, 0), 1, False),
        (Platform(True, True, -1), 1, False),
        (Platform(True, False, 1), 1, False),
        (Platform(False, True, 1), 1, False),
        (Platform(None, True, 1), 1, False),
        (Platform(True, "true", 1), 1, False),
        (Platform("true", True, 1), 1, False),
        (Platform(), 1, False),
    ],
)
def test_crash_consistent_fallback(platform: Platform, disks: int, expected: bool) -> None:
    assert platform.falls_back(disks) is expected
    assert platform.unusable == ""


def test_a_retry_count_the_extension_fails_over() -> None:
    told = Platform(True, True, "1")
    assert told.unusable == "backupRetryCount is '1', which is no number"
    assert not told.falls_back(1)
    assert Platform(True, False, "1").unusable == ""


def keywords(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def test_marker_and_factory_have_every_setting() -> None:
    assert tuple(re.findall(r"(\w+)=None", MARKER)) == NAMES
    assert tuple(keywords(VmFactory.__call__)) == NAMES


def test_without_pytest_settings_are_those_of_a_test() -> None:
    assert set(keywords(virtual_machine)) <= set(NAMES)
