"""Which failures a script may pass over without saying so, and which never."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_vmsnapshot.contract.check import checks_of, made
from pytest_vmsnapshot.contract.stand import Stand
from pytest_vmsnapshot.contract.tolerated import is_question, words_of

MakeStand = Callable[..., Stand]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("systemctl is-active --quiet shop", True),
        ("/usr/bin/systemctl --quiet is-enabled shop", True),
        ("service shop status", True),
        ("grep -q LOCKED /run/out", True),
        ("mysqladmin -u root ping", True),
        ("docker inspect web", True),
        ("lvs vg0/snap", True),
        ("systemctl stop shop", False),
        ("docker pause web", False),
        ("mysql -e 'SHOW TABLES'", False),
        ("curl http://localhost/status", False),
        ("mysql -e 'not ended", False),
        ("", False),
    ],
)
def test_questions(command: str, answer: bool) -> None:
    assert is_question(words_of(command)) is answer


def problems(stand: Stand) -> list[str]:
    names = ("exit-status[pre]", "failure-noticed[pre]")
    checks = [check for check in checks_of(stand.contract) if str(check) in names]
    return [problem.text for check in checks for problem in made(check, stand).problems]


@pytest.mark.parametrize(
    "pre",
    [
        "if systemctl is-active --quiet shop; then systemctl stop shop; fi",
        "systemctl is-active --quiet shop && echo shop > /run/was-active\nsystemctl stop shop",
        "! lvs vg0/snap || lvremove -f vg0/snap",
        "if docker inspect web; then docker pause web; fi",
        "if id root; then appctl pause; fi",
        "set +e\nlogger starting\nappctl pause || exit 1",
        "set +e\necho starting | tee -a /var/log/backup.log\nappctl pause || exit 1",
        'for f in a b; do touch "/run/$f"; done\nfor f in a b; do\n'
        'appctl "$(cat "/run/$f")" || true\ndone\nappctl pause "$(cat /run/a)"',
        "appctl pause \\\n    all || :",
    ],
)
def test_what_may_fail(stand_of: MakeStand, pre: str) -> None:
    assert problems(stand_of(f"#!/bin/sh\nset -e\n{pre}\n")) == []


@pytest.mark.parametrize(
    ("pre", "swallowed"),
    [
        ("for c in $(docker ps -q); do docker pause $c; done", "docker ps -q"),
        ("if systemctl is-active shop; then systemctl stop shop; fi", "systemctl stop shop"),
        ("if docker pause web; then echo paused; fi", "docker pause web"),
        ("echo all | tee /srv/what", "tee /srv/what"),
    ],
)
def test_what_may_not(stand_of: MakeStand, pre: str, swallowed: str) -> None:
    found = problems(stand_of(f"#!/bin/sh\n{pre}\n:\n"))
    assert [text for text in found if f"({swallowed}) fails, and the pre-script ends" in text]
