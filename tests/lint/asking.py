"""What tests hand to the lint, and how they read its answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_vmsnapshot.lint import LintFinding, ScriptFile, Step, Subject, lint

CONFIG = b'{"preScriptLocation": "/p", "postScriptLocation": "/q", "timeoutInSeconds": 30}'
SCRIPT = Path("deploy/pre.sh")
ALL = ("debian", "rhel", "alpine")


def subject(
    script: bytes,
    *,
    shells: tuple[str, ...] = ALL,
    step: Step = "pre",
    path: Path = SCRIPT,
) -> Subject:
    """A script with a config that has no mistake."""
    return Subject(Path("c.json"), CONFIG, (ScriptFile(path, script, "/p", step),), shells)


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks the lint without the note about ShellCheck."""

    def script(
        self,
        script: str | bytes,
        *,
        shells: tuple[str, ...] = ALL,
        step: Step = "pre",
        ignore: tuple[str, ...] = (),
    ) -> tuple[LintFinding, ...]:
        content = script if isinstance(script, bytes) else script.encode()
        return lint(subject(content, shells=shells, step=step), ("VMS027", *ignore))

    def config(self, content: str) -> tuple[LintFinding, ...]:
        return lint(Subject(Path("c.json"), content.encode(), (), ("debian",)), ("VMS027",))


def places(found: tuple[LintFinding, ...]) -> list[str]:
    """Codes with their places."""
    return [f"{each.code}:{each.line}:{each.column}" for each in found]
