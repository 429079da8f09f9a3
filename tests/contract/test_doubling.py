"""Commands that are not there are doubled, whatever the scripts say of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_vmsnapshot.backup import Consistency
from pytest_vmsnapshot.contract.stand import Stand

MakeStand = Callable[..., Stand]

PLAIN = "succeeds, and prints nothing"


def pre(*lines: str) -> str:
    return "\n".join(("#!/bin/sh", "set -eu", *lines, ""))


POST = "#!/bin/sh\n"


@pytest.mark.parametrize(
    ("lines", "doubled"),
    [
        (["date"], {}),
        (["appctl pause"], {"appctl": PLAIN}),
        (["/opt/app/bin/appctl pause"], {"/opt/app/bin/appctl": PLAIN}),
        (["appctl pause > /dev/null 2>&1"], {"appctl": PLAIN}),
        (["if [ -e /srv/none ]; then appctl pause; fi"], {}),
        (["sytemctl stop app"], {"sytemctl": f"{PLAIN} (is systemctl meant?)"}),
        (["/usr/bin/msyql -e ''"], {"/usr/bin/msyql": f"{PLAIN} (is mysql meant?)"}),
        (["timeout 5 appctl pause"], {"appctl": PLAIN}),
        (["pause() { :; }", "pause"], {}),
        (["docker pause web", "# podman is not used"], {"docker": PLAIN}),
        (
            ["su - postgres -c 'psql -c CHECKPOINT'"],
            {"psql": "ready-made", "su": "ready-made"},
        ),
        (
            ["exec > /run/log 2>&1", 'su oracle -c "appctl pause; redis-cli save"', "rm /run/log"],
            {"appctl": PLAIN, "redis-cli": PLAIN, "su": "ready-made"},
        ),
        (
            ["sudo -u app /opt/app/bin/appctl pause"],
            {"/opt/app/bin/appctl": PLAIN, "sudo": "ready-made"},
        ),
        (["sh -c 'pause() { :; }; pause all'"], {}),
        (
            ['DB="/opt/db/bin/mysql -u root"', "$DB -e 'FLUSH LOGS'"],
            {"mysql": "ready-made"},
        ),
        (["mysqldump x > /dev/null", "mkdir -p /srv/mysql /srv/docker"], {"mysqldump": PLAIN}),
        (["psql -c 'CHECKPOINT'"], {"psql": "ready-made"}),
        (
            ["fsfreeze -f /data", "fsfreeze -u /data"],
            {"fsfreeze": "ready-made"},
        ),
        (["[ -d /srv ]", "test -d /srv", "cd /srv", "trap : EXIT", "echo docker: no"], {}),
    ],
)
def test_what_is_doubled(stand_of: MakeStand, lines: list[str], doubled: dict[str, str]) -> None:
    stand = stand_of(pre(*lines), POST)
    assert stand.good().backup.consistency is Consistency.APPLICATION
    assert stand.doubled == doubled


def test_what_the_settings_double_is_left_to_them(stand_of: MakeStand) -> None:
    settings = "[commands.mysql]\nexit_status = 4\n"
    stand = stand_of(pre("mysql -e 'SELECT 1'"), POST, settings=settings)
    backup = stand.good().backup
    assert backup.pre is not None
    assert backup.pre.exit_status == 4
    assert stand.doubled == {}


def test_what_is_no_text_names_no_commands(stand_of: MakeStand) -> None:
    stand = stand_of("#!/bin/sh\nappctl pause\n\0\0 x\nb\x07c d\n", POST)
    assert stand.good().backup.pre is not None
    assert "appctl" in stand.doubled


def test_real_commands(stand_of: MakeStand) -> None:
    stand = stand_of(pre("logger --version"), POST, settings="real = ['logger']\n")
    backup = stand.good().backup
    assert backup.pre is not None
    assert "util-linux" in backup.pre.stdout
    assert stand.doubled == {}


def test_a_word_of_bash_is_no_command(stand_of: MakeStand) -> None:
    stand = stand_of(pre("[[ -d /srv ]] || exit 1"), POST)
    assert stand.good("shipped", "debian").backup.consistency is not Consistency.APPLICATION
    assert stand.doubled == {}


def test_what_is_met_only_when_something_fails(stand_of: MakeStand) -> None:
    """A command put together at run time is found when it is missing, and what it does is seen."""
    post = '#!/bin/sh\nname=app; "${name}ctl" resume\n'
    stand = stand_of(pre("appd pause"), post)
    trial = stand.good()
    assert trial.backup.consistency is Consistency.APPLICATION
    assert [call.argv for call in trial.calls] == [("appd", "pause"), ("appctl", "resume")]
    assert stand.doubled == {"appctl": PLAIN, "appd": PLAIN}


def test_a_double_reads_what_it_is_given(stand_of: MakeStand) -> None:
    stand = stand_of(pre("appctl <<END", "pause all", "END"), POST)
    (call,) = stand.good().calls
    assert call.stdin_text == "pause all\n"
