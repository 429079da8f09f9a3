"""Programs that write and sync in any order: nothing on the disk is ever lost, and of a file that
is not all on the disk something always is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from pytest_vmsnapshot import RecoveryPoint, VirtualMachine

PAGE = 4096

PROGRAM = r"""
import json, os, random, sys, time

dice = random.Random(sys.argv[1])
files = {}  # path: [content, what of it is on the disk, whether that is another file]
through = set()  # paths of files that were opened with O_SYNC: all they ever hold is on the disk
pauses = 0


def content(count):
    return bytes([dice.randrange(1, 256)]) * count


def some_size():
    return dice.choice([1, 100, 4096, 5000, 20000, 70000])


def put(path, data, flags):
    fd = os.open(path, os.O_WRONLY | flags, 0o644)
    while data:
        data = data[os.write(fd, data):]
    return fd


def write_anew(path):
    data = content(some_size())
    os.close(put(path, data, os.O_CREAT | os.O_TRUNC))
    found = files.setdefault(path, [b"", None, False])
    found[0], found[2] = data, found[1] is not None


def append(path):
    data = content(some_size())
    os.close(put(path, data, os.O_APPEND))
    files[path][0] += data


def overwrite(path):
    old = files[path][0]
    at, data = dice.randrange(len(old) + 1), content(some_size())
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, data, at)
    os.close(fd)
    files[path][0] = old[:at] + data + old[at + len(data):]


def sync_one(path):
    fd = os.open(path, os.O_RDONLY)
    dice.choice([os.fsync, os.fdatasync])(fd)
    os.close(fd)
    files[path][1:] = files[path][0], False


def sync_all(path):
    os.sync()
    for found in files.values():
        found[1:] = found[0], False


def write_through(path):
    data = content(some_size())
    fd = put(path, data, os.O_APPEND | dice.choice([os.O_SYNC, os.O_DSYNC]))
    os.fsync(fd)  # for what was written before
    os.close(fd)
    files[path][0] += data
    through.add(path)


def replace(path):
    data, synced = content(some_size()), dice.random() < 0.5
    fd = put(path + ".new", data, os.O_CREAT | os.O_TRUNC)
    if synced:
        os.fsync(fd)
    os.close(fd)
    os.rename(path + ".new", path)
    old = files[path]
    before = old[0] if path in through else old[1]
    through.discard(path)
    files[path] = [data, data, False] if synced else [data, before, before is not None]


def look(path):
    os.stat(path)
    os.chmod(path, dice.choice([0o600, 0o644]))
    os.utime(path)


def remove(path):
    os.unlink(path)
    through.discard(path)
    del files[path]


def wait(path):
    global pauses
    pauses += 1
    if pauses % 3:
        time.sleep(1)
        return
    time.sleep(40)  # write-back comes to everything
    for found in files.values():
        found[1:] = found[0], False


OPERATIONS = [write_anew, append, overwrite, sync_one, replace, look, append, overwrite]
RARE = [sync_all, remove, wait, write_through]
places = [place + name for place in sys.argv[2:] for name in "abc"]
for _ in range(40):
    path = dice.choice(places)
    if path not in files:
        write_anew(path)
    else:
        dice.choice(OPERATIONS if dice.random() < 0.85 else RARE)(path)
for path in through:
    files[path][1:] = files[path][0], False
row = {
    path: [content.decode("latin-1"), synced and synced.decode("latin-1"), whole]
    for path, (content, synced, whole) in files.items()
}
with open("/run/row", "w") as file:
    json.dump(row, file)
"""


@dataclass(frozen=True)
class Written:
    """What a program has written to one file: all of it, and what is on the disk."""

    content: bytes
    synced: bytes | None
    whole: bool

    def mistake(self, left: bytes | None) -> str:
        """What cannot be of what a crash has left."""
        if self.synced is None:
            return "" if left is None or _is_torn(left, self.content) else "nobody wrote that"
        if left is None:
            return "it is gone"
        if self.synced == self.content:
            return "" if left == self.content else "it was on the disk"
        if left == self.content:
            return "nothing is lost"
        if self.whole:
            return "" if left == self.synced else "it is not the old one"
        return self._mistake_in_pages(left)

    def _mistake_in_pages(self, left: bytes) -> str:
        assert self.synced is not None
        short, long = sorted((len(self.synced), len(self.content)))
        if not short <= len(left) <= long:
            return f"its size is {len(left)}"
        for at in range(0, len(left), PAGE):
            end = min(at + PAGE, len(left))
            middle = min(max(at, short), end)
            if left[at:middle] not in (self.synced[at:middle], self.content[at:middle]):
                return f"nobody wrote the page at {at}"
            if left[middle:end] not in (self.content[middle:end], bytes(end - middle)):
                return f"nobody appended the page at {at}"
        return ""


def _is_torn(left: bytes, content: bytes) -> bool:
    return len(left) <= len(content) and all(
        left[at : at + PAGE]
        in (content[at : min(at + PAGE, len(left))], bytes(len(left[at : at + PAGE])))
        for at in range(0, len(left), PAGE)
    )


def left_of(point: RecoveryPoint, path: str) -> bytes | None:
    return point.read_bytes(path) if point.exists(path) else None


@pytest.mark.parametrize("start", range(4))
def test_a_crash_leaves_what_a_disk_can_have(vm: VirtualMachine, python: str, start: int) -> None:
    vm.volume("/var/lib/app")
    vm.write("/opt/p.py", PROGRAM)
    lost = 0
    for seed in range(start * 6, start * 6 + 6):
        places = f"/data/{seed} /opt/{seed} /var/lib/app/{seed}"
        vm.install(
            pre=f"#!/bin/sh\nexec {python} -I -S -B /opt/p.py {seed} {places}\n",
            post="#!/bin/sh\n",
            fs_freeze=False,
            timeout=600,
        )
        backup = vm.backup()
        assert backup.pre is not None
        assert backup.pre.exit_status == 0
        point = backup.recovery_point
        assert point is not None
        mistakes = {}
        for path, (content, synced, whole) in json.loads(vm.path("/run/row").read_text()).items():
            written = Written(content.encode("latin-1"), synced and synced.encode("latin-1"), whole)
            if mistake := written.mistake(left_of(point, path)):
                mistakes[path] = mistake
            lost += written.content != written.synced
        assert mistakes == {}, f"seed {seed}"
    assert lost
