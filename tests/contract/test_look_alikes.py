"""Look-alikes of public scripts: the gate finds each flaw, and nothing on the corrected ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_vmsnapshot.contract.check import NAMES, checks_of, made
from pytest_vmsnapshot.contract.contract import Contract
from pytest_vmsnapshot.contract.reading import findings_of
from pytest_vmsnapshot.contract.settings import settings_near
from pytest_vmsnapshot.contract.stand import Stand
from pytest_vmsnapshot.lint import Severity
from pytest_vmsnapshot.vm_factory import VmFactory

from .authored import CONFIG

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
REPORTED = EXAMPLES / "reported_failures"

UNDER_DASH = {"application-consistent[shipped]", "shell[debian]"}
EVERYWHERE = {*UNDER_DASH, "application-consistent[documented]", "shell[rhel]"}
NO_SHELLCHECK = "VMS027"

FLAWED = {
    # a read lock that is gone before the snapshot
    "mysql": {"VMS015", "held-at-snapshot"},
    # the same trap, and a post-script that cannot end what is gone
    "postgresql": {"VMS015", "held-at-snapshot", *EVERYWHERE},
    # arrays and function, run by dash; the first database fails, and the last one decides
    "oracle": {"VMS006", "SC", *UNDER_DASH, "failure-noticed[pre]", "failure-noticed[post]"},
    # CR LF, an operator that is none, and 5 that means success
    "cache": {"VMS001", "SC", *EVERYWHERE},
    # set -Eeuo pipefail, run by dash
    "compose": {"VMS006", "VMS018", "SC", *UNDER_DASH},
}


def found_by_gate(config: Path, vm_factory: VmFactory) -> set[str]:
    contract = Contract.read(config, settings_near(config, EXAMPLES, NAMES))
    codes = {f.code for f in findings_of(contract) if f.severity is not Severity.NOTE}
    stand = Stand(contract, vm_factory)
    outcomes = {str(check): made(check, stand) for check in checks_of(contract)}
    failed = {name for name, outcome in outcomes.items() if outcome.problems}
    return failed | {"SC" if code.startswith("SC") else code for code in codes}


def without_shellcheck(config: Path, expected: set[str]) -> set[str]:
    """What can be expected where ShellCheck is not installed."""
    contract = Contract.read(config, settings_near(config, EXAMPLES, NAMES))
    absent = any(finding.code == NO_SHELLCHECK for finding in findings_of(contract))
    return expected - {"SC"} if absent else expected


@pytest.mark.vm(shell="debian")
@pytest.mark.parametrize("name", FLAWED)
def test_flawed(vm_factory: VmFactory, name: str) -> None:
    config = REPORTED / name / "flawed" / CONFIG
    expected = without_shellcheck(config, FLAWED[name])
    assert found_by_gate(config, vm_factory) == expected


@pytest.mark.vm(shell="debian")
@pytest.mark.parametrize("name", FLAWED)
def test_corrected(vm_factory: VmFactory, name: str) -> None:
    assert found_by_gate(REPORTED / name / "corrected" / CONFIG, vm_factory) == set()


@pytest.mark.vm(shell="debian")
def test_the_example_of_a_service(vm_factory: VmFactory) -> None:
    assert found_by_gate(EXAMPLES / "orders/deploy" / CONFIG, vm_factory) == set()
