"""A table of waits and clock reads: the virtual clock says what the real one says.

The program of each row runs twice. On the virtual clock a unit is a second; on the real clock it is
a few hundredths of one, so that a wait of ten units costs nothing. What the program prints must be
the same, once durations are told in units. A duration in a row is written ``<10>``: ten units in
seconds; ``<10ms>``, ``<10us>``, ``<10cs>`` (hundredths) and ``<10min>`` in other measures.

A program measures time itself, by a clock of its choice, and prints

* ``took SECONDS``, or ``took BEFORE AFTER``: what passed, which noise can only make longer;
* ``left SECONDS``: what is left of a wait, which noise can only make shorter.

Both are told in whole tens of units. On the real clock up to ten units of noise go unnoticed; on
the virtual clock only as much as the run has really taken.
"""

from __future__ import annotations

import fcntl
import math
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_vmsnapshot import VirtualMachine, VmFactory

PACKAGES = {
    "bash": "bash",
    "busybox": "busybox-static",
    "curl": "curl",
    "dash": "dash",
    "find": "findutils",
    "flock": "util-linux",
    "gcc": "gcc",
    "go": "golang-go",
    "ksh93": "ksh93u+m",
    "make": "make",
    "mksh": "mksh",
    "node": "nodejs",
    "perl": "perl",
    "ps": "procps",
    "python3": "python3",
    "socat": "socat",
    "tclsh": "tcl",
    "timeout": "coreutils",
    "yash": "yash",
    "zsh": "zsh",
}
"""Packages of Debian by the program that is looked for."""

WHERE = "/usr/bin:/bin"

TICK = 0.012
"""Seconds by which coarse clocks and ticks of processes may be behind: 100 ticks a second."""

NOISE = 0.15
"""Seconds a run on the virtual clock may take besides its waits, unless it really took longer."""

_SHELL = """
now() { /usr/bin/date +%s.%N; }
took() { echo "took $began $(now)"; }
began=$(now)
"""
_PYTHON = """
import os, subprocess, sys, threading, time
began = time.monotonic()
def took():
    print("took", time.monotonic() - began)
"""
_PERL = """
use strict; use warnings; use Time::HiRes ();
my $began = Time::HiRes::time();
sub took { printf "took %.6f\\n", Time::HiRes::time() - $began; }
"""

LANGUAGES: dict[str, tuple[str, str]] = {
    "dash": ("/usr/bin/dash", _SHELL),
    "bash": ("/usr/bin/bash", _SHELL),
    "ksh93": ("/usr/bin/ksh93", _SHELL),
    "mksh": ("/usr/bin/mksh", _SHELL),
    "yash": ("/usr/bin/yash", _SHELL),
    "zsh": ("/usr/bin/zsh", _SHELL),
    "busybox": ("/usr/bin/busybox sh", _SHELL),
    "python3": ("/usr/bin/python3", _PYTHON),
    "perl": ("/usr/bin/perl", _PERL),
    "tclsh": ("/usr/bin/tclsh", ""),
    "node": ("/usr/bin/node", ""),
}
"""What runs a program, and lines before it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A program and what it says on either clock.

    Args:
        id: its name.
        language: what runs it, one of ``LANGUAGES``.
        program: its text, with durations in units.
        answer: what it prints, errors included, and its exit status unless that is 0.
        waits: units it takes in all.
        needs: more programs it needs, by their names in ``PACKAGES``.
        unit: seconds of a unit on the real clock.
    """

    id: str
    language: str
    program: str
    answer: str
    waits: float = 10
    needs: str = ""
    unit: float = 0.02


WHOLE = 0.1
"""The unit where a program can only wait for whole seconds: ten units are one."""

TOOK = "took 10\n"


def sleeper(language: str, command: str, *, needs: str = "", unit: float = 0.02) -> Row:
    """A shell that sleeps with a command."""
    name = command.split()[0].rpartition("/")[2]
    row_id = f"{language}-{name}"
    return Row(row_id, language, f"{command} <10>; took", TOOK, needs=needs, unit=unit)


def c(case: str, answer: str = "", *, waits: float = 10, unit: float = 0.02) -> Row:
    """A case of the program in C that says something and then how long it took."""
    text = f"/opt/waits {case} <10>"
    said = f"{answer}took {waits // 10 * 10:.0f}\n"
    return Row(f"c-{case}", "dash", text, said, waits=waits, needs="gcc", unit=unit)


def static(row: Row) -> Row:
    """The same without shared libraries."""
    text = row.program.replace("/opt/waits", "/opt/waits-static")
    return Row(f"{row.id}-static", "dash", text, row.answer, row.waits, row.needs, row.unit)


def go(case: str, answer: str = "", *, waits: float = 10) -> Row:
    """A case of the program in Go."""
    said = f"{answer}took {waits:.0f}\n"
    return Row(f"go-{case}", "dash", f"/opt/waits-go {case} <10>", said, waits, needs="go")


SLEEPS = [
    *(sleeper(shell, "/usr/bin/sleep") for shell in ("dash", "bash", "yash")),
    *(sleeper(shell, "sleep") for shell in ("ksh93", "mksh", "zsh", "busybox")),
    Row("dash-busybox-sleep", "dash", "busybox sleep <10>; took", TOOK, needs="busybox"),
    Row("dash-busybox-usleep", "dash", "busybox usleep <10us>; took", TOOK, needs="busybox"),
    Row(
        "zsh-zselect",
        "zsh",
        "zmodload zsh/zselect; zselect -t <10cs>; echo $?; took",
        "1\ntook 10\n",
    ),
    Row("tclsh-after", "tclsh", "after <10ms>; puts woke", "woke\n"),
    Row(
        "node-timeout",
        "node",
        "const began = performance.now();"
        "setTimeout(() => console.log(`took ${(performance.now() - began) / 1000}`), <10ms>)",
        TOOK,
    ),
    Row("python-sleep", "python3", "time.sleep(<10>); took()", TOOK),
    Row("perl-sleep", "perl", "sleep(<10>); took()", TOOK, unit=WHOLE),
    Row("perl-hires-sleep", "perl", "Time::HiRes::sleep(<10>); took()", TOOK),
    Row("perl-hires-nanosleep", "perl", "Time::HiRes::nanosleep(<10> * 1e9); took()", TOOK),
    Row("perl-hires-usleep", "perl", "Time::HiRes::usleep(<10> * 1e6); took()", TOOK),
    Row("perl-select", "perl", "select(undef, undef, undef, <10>); took()", TOOK),
    c("nanosleep", "0\n"),
    static(c("nanosleep", "0\n")),
    c("usleep", "0\n"),
    c("sleep", "0\n", unit=WHOLE),
    c("clock_nanosleep", "0\n"),
    c("until_monotonic", "0\n"),
    c("until_realtime", "0\n"),
    static(c("until_realtime", "0\n")),
    c("until_boottime", "0\n"),
    c("until_tai", "0\n"),
    c("threads_sleep", "took 10\ntook 20\n", waits=30),
    go("sleep"),
    Row(
        "perl-sleep-interrupted",
        "perl",
        "$SIG{ALRM} = sub { print 'rang ' }; Time::HiRes::alarm(<10>);"
        "my $slept = sleep(<30>); print qq(took $slept ); took()",
        "rang took 10 took 10\n",
        unit=WHOLE,
    ),
    Row(
        "bash-stopped-sleep-goes-on",
        "bash",
        "sleep <30> & /usr/bin/sleep <10>; kill -STOP $!; /usr/bin/sleep <10>; kill -CONT $!\n"
        "wait $!; echo $?; took",
        "0\ntook 30\n",
        waits=30,
    ),
    Row(
        "bash-stopped-past-its-end",
        "bash",
        "sleep <20> & /usr/bin/sleep <10>; kill -STOP $!; /usr/bin/sleep <20>; kill -CONT $!\n"
        "wait $!; echo $?; took",
        "0\ntook 30\n",
        waits=30,
    ),
]

DESCRIPTORS = [
    c("select_nothing", "0\n"),
    c("select", "0\n"),
    c("select_data", "1\n"),
    c("select_none_left", "0\nleft 0\n"),
    c("pselect", "0\n"),
    c("poll_nothing", "0\n"),
    c("poll", "0\n"),
    static(c("poll", "0\n")),
    c("poll_data", "1\n"),
    c("ppoll", "0\n"),
    c("ppoll_data", "1\n"),
    c("epoll_wait", "0\n"),
    c("epoll_wait_data", "1\n"),
    c("epoll_pwait2", "0\n"),
    Row(
        "python-select-data",
        "python3",
        "import select\n"
        "ends = os.pipe()\n"
        "threading.Timer(<10>, os.write, (ends[1], b'x')).start()\n"
        "print(len(select.select([ends[0]], [], [], <30>)[0])); took()",
        "1\ntook 10\n",
    ),
    Row(
        "python-poll",
        "python3",
        "import select\n"
        "poller = select.poll(); poller.register(os.pipe()[0])\n"
        "print(poller.poll(<10ms>)); took()",
        "[]\ntook 10\n",
    ),
    Row(
        "python-epoll",
        "python3",
        "import select\n"
        "poller = select.epoll(); poller.register(os.pipe()[0], select.EPOLLIN)\n"
        "print(poller.poll(<10>)); took()",
        "[]\ntook 10\n",
    ),
    Row(
        "python-asyncio-sleep",
        "python3",
        "import asyncio\n"
        "async def main():\n"
        "    await asyncio.gather(asyncio.sleep(<10>), asyncio.sleep(<20>))\n"
        "asyncio.run(main()); took()",
        "took 20\n",
        waits=20,
    ),
    Row(
        "python-asyncio-wait-for",
        "python3",
        "import asyncio\n"
        "async def main():\n"
        "    try:\n"
        "        await asyncio.wait_for(asyncio.Event().wait(), <10>)\n"
        "    except asyncio.TimeoutError:\n"
        "        print('late')\n"
        "asyncio.run(main()); took()",
        "late\ntook 10\n",
    ),
    go("channel", "sent\n"),
    go("after", "after\n"),
    go("ticker", waits=30),
    go("afterfunc"),
    go("context", "context deadline exceeded\n"),
]

FUTEXES = [
    c("sem_timedwait", "ETIMEDOUT\n"),
    c("sem_timedwait_posted", "0\n"),
    c("cond_monotonic", "ETIMEDOUT\n"),
    c("cond_realtime", "ETIMEDOUT\n"),
    static(c("cond_realtime", "ETIMEDOUT\n")),
    c("mutex_timedlock", "ETIMEDOUT\n"),
    c("timedjoin", "ETIMEDOUT\n"),
    c("futex_relative", "ETIMEDOUT\n"),
    c("futex_until_realtime", "ETIMEDOUT\n"),
    Row(
        "python-event", "python3", "print(threading.Event().wait(<10>)); took()", "False\ntook 10\n"
    ),
    Row(
        "python-event-set",
        "python3",
        "event = threading.Event(); threading.Timer(<10>, event.set).start()\n"
        "print(event.wait(<30>)); took()",
        "True\ntook 10\n",
    ),
    Row(
        "python-lock",
        "python3",
        "lock = threading.Lock(); lock.acquire()\nprint(lock.acquire(timeout=<10>)); took()",
        "False\ntook 10\n",
    ),
    Row(
        "python-condition",
        "python3",
        "condition = threading.Condition()\n"
        "def act():\n"
        "    time.sleep(<10>)\n"
        "    with condition: condition.notify()\n"
        "threading.Thread(target=act).start()\n"
        "with condition: print(condition.wait(<30>), condition.wait(<10>))\n"
        "took()",
        "True False\ntook 20\n",
        waits=20,
    ),
    Row(
        "python-queue",
        "python3",
        "import queue\ntry:\n    queue.Queue().get(timeout=<10>)\nexcept queue.Empty:\n    took()",
        TOOK,
    ),
]

TIMERS = [
    c("timerfd", "1\n"),
    static(c("timerfd", "1\n")),
    c("timerfd_until_realtime", "1\n"),
    c("timerfd_until_monotonic", "1\n"),
    c("timerfd_until_boottime", "1\n"),
    c("timerfd_periodic", "1\n1\n1\n", waits=40),
    c("timerfd_missed", "3\n", waits=40),
    c("timerfd_polled", "1\n1\n"),
    c("timerfd_gettime", "left 20\nleft 20\n"),
    c("timerfd_disarmed", "left 10\n0\n", waits=30),
    c("timer_signal", "USR1 1 77\n"),
    c("timer_until_realtime", "USR1 1 77\n"),
    c("timer_periodic", "USR1 1 77\n" * 3, waits=40),
    c("timer_thread", "78\n"),
    static(c("timer_thread", "78\n")),
    c("timer_gettime", "left 20\nleft 20\n"),
    c("timer_overrun", "USR1 1 77\n2\n", waits=40),
    c("timer_queued_once", "1\nEAGAIN\n", waits=40),
    c("setitimer", "EINTR\n"),
    c("setitimer_periodic", "EINTR\n" * 3, waits=40),
    c("getitimer", "left 20\nleft 20\n"),
    c("alarm", "EINTR\n", unit=WHOLE),
    c("alarm_left", "left 20\n", unit=WHOLE),
    Row(
        "c-alarm_left_is_rounded",
        "dash",
        "/opt/waits alarm_left_is_rounded 10 | head -n 2",
        "2\n3\n",
        waits=0.7,
        needs="gcc",
    ),
    Row(
        "c-alarm_after_exec",
        "dash",
        "/opt/waits alarm_after_exec <10>; echo $?; took",
        "142\ntook 10\nAlarm clock\n",
        needs="gcc",
        unit=WHOLE,
    ),
    c("sigtimedwait", "EAGAIN\n"),
    c("sigtimedwait_signal", "1\n"),
    Row(
        "python-sigtimedwait",
        "python3",
        "import signal\nprint(signal.sigtimedwait([signal.SIGUSR1], <10>)); took()",
        "None\ntook 10\n",
    ),
    Row(
        "python-setitimer",
        "python3",
        "import signal\n"
        "signal.signal(signal.SIGALRM, lambda *_: took())\n"
        "signal.setitimer(signal.ITIMER_REAL, <10>, <10>)\n"
        "signal.pause(); signal.pause()\n"
        "print('left', signal.setitimer(signal.ITIMER_REAL, 0)[0])",
        "took 10\ntook 20\nleft 10\n",
        waits=20,
    ),
    Row(
        "perl-alarm",
        "perl",
        "eval { local $SIG{ALRM} = sub { die 'rang ' }; alarm(<10>); sleep(<30>); };\n"
        "print $@ =~ /^rang/ ? 'rang ' : 'no '; took()",
        "rang took 10\n",
        unit=WHOLE,
    ),
    Row(
        "perl-alarm-left",
        "perl",
        "alarm(<30>); Time::HiRes::sleep(<10>); print 'left ', alarm(0), qq(\\n)",
        "left 20\n",
        unit=WHOLE,
    ),
]

_FIFO = "mkfifo /tmp/fifo; exec 3<> /tmp/fifo\n"
_LATER = "(/usr/bin/sleep <10>; echo line >&3; exec /usr/bin/sleep <30>) &\n"
"""The writer lives on: busybox loses what it has read of a line when a child ends meanwhile."""


def read_t(shell: str, *, unit: float = 0.02) -> list[Row]:
    """``read -t`` of a shell: timed out, and with data that arrive midway."""
    return [
        Row(
            f"{shell}-read-t",
            shell,
            _FIFO + 'read -t <10> line <&3 && echo "got $line"; took',
            TOOK,
            unit=unit,
        ),
        Row(
            f"{shell}-read-t-data",
            shell,
            _FIFO + _LATER + 'read -t <30> line <&3 && echo "got $line"; took',
            "got line\ntook 10\n",
            unit=unit,
        ),
    ]


SHELLS = [
    *read_t("bash"),
    *read_t("ksh93"),
    *read_t("mksh"),
    *read_t("zsh"),
    *read_t("busybox", unit=WHOLE),
    Row(
        "bash-tmout",
        "bash",
        _FIFO + "TMOUT=<10>\nread line <&3; echo $?; took",
        "142\ntook 10\n",
        unit=WHOLE,
    ),
    Row(
        "ksh93-tmout",
        "ksh93",
        _FIFO + "TMOUT=<10>\nread line <&3 && echo read; took",
        TOOK,
        unit=WHOLE,
    ),
    *(
        Row(
            f"{shell}-wait",
            shell,
            "(/usr/bin/sleep <10>; exit 3) & first=$!; /usr/bin/sleep <20> &\n"
            "wait $first; echo $?; took; wait; took",
            "3\ntook 10\ntook 20\n",
            waits=20,
        )
        for shell in ("dash", "bash", "ksh93", "mksh", "yash", "zsh", "busybox")
    ),
    Row(
        "bash-wait-n",
        "bash",
        "/usr/bin/sleep <20> & (/usr/bin/sleep <10>; exit 5) & wait -n; echo $?; took; wait; took",
        "5\ntook 10\ntook 20\n",
        waits=20,
    ),
    Row(
        "dash-trap-ends-wait",
        "dash",
        "trap 'echo term' TERM; (/usr/bin/sleep <10>; kill $$) & /usr/bin/sleep <30> & wait $!\n"
        "echo $?; took; wait $!; took",
        "term\n143\ntook 10\ntook 30\n",
        waits=30,
    ),
    Row(
        "dash-pipeline",
        "dash",
        "(/usr/bin/sleep <10>; echo a; /usr/bin/sleep <10>; echo b) |\n"
        "while read -r line; do echo $line; took; done",
        "a\ntook 10\nb\ntook 20\n",
        waits=20,
    ),
    Row(
        "bash-coproc",
        "bash",
        "coproc { /usr/bin/sleep <10>; echo done; }; read -r line <&${COPROC[0]}; echo $line; took",
        "done\ntook 10\n",
    ),
    Row(
        "bash-time",
        "bash",
        "TIMEFORMAT='took %3R processor took %3U'; time /usr/bin/sleep <10>",
        "took 10 processor took 0\n",
    ),
]

SYSTEM_V = [
    c("semtimedop", "EAGAIN\n"),
    c("msgrcv_alarm", "EINTR\n"),
    c("mq_timedreceive", "ETIMEDOUT\n"),
    c("mq_timedsend", "ETIMEDOUT\n"),
]

_PYTHON_TCP = """
import errno, socket, struct
listener = socket.create_server(("127.0.0.1", 0))
near = socket.create_connection(listener.getsockname())
far = listener.accept()[0]
"""

SOCKETS = [
    c("rcvtimeo_unix", "EAGAIN\n"),
    c("rcvtimeo_tcp", "EAGAIN\n"),
    c("rcvtimeo_unix_data", "1\n"),
    c("rcvtimeo_tcp_data", "1\n"),
    c("rcvtimeo_read", "EAGAIN\n"),
    c("rcvtimeo_accept", "EAGAIN\n"),
    c("sndtimeo_unix", "EAGAIN\n"),
    c("sndtimeo_tcp", "EAGAIN\n"),
    Row(
        "python-settimeout",
        "python3",
        _PYTHON_TCP + "near.settimeout(<10>)\n"
        "try:\n"
        "    near.recv(1)\n"
        "except TimeoutError:\n"
        "    took()",
        TOOK,
    ),
    Row(
        "python-rcvtimeo",
        "python3",
        _PYTHON_TCP + "seconds = <10>\n"
        "value = struct.pack('@qq', int(seconds), int(seconds % 1 * 1000000))\n"
        "near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)\n"
        "try:\n"
        "    near.recv(1)\n"
        "except BlockingIOError as error:\n"
        "    print(errno.errorcode[error.errno])\n"
        "took()",
        "EAGAIN\ntook 10\n",
    ),
    Row(
        "python-tcp-answer",
        "python3",
        _PYTHON_TCP + "threading.Timer(<10>, far.sendall, (b'answer',)).start()\n"
        "print(near.recv(9).decode()); took()",
        "answer\ntook 10\n",
    ),
    go("deadline", "true\n"),
    Row(
        "curl-max-time",
        "python3",
        "import socket\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "url = 'http://127.0.0.1:%d/' % listener.getsockname()[1]\n"
        "print(subprocess.run(['curl', '-s', '--max-time', '<10>', url]).returncode); took()",
        "28\ntook 10\n",
        needs="curl",
    ),
    Row(
        "curl-slow-answer",
        "python3",
        "import socket\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "def serve():\n"
        "    end = listener.accept()[0]; end.recv(4096); time.sleep(<10>)\n"
        "    end.sendall(b'HTTP/1.0 200 OK\\r\\n\\r\\nanswer\\n'); end.close()\n"
        "threading.Thread(target=serve).start()\n"
        "url = 'http://127.0.0.1:%d/' % listener.getsockname()[1]\n"
        "subprocess.run(['curl', '-s', '--max-time', '<30>', url]); took()",
        "answer\ntook 10\n",
        needs="curl",
    ),
    Row(
        "socat-inactivity",
        "dash",
        "socat -T <10> PIPE:/tmp/one PIPE:/tmp/two; echo $?; took",
        "0\ntook 10\n",
        needs="socat",
    ),
    Row(
        "socat-accept-timeout",
        "dash",
        "socat TCP-LISTEN:4000,accept-timeout=<10> - < /dev/null; echo $?; took",
        "0\ntook 10\n",
        needs="socat",
    ),
    Row(
        "socat-retries",
        "dash",
        "(/usr/bin/sleep <15>; socat -u SYSTEM:'echo answer' UNIX-LISTEN:/tmp/socket) &\n"
        "socat -u UNIX-CONNECT:/tmp/socket,retry=3,interval=<10> -; took",
        "answer\ntook 20\n",
        waits=20,
        needs="socat",
    ),
]

TOOLS = [
    Row("timeout", "dash", "timeout <10> sleep <30>; echo $?; took", "124\ntook 10\n"),
    Row("timeout-in-time", "dash", "timeout <30> sleep <10>; echo $?; took", "0\ntook 10\n"),
    Row(
        "timeout-k",
        "dash",
        "timeout -k <10> <10> sh -c 'trap \"\" TERM; sleep <40>'; echo $?; took",
        "137\ntook 20\nKilled\n",
        waits=20,
    ),
    Row(
        "timeout-s",
        "dash",
        "timeout -s KILL <10> sleep <30>; echo $?; took",
        "137\ntook 10\nKilled\n",
    ),
    Row(
        "busybox-timeout",
        "dash",
        "busybox timeout <10> sleep <30>; echo $?; took",
        "143\ntook 10\nTerminated\n",
        needs="busybox",
        unit=WHOLE,
    ),
    Row(
        "flock-w",
        "dash",
        "flock /tmp/lock sleep <30> & /usr/bin/sleep <10>\n"
        "flock -w <10> /tmp/lock echo locked; echo $?; took; wait",
        "1\ntook 20\n",
        waits=30,
        needs="flock",
    ),
    Row(
        "flock-w-obtained",
        "dash",
        "flock /tmp/lock sleep <20> & /usr/bin/sleep <10>\n"
        "flock -w <30> /tmp/lock echo locked; echo $?; took",
        "locked\n0\ntook 20\n",
        waits=20,
        needs="flock",
    ),
    Row(
        "timeout-tail-f",
        "dash",
        "timeout <10> tail -f /etc/passwd > /dev/null; echo $?; took",
        "124\ntook 10\n",
    ),
    Row(
        "python-subprocess-timeout",
        "python3",
        "try:\n"
        "    subprocess.run(['sleep', '<30>'], timeout=<10>)\n"
        "except subprocess.TimeoutExpired:\n"
        "    took()",
        TOOK,
    ),
    Row(
        "python-communicate-timeout",
        "python3",
        "try:\n"
        "    subprocess.run(['sleep', '<30>'], timeout=<10>, capture_output=True)\n"
        "except subprocess.TimeoutExpired:\n"
        "    took()",
        TOOK,
    ),
    Row(
        "python-sqlite-busy",
        "python3",
        "import sqlite3\n"
        "one = sqlite3.connect('/tmp/db', isolation_level=None); one.execute('BEGIN EXCLUSIVE')\n"
        "try:\n"
        "    sqlite3.connect('/tmp/db', timeout=<10>).execute('CREATE TABLE a (b)')\n"
        "except sqlite3.OperationalError as error:\n"
        "    print(error)\n"
        "took()",
        "database is locked\ntook 10\n",
    ),
    go("command", "signal: killed\n"),
]


def reads(shell: str, row_id: str, before: str, value: str, *, unit: float = 0.02) -> Row:
    """What a shell's own clock says of a sleep."""
    text = f"{before}\nbefore={value}; /usr/bin/sleep <10>; echo took $before {value}"
    return Row(f"{shell}-{row_id}", shell, text, TOOK, unit=unit)


_CLOCKS = (
    *(f"clock {clock} took 10\n" for clock in (0, 1, 4, 5, 6, 7, 11)),
    *(f"clock {clock} took 0\n" for clock in (2, 3)),
)

READS = [
    *(
        reads(shell, "date", "", "$(/usr/bin/date +%s)", unit=WHOLE)
        for shell in ("dash", "yash", "busybox")
    ),
    reads("dash", "busybox-date", "", "$(busybox date +%s)", unit=WHOLE),
    reads("dash", "proc-uptime", "", "$(cut -d ' ' -f 1 /proc/uptime)"),
    reads("bash", "SECONDS", "", "$SECONDS", unit=WHOLE),
    reads("bash", "EPOCHSECONDS", "", "$EPOCHSECONDS", unit=WHOLE),
    reads("bash", "EPOCHREALTIME", "", "$EPOCHREALTIME"),
    reads("bash", "printf-T", "", "$(printf '%(%s)T')", unit=WHOLE),
    reads("ksh93", "SECONDS", "typeset -F SECONDS", "$SECONDS"),
    reads("ksh93", "printf-T", "", "$(printf '%(%s)T')", unit=WHOLE),
    reads("mksh", "EPOCHREALTIME", "", "$EPOCHREALTIME"),
    reads("mksh", "SECONDS", "", "$SECONDS", unit=WHOLE),
    reads("zsh", "EPOCHSECONDS", "zmodload zsh/datetime", "$EPOCHSECONDS", unit=WHOLE),
    reads("zsh", "EPOCHREALTIME", "zmodload zsh/datetime", "$EPOCHREALTIME"),
    reads("zsh", "SECONDS", "typeset -F SECONDS", "$SECONDS"),
    Row(
        "python-clocks",
        "python3",
        "names = sorted(name for name in dir(time) if name.startswith('CLOCK_'))\n"
        "clocks = [getattr(time, name) for name in names]\n"
        "before = [time.clock_gettime(clock) for clock in clocks]\n"
        "time.sleep(<10>)\n"
        "after = [time.clock_gettime(clock) for clock in clocks]\n"
        "for name, one, two in zip(names, before, after): print(name, 'took', two - one)",
        "CLOCK_BOOTTIME took 10\nCLOCK_MONOTONIC took 10\nCLOCK_MONOTONIC_RAW took 10\n"
        "CLOCK_PROCESS_CPUTIME_ID took 0\nCLOCK_REALTIME took 10\nCLOCK_TAI took 10\n"
        "CLOCK_THREAD_CPUTIME_ID took 0\n",
    ),
    Row(
        "python-time",
        "python3",
        "import datetime\n"
        "clocks = (time.time, time.monotonic, time.perf_counter, time.process_time,\n"
        "          lambda: datetime.datetime.now().timestamp(), lambda: os.times().elapsed)\n"
        "before = [clock() for clock in clocks]\n"
        "time.sleep(<10>)\n"
        "for clock, one in zip(clocks, before): print('took', clock() - one)",
        "took 10\ntook 10\ntook 10\ntook 0\ntook 10\ntook 10\n",
    ),
    Row(
        "perl-time",
        "perl",
        "my @before = (time, Time::HiRes::time(),\n"
        "    Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()));\n"
        "Time::HiRes::sleep(<10>);\n"
        'printf "took %.6f took %.6f took %.6f\\n", time - $before[0],\n'
        "    Time::HiRes::time() - $before[1],\n"
        "    Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) - $before[2];",
        "took 10 took 10 took 10\n",
        unit=WHOLE,
    ),
    Row(
        "tclsh-clock",
        "tclsh",
        "set before [clock milliseconds]; after <10ms>\n"
        'puts "took [expr {([clock milliseconds] - $before) / 1000.0}]"',
        TOOK,
    ),
    c("clocks", "".join(_CLOCKS)),
    static(c("clocks", "".join(_CLOCKS))),
    c("clocks_direct", "".join(_CLOCKS)),
    c("gettimeofday", "read took 10\n"),
    static(c("gettimeofday", "read took 10\n")),
    c("gettimeofday_direct", "read took 10\n"),
    c("time", "read took 10\n", unit=WHOLE),
    static(c("time", "read took 10\n", unit=WHOLE)),
    c("time_direct", "read took 10\n", unit=WHOLE),
    c("times", "read took 10\n"),
    c("sysinfo", "read took 10\n", unit=WHOLE),
    c("uptime", "read took 10\n"),
    c("agree", "1111111\n"),
    c("processor_time", "processor took 0\n" * 2),
    go("now", "read took 10\n"),
]

_FILES = "cd /tmp; /usr/bin/sleep <10>; touch old; /usr/bin/sleep <10>; : > new\n"

FILES = [
    Row(
        "file-is-new",
        "dash",
        "cd /tmp\nfor turn in 1 2 3 4 5; do /usr/bin/sleep <10>; : > file$turn\n"
        'echo "age took $(stat -c %.9Y file$turn) $(now)"; done',
        "age took 0\n" * 5,
        waits=50,
    ),
    Row(
        "file-written-again",
        "dash",
        "cd /tmp\nfor turn in 1 2 3 4 5; do /usr/bin/sleep <10>; echo line >> file\n"
        'echo "age took $(stat -c %.9Y file) $(now)"; done',
        "age took 0\n" * 5,
        waits=50,
    ),
    Row(
        "file-ages",
        "dash",
        _FILES + 'echo "took $(stat -c %.9Y old) $(stat -c %.9Y new)"\n'
        '/usr/bin/sleep <10>; echo "took $(stat -c %.9Y old) $(now)"',
        "took 10\ntook 20\n",
        waits=30,
    ),
    Row(
        "directory-is-new",
        "dash",
        'cd /tmp; /usr/bin/sleep <10>; mkdir made; echo "took $(stat -c %.9Y made) $(now)"\n'
        '/usr/bin/sleep <10>; : > made/file; echo "took $(stat -c %.9Y made) $(now)"',
        "took 0\ntook 0\n",
        waits=20,
    ),
    *(
        Row(
            f"file-in-{place}-is-new",
            "dash",
            f"cd /{place}; /usr/bin/sleep <10>; echo > made\n"
            'echo "took $(stat -c %.9Y made) $(now)"',
            "took 0\n",
        )
        for place in ("etc", "opt", "root", "run", "usr", "var")
    ),
    Row(
        "find-mmin",
        "dash",
        _FILES + "find old new -mmin -<5min>; find old new -mmin +<5min>",
        "new\nold\n",
        waits=20,
        needs="find",
    ),
    Row(
        "find-newermt",
        "dash",
        _FILES + "find old new -newermt '-<5> seconds'",
        "new\n",
        waits=20,
        needs="find",
    ),
    Row("find-newer", "dash", _FILES + "find old new -newer old", "new\n", waits=20, needs="find"),
    *(
        Row(
            f"{shell}-newer-than",
            shell,
            _FILES + "[ new -nt old ]; echo $?; [ old -nt new ]; echo $?; [ old -ot new ]; echo $?",
            "0\n1\n0\n",
            waits=20,
        )
        for shell in ("dash", "bash", "ksh93", "mksh", "yash", "zsh", "busybox")
    ),
    Row(
        "python-file-times",
        "python3",
        "os.chdir('/tmp'); time.sleep(<10>); file = open('file', 'w')\n"
        "file.write('x'); file.flush()\n"
        "for made in (os.path.getmtime('file'), os.fstat(file.fileno()).st_mtime,\n"
        "             next(os.scandir('.')).stat().st_mtime, os.lstat('file').st_mtime):\n"
        "    print('age took', time.time() - made)",
        "age took 0\n" * 4,
    ),
    Row(
        "touch-d",
        "dash",
        "cd /tmp; /usr/bin/sleep <10>; touch -d @1000000000 file; stat -c %Y file\n"
        "/usr/bin/sleep <10>; stat -c %Y file; touch -a file; stat -c %Y file",
        "1000000000\n" * 3,
        waits=20,
    ),
    Row(
        "touch-d-lately",
        "dash",
        "cd /tmp; /usr/bin/sleep <20>; touch -d '-<10> seconds' file\n"
        'echo "age took $(stat -c %.9Y file) $(now)"; /usr/bin/sleep <10>\n'
        'echo "age took $(stat -c %.9Y file) $(now)"',
        "age took 10\nage took 20\n",
        waits=30,
    ),
    Row(
        "touch-r",
        "dash",
        _FILES + "touch -r old new; [ new -nt old ]; echo $?; [ new -ot old ]; echo $?",
        "1\n1\n",
        waits=20,
    ),
    Row(
        "cp-p",
        "dash",
        _FILES + "cp -p old copy; cp old plain\n"
        "[ $(stat -c %.9Y old) = $(stat -c %.9Y copy) ]; echo $?\n"
        'echo "took $(stat -c %.9Y old) $(stat -c %.9Y plain)"',
        "0\ntook 10\n",
        waits=20,
    ),
    Row(
        "tar-keeps-times",
        "dash",
        _FILES + "tar cf - old | (mkdir there; cd there; tar xf -)\n"
        'echo "took $(stat -c %.9Y there/old) $(now)"',
        TOOK,
        waits=20,
        unit=WHOLE,
    ),
    Row(
        "mv-keeps-times",
        "dash",
        _FILES + 'mv old moved; echo "took $(stat -c %.9Y moved) $(now)"',
        TOOK,
        waits=20,
    ),
    Row(
        "lock-file-grows-old",
        "dash",
        "cd /tmp; /usr/bin/sleep <30>; echo $$ > lock\n"
        "while [ $(( $(date +%s%3N) - $(stat -c %.3Y lock | tr -d .) )) -lt <60ms> ]\n"
        "do /usr/bin/sleep <5>; done; took",
        "took 90\n",
        waits=90,
        unit=0.02,
    ),
    Row(
        "make",
        "dash",
        "cd /tmp; printf 'made: source\\n\\t@echo making; touch made\\n' > Makefile\n"
        "echo > source; make; /usr/bin/sleep <10>; make; touch source; make\n"
        "/usr/bin/sleep <10>; make",
        "making\nmake: 'made' is up to date.\nmaking\nmake: 'made' is up to date.\n",
        waits=20,
        needs="make",
    ),
    Row(
        "perl-M",
        "perl",
        "chdir '/tmp'; Time::HiRes::sleep(<10>);\n"
        "open(my $file, '>', 'file'); close $file; my $made = (Time::HiRes::stat('file'))[9];\n"
        'printf "age took %.6f\\n", Time::HiRes::time() - $made; Time::HiRes::sleep(<10>);\n'
        # -M is in days, since the program began
        'printf "started took %.6f\\n", -(-M "file") * 86400;',
        "age took 0\nstarted took 10\n",
        waits=20,
        unit=WHOLE,
    ),
    c("fstat", "read took 10\n"),
    static(c("fstat", "read took 10\n")),
    go("modtime", "age took 0\n"),
]

TABLE = [
    *SLEEPS,
    *DESCRIPTORS,
    *FUTEXES,
    *TIMERS,
    *SHELLS,
    *SYSTEM_V,
    *SOCKETS,
    *TOOLS,
    *READS,
    *FILES,
]


# -- programs that are compiled ------------------------------------------------------------


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all workers of a run share."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "programs"
    place.mkdir(exist_ok=True)
    return place


BUILDERS = {
    "waits": ("waits.c", ("gcc", "-O1", "-pthread")),
    "waits-static": ("waits.c", ("gcc", "-O1", "-pthread", "-static")),
    "waits-go": ("waits.go", ("go", "build")),
}


def built(workshop: Path, name: str) -> Path:
    """One of the programs, compiled by the worker that needs it first."""
    program = workshop / name
    with (workshop / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            source, words = BUILDERS[name]
            half = workshop / f"{name}.half"
            env = {
                "PATH": WHERE,
                "CGO_ENABLED": "0",
                "GOCACHE": str(workshop / "go-cache"),
                "GOPATH": str(workshop / "go"),
                "TMPDIR": str(workshop),
            }
            command = [*words, "-o", str(half), str(Path(__file__).with_name(source))]
            subprocess.run(command, check=True, env=env, cwd=workshop)
            half.rename(program)
    return program


# -- running a row -------------------------------------------------------------------------

_IN_UNITS = re.compile(r"<([\d.]+)(us|ms|cs|min|)>")
_NUMBER = r"-?\d[\d.]*(?:e-?\d+)?"
_MEASURED = re.compile(rf"\b(took|left) ({_NUMBER})(?: ({_NUMBER}))?")


@dataclass(frozen=True, slots=True)
class Run:
    """How a row went.

    Args:
        answer: what it said, durations in units.
        passed: seconds that passed on the VM's clock.
        really: seconds that passed.
    """

    answer: str
    passed: float
    really: float


def in_seconds(program: str, unit: float) -> str:
    """A program with its durations written out."""

    def written(found: re.Match[str]) -> str:
        seconds = float(found[1]) * unit
        match found[2]:
            case "us":
                return str(round(seconds * 1_000_000))
            case "ms":
                return str(round(seconds * 1000))
            case "cs":
                return str(round(seconds * 100))
            case "min":
                return f"{seconds / 60:.7f}"
        return f"{seconds:.6f}".rstrip("0").rstrip(".")

    return _IN_UNITS.sub(written, program)


def in_units(said: str, unit: float, noise: float) -> str:
    """What a program said, with seconds as whole tens of units; as they are with more noise."""

    def told(found: re.Match[str]) -> str:
        seconds = float(found[2])
        if found[3]:
            seconds = float(found[3]) - seconds
        ten = 10 * unit
        if found[1] == "took":
            tens = math.floor((seconds + TICK) / ten)
        else:
            tens = math.ceil((seconds - TICK) / ten)
        if abs(seconds - tens * ten) > noise:
            return f"{found[1]} {seconds / unit:.3f}"
        return f"{found[1]} {tens * 10}"

    return _MEASURED.sub(told, said)


def run(vm: VirtualMachine, row: Row, unit: float, workshop: Path) -> Run:
    """Run a row's program on a VM, with a unit of so many seconds."""
    for name in BUILDERS:
        if f"/opt/{name} " in row.program:
            vm.copy(built(workshop, name), f"/opt/{name}", mode=0o755)
    interpreter, before = LANGUAGES[row.language]
    vm.write("/opt/row", before + in_seconds(row.program, unit) + "\n")
    clock = vm._bench.clock
    began, began_really = clock.now(), time.monotonic()
    done = vm.run([*interpreter.split(), "/opt/row"], timeout=60 + 2 * row.waits * unit)
    passed, really = clock.now() - began, time.monotonic() - began_really
    said = done.stdout + done.stderr
    if done.exit_status != 0:
        said += f"exit status {done.exit_status}, signal {done.signal}\n"
    noise = max(NOISE, really) if unit == 1 else 10 * unit
    return Run(in_units(said, unit, noise), passed, really)


def skip_unless_installed(row: Row) -> None:
    needed = [LANGUAGES[row.language][0].split()[0].rpartition("/")[2], *row.needs.split()]
    for name in needed:
        if shutil.which(name, path=WHERE) is None:
            pytest.skip(f"needs {name} (Debian: apt-get install {PACKAGES[name]})")


def real_answer(vm_factory: VmFactory, row: Row, workshop: Path) -> str:
    """What the row says on the real clock; where noise may have spoilt that, with longer waits."""
    said = ""
    for unit in (row.unit, 2 * row.unit, 4 * row.unit):
        said = run(vm_factory(clock="real"), row, unit, workshop).answer
        if said == row.answer:
            break
    return said


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in TABLE])
def test_both_clocks_say_the_same(row: Row, vm_factory: VmFactory, workshop: Path) -> None:
    skip_unless_installed(row)

    virtual = run(vm_factory(clock="virtual"), row, 1, workshop)

    assert virtual.answer == row.answer, "on the virtual clock"
    assert row.waits <= virtual.passed <= row.waits + max(NOISE, virtual.really)
    assert virtual.really < row.waits / 2 or row.waits <= 5
    assert real_answer(vm_factory, row, workshop) == row.answer, "on the real clock"


def test_the_table_names_each_row_once() -> None:
    assert len({row.id for row in TABLE}) == len(TABLE) >= 60
