"""Makes a VM in one given way and says how it is: ``privileged_driver.py GUEST SCENARIO``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from pytest_vmsnapshot import VirtualMachine, virtual_machine
from pytest_vmsnapshot.guest.processes import descendants

SCRIPT = "#!/bin/sh\n"


def owners(vm: VirtualMachine) -> dict[str, Any]:
    """Who owns what, to the harness and to a process."""
    vm.install(pre=SCRIPT, post=SCRIPT, pre_owner="nobody")
    vm.write("/srv/of-a-number", "", owner=54321)
    paths = ("/opt/vmsnapshot/pre.sh", "/srv/of-a-number", "/etc/passwd", "/usr/bin", "/etc/azure")
    backup = vm.backup()
    return {
        "harness": [vm.path(path).owner for path in paths],
        "process": vm.run(["stat", "-c", "%U", *paths]).stdout.split(),
        "su": vm.run("su nobody -s /bin/sh -c 'id -un'").stdout.strip(),
        "groups": vm.run("id -G").stdout.strip(),
        "errors": [error.name for error in backup.errors],
        "modelled": [text for text in backup.modelled if "freeze" not in text],
        "guest": backup.guest,
    }


def tree(vm: VirtualMachine) -> dict[str, Any]:
    """Whether the host's directories can be written to."""
    command = "for d in /usr/bin /usr/local/bin /opt /srv /var/lib /var/log /root /home /mnt /etc; "
    command += "do touch $d/made && stat -c %U:%G $d/made; done"
    done = vm.run(command)
    return {"owners": sorted(set(done.stdout.split())), "refused": done.stderr}


def wait(vm: VirtualMachine) -> dict[str, Any]:
    """Leave daemons running, name every process there is, and wait for the end."""
    vm.run(
        "for i in 1 2 3; do mkfifo /data/up$i; "
        'setsid sh -c "echo up >/data/up$i; exec sleep 987653" & '
        "read up </data/up$i || exit 7; done",
        check=True,
    )
    print(json.dumps(descendants([os.getpid()])), flush=True)
    vm.run("sleep 987653", timeout=600, clock="real")
    return {}


SCENARIOS: dict[str, Callable[[VirtualMachine], dict[str, Any]]] = {
    "owners": owners,
    "tree": tree,
    "wait": wait,
}

if __name__ == "__main__":
    with virtual_machine(guest=sys.argv[1]) as machine:
        print(json.dumps(SCENARIOS[sys.argv[2]](machine)))
