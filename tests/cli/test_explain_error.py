"""``vmsnapshot explain``: complete, forgiving, and its tests do what they say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import pytest_vmsnapshot
from pytest_vmsnapshot.catalogue import CATALOGUE, ErrorKind
from pytest_vmsnapshot.cli.knowledge import Entry, asked_for, entries
from pytest_vmsnapshot.cli.pages import said_on
from pytest_vmsnapshot.contract.check import NAMES as CHECKS
from pytest_vmsnapshot.findings import FindingKind
from pytest_vmsnapshot.lint.codes import CODES

from .conftest import Command

KNOWN = entries()


def test_everything_is_known() -> None:
    names = [entry.name for entry in KNOWN]
    assert {(entry.name, entry.code) for entry in KNOWN} >= {
        (kind.name, str(kind.code)) for kind in CATALOGUE
    }
    numbers = [entry for entry in KNOWN if entry.code.isdecimal()]
    assert len(numbers) == len(CATALOGUE)
    assert set(names) >= {*CHECKS, *CODES}
    assert set(names) >= {kind.value for kind in FindingKind}
    assert set(names) >= {
        name
        for name in pytest_vmsnapshot.__all__
        if isinstance(kind := getattr(pytest_vmsnapshot, name), type)
        and issubclass(kind, pytest_vmsnapshot.HarnessError | UserWarning)
    }


def test_every_error_on_the_page_of_errors_is_known() -> None:
    page = Path(__file__).resolve().parents[2] / "docs/errors.md"
    headings = re.findall(r"^## `(\w+)`$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(headings) <= {entry.name for entry in KNOWN}


def test_what_is_said_of_one(vmsnapshot: Command) -> None:
    done = vmsnapshot("explain", "Pre-ScriptTimeout")
    assert (done.status, done.err) == (0, "")
    told, rest = done.out.split("  typical causes:\n")
    assert told == (
        "Pre-ScriptTimeout (308)\n"
        "  the pre-script ran past its time limit\n"
        "  documented rules  all attempts of the pre-script together reached timeoutInSeconds; it "
        "is stopped\n"
        "                    with all it started\n"
        "  shipped rules     it was still running at a look of the extension after the limit; "
        "looks come\n"
        "                    every 3 s, so 10 s are 12, and no limit is longer than 1800 s. Nobody "
        "stops it:\n"
        "                    it runs on beside the post-script. More than 64 KiB of output block a "
        "script\n"
        "                    until then\n"
        "  what follows      continueBackupOnFailure, as for a script that failed\n"
        "  remedy            find out what it waits for, or raise timeoutInSeconds in the config\n"
        "  page              docs/errors/Pre-ScriptTimeout.md\n"
    )
    causes, rest = rest.split("  find the cause:\n")
    assert causes.startswith(
        "    * It waits for something that does not happen: connections to drain, a lock another "
        "session\n"
        "      holds, a queue to become empty. Without a limit of its own such a loop has no end:\n"
        "        #!/bin/sh\n"
        '        until [ "$(orders pending)" = 0 ]; do sleep 1; done\n'
        "    * A command asks a question: a password, a host key, `rm -i`."
    )
    assert "\n  mend it:\n    Give each wait a limit of its own" in rest
    assert rest.endswith(
        "  a test that meets it:\n"
        "    def test_pre_script_hangs(vm):\n"
        '        vm.install(pre="#!/bin/sh\\nsleep 60\\n", post="#!/bin/sh\\n", timeout=30)\n'
        '        vm.backup().assert_error("Pre-ScriptTimeout")\n'
    )


@pytest.mark.parametrize(
    ("word", "title"),
    [
        ("pre-scripttimeout", "Pre-ScriptTimeout (308)"),
        ("PRESCRIPTTIMEOUT", "Pre-ScriptTimeout (308)"),
        ("308", "Pre-ScriptTimeout (308)"),
        ("never_called", "never-called"),
        ("vms15", "VMS015 (one-shot-lock)"),
        ("One-Shot-Lock", "VMS015 (one-shot-lock)"),
        ("heldatsnapshot", "held-at-snapshot"),
        ("guestunavailable", "GuestUnavailable"),
        ("shell[debian]", "shell"),
        ("lint", "lint"),
        ("application-consistent[shipped]", "application-consistent"),
        ("lint[VMS015]", "VMS015 (one-shot-lock)"),
        ("lint[shellcheck]", "VMS027 (no-shellcheck)"),
        ("sc2086", "SC2086"),
    ],
)
def test_case_and_hyphens_are_forgiven(vmsnapshot: Command, word: str, title: str) -> None:
    assert vmsnapshot("explain", word).out.splitlines()[0] == title


def test_one_name_for_two(vmsnapshot: Command) -> None:
    lines = vmsnapshot("explain", "IncorrectJSONConfigFile").out.splitlines()
    assert [line for line in lines if line.startswith("Incorrect")] == [
        "IncorrectJSONConfigFile (305)",
        "IncorrectJSONConfigFile (317)",
    ]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("PreScriptTimout", "; is Pre-ScriptTimeout meant?"),
        ("unexpected-cal", "; is unexpected-call meant?"),
        ("wumpus", "."),
    ],
)
def test_a_miss(vmsnapshot: Command, word: str, meant: str) -> None:
    done = vmsnapshot("explain", word)
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        f"vmsnapshot explain: nothing is known of {word!r}{meant} Without a name, all are listed\n"
        "vmsnapshot explain --help tells what can be written\n"
    )


def test_the_list(vmsnapshot: Command) -> None:
    done = vmsnapshot("explain")
    assert done.status == 0
    flat = " ".join(done.out.split())
    assert [entry for entry in KNOWN if f"{entry.title}: {entry.meaning}" not in flat] == []
    assert max(len(line) for line in done.out.splitlines()) <= 100


def test_json(vmsnapshot: Command) -> None:
    (entry,) = json.loads(vmsnapshot("explain", "317", "--json").out)
    assert (entry["name"], entry["code"]) == ("IncorrectJSONConfigFile", "317")
    assert dict(entry["rows"])["remedy"] == "chown root and chmod 600 the config"
    assert len(json.loads(vmsnapshot("explain", "--json").out)) == len(KNOWN)


def test_a_code_of_the_lint(vmsnapshot: Command) -> None:
    assert vmsnapshot("explain", "VMS001").out == (
        "VMS001 (line-ends)\n"
        "  The script has CR LF line ends, and a shell takes each CR for a character\n"
        "  to ignore it      # vmsnapshot: ignore=VMS001, or "
        'ignore = ["VMS001"] in vmsnapshot.toml\n'
        "  page              docs/lint/VMS001.md\n"
        "\n"
        "  A shell ends a line at LF. A CR before it belongs to the last word: `exit 0` becomes "
        "`exit 0\\r`, a\n"
        "  file gets a name that ends in a CR, and `#!/bin/sh\\r` is an interpreter that does not "
        "exist. Git\n"
        "  on Windows checks text out like this unless told otherwise.\n"
        "\n"
        "  Where it comes from: by the documented rules such a script cannot be started. The "
        "extension runs\n"
        "  it by `sh`, and it works only by luck (observed scenario `interp-crlf-no-exit`).\n"
        "\n"
        "  found in (crlf):\n"
        "    #!/bin/sh\n"
        "    /usr/local/bin/orders pause\n"
        "\n"
        "  not found in:\n"
        "    #!/bin/sh\n"
        "    /usr/local/bin/orders pause\n"
        "\n"
        "  Save the script with LF line ends (`dos2unix pre.sh`), and keep it so with a line in\n"
        "  `.gitattributes`: `*.sh text eol=lf`.\n"
    )


def test_a_code_of_shellcheck(vmsnapshot: Command) -> None:
    assert vmsnapshot("explain", "SC2086").out == (
        "SC2086\n"
        "  ShellCheck's; the lint tells it for each language that sh will be\n"
        "  to ignore it      # shellcheck disable=SC2086, or "
        'ignore = ["SC2086"] in vmsnapshot.toml\n'
        "  page              https://www.shellcheck.net/wiki/SC2086\n"
    )


def test_a_check(vmsnapshot: Command) -> None:
    assert vmsnapshot("explain", "exit-status").out == (
        "exit-status\n"
        "  the pre-script fails when a command it needs fails every time; the post-script fails "
        "when a\n"
        "  command it needs fails every time\n"
        "  alone             vmsnapshot check CONFIG --only exit-status\n"
        '  to leave it out   skip = ["exit-status"] in vmsnapshot.toml\n'
        "  page              docs/contract.md#exit-statuspre-exit-statuspost\n"
        "\n"
        "  When a doubled command fails every time it is called, the script that calls it ends "
        "with another\n"
        "  status than 0.\n"
    )


@pytest.mark.parametrize("name", [*CHECKS, *CODES])
def test_the_page_of_a_check_or_code_says_more(name: str) -> None:
    (entry,) = asked_for(name, KNOWN)
    words = " ".join(block.text for block in said_on(entry.page) if not block.snippet)
    assert len(words) > 60
    assert not re.search(r"\]\(|\*\*|^\|", words)


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: f"{kind.name}-{kind.code}")
def test_the_page_of_an_error_is_shown(vmsnapshot: Command, kind: ErrorKind) -> None:
    lines = vmsnapshot("explain", str(kind.code)).out.splitlines()
    for heading in ("typical causes", "find the cause", "mend it"):
        assert lines[lines.index(f"  {heading}:") + 1].startswith("    ")
    assert [line for line in lines if "](" in line or "```" in line] == []


def test_a_page_that_is_not_there() -> None:
    assert said_on("docs/lint/VMS999.md") == said_on("docs/contract.md#no-such-check") == ()


@pytest.mark.parametrize("page", sorted({entry.page for entry in KNOWN}))
def test_pages_lead_somewhere(page: str) -> None:
    path, _, anchor = page.partition("#")
    text = (Path(__file__).resolve().parents[2] / path).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    slugs = [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings]
    assert not anchor or anchor in slugs


PROVOKED = [entry for entry in KNOWN if entry.provoke]


def test_every_error_and_finding_can_be_provoked() -> None:
    assert len(PROVOKED) == len(CATALOGUE) + len(FindingKind)


def test_the_tests_meet_what_they_say(pytester: pytest.Pytester) -> None:
    for number, entry in enumerate(PROVOKED):
        written = f"{entry.provoke}\n"
        assert _names(entry) in written
        (pytester.path / f"test_{number}.py").write_text(written, encoding="utf-8")
    result = pytester.runpytest_subprocess(
        *("-p", "no:randomly", "-W", "error", "-W", "ignore::pytest_vmsnapshot.RulesDiffer")
    )
    result.assert_outcomes(passed=len(PROVOKED))


def _names(entry: Entry) -> str:
    """What a test of an entry must have in it."""
    for name in (f'assert_error("{entry.name}")', f"== [{entry.code}]", f'"{entry.name}"'):
        if name in entry.provoke:
            return name
    return "vm.never_called" if entry.name == "never-called" else f"no {entry.name} in its test"
