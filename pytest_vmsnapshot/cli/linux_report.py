"""What a machine with Linux can do: whether a VM can be made, and what is missing for more."""

from __future__ import annotations

import contextlib
import glob
import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from ..clock.machine import MACHINES, this_machine
from ..guest.disk_image import FileSystem, find_mkfs, package_of
from ..guest.launch import IN_PLACE, ways
from ..guest.session import Session, attempt
from ..guest.steps import Refusal
from ..layout import CONFIG_DIRECTORY
from ..shells import DISTRIBUTIONS, PACKAGES
from .machine_report import Row, State

_KERNEL = (5, 11)
"""Before it, overlays are for root only."""

_ROOTS = ("root", "sudo")
"""Guests whose VMs can have real file systems."""


def look_at_linux() -> Iterator[Row]:
    """Look at everything, the most important first. A VM's maker is started, and ended again."""
    yield _system()
    refused: list[Refusal] = []
    privilege = ""
    for way in ways():
        found = attempt(way)
        if isinstance(found, Session):
            with contextlib.closing(found):
                yield from _of_session(found, refused)
            privilege = found.privilege
            break
        refused.append(found)
    else:
        tried = ", ".join(refusal.privilege for refusal in refused)
        yield Row("VM", State.NO, f"none can be made: refused are {tried}", IN_PLACE)
        yield from (_refused(refusal) for refusal in refused)
    yield _host_config()
    yield from _shells()
    yield _loop(privilege)
    yield from _servers()
    yield _program("shellcheck", "shellcheck", "looks at scripts before they run")
    yield _package("pytest-xdist", "xdist", "tests in several processes: pytest -n auto")


def _system() -> Row:
    release = platform.release()
    what = (
        f"{platform.system()} {release} on {platform.machine()}, Python {platform.python_version()}"
    )
    if this_machine() is None:
        wanted = " or ".join(MACHINES)
        return Row("system", State.PARTLY, what, f"the virtual clock needs {wanted}")
    numbers = [int(word) for word in release.replace("-", ".").split(".")[:2] if word.isdecimal()]
    if tuple(numbers) < _KERNEL:
        return Row("system", State.PARTLY, what, "Linux 5.11 or later, for VMs without root")
    return Row("system", State.OK, what)


def _of_session(session: Session, refused: Sequence[Refusal]) -> Iterator[Row]:
    yield Row("VM", State.OK, f"the guest {session.privilege} is taken")
    yield from (_refused(refusal) for refusal in refused)
    if session.real_owners:
        yield Row("owners", State.OK, "files on a VM can belong to anybody")
    else:
        yield Row(
            "owners",
            State.PARTLY,
            "files on a VM belong to root; other owners are modelled",
            next((refusal.remedy for refusal in refused if refusal.remedy), ""),
        )
    if session.no_virtual_clock:
        yield Row(
            "virtual clock",
            State.NO,
            f"limits and sleeps take real time: {session.no_virtual_clock}",
            "docs/clock.md has what each reason wants",
        )
    else:
        yield Row("virtual clock", State.OK, "time in which all sleep is skipped")


def _refused(refusal: Refusal) -> Row:
    why = str(refusal).removeprefix(f"{refusal.privilege}: ")
    return Row(f"guest {refusal.privilege}", State.NO, why, refusal.remedy)


def _host_config() -> Row:
    there = os.path.exists(CONFIG_DIRECTORY)
    state = "is there; the guest in-place refuses to start" if there else "is not there"
    return Row("host", State.OK, f"{CONFIG_DIRECTORY} {state}; no VM in namespaces touches it")


def _shells() -> Iterator[Row]:
    for shell, package in PACKAGES.items():
        of = ", ".join(name for name, its in DISTRIBUTIONS.items() if its == shell)
        use = f"/bin/sh of {of}" if of else "for --shell"
        yield _program(shell, package, use, f"shell {shell}")


def _loop(privilege: str) -> Row:
    missing = [kind for kind in FileSystem if not find_mkfs(kind)]
    if privilege not in _ROOTS:
        who = f"the guest is {privilege}" if privilege else "there is no VM"
        why = f"real file systems need the guest root or sudo, and {who}"
        return Row("storage loop", State.NO, why, "run it as root, or with --guest sudo")
    if missing:
        names = ", ".join(f"mkfs.{kind.value}" for kind in missing)
        packages = " ".join(package_of(kind) for kind in missing)
        state = State.NO if len(missing) == len(FileSystem) else State.PARTLY
        return Row("storage loop", state, f"{names} not installed", f"apt-get install {packages}")
    kinds = ", ".join(kind.value for kind in FileSystem)
    return Row("storage loop", State.OK, f"volumes can be real {kinds}")


def _servers() -> Iterator[Row]:
    from ..applications import MariaDb, PostgreSql, Redis, Sqlite

    for name, application in (
        ("SQLite", Sqlite("/srv/any.db")),
        ("PostgreSQL", PostgreSql("/srv/any")),
        ("MariaDB", MariaDb("/srv/any")),
        ("Redis", Redis("/srv/any")),
    ):
        missing = [program for program in application.programs if not glob.glob(program.place)]
        if missing:
            places = ", ".join(program.place for program in missing)
            packages = " ".join(dict.fromkeys(program.package for program in missing))
            yield Row(name, State.NO, f"there is no {places}", f"apt-get install {packages}")
        else:
            yield Row(name, State.OK, "can be run on a VM, and asked what a restore has")


def _program(program: str, package: str, use: str, name: str = "") -> Row:
    found = shutil.which(program, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
    if found:
        return Row(name or program, State.OK, f"{found}, {use}")
    return Row(
        name or program, State.NO, f"not installed; it is {use}", f"apt-get install {package}"
    )


def _package(name: str, module: str, use: str) -> Row:
    if find_spec(module) is not None:
        return Row(name, State.OK, use)
    return Row(name, State.NO, f"not installed; it is for {use}", f"pip install {name}")
