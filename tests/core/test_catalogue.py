from __future__ import annotations

import re

import pytest

from pytest_vmsnapshot import catalogue
from pytest_vmsnapshot.catalogue import CATALOGUE, NAMES, ErrorKind, NamedError

DOCUMENTED = {
    300: "Pre-ScriptExecutionFailed",
    301: "Post-ScriptExecutionFailed",
    302: "Pre-ScriptNotFound",
    303: "Post-ScriptNotFound",
    304: "IncorrectPluginhostFile",
    305: "IncorrectJSONConfigFile",
    306: "InsufficientPermissionforPre-Script",
    307: "InsufficientPermissionforPost-Script",
    308: "Pre-ScriptTimeout",
    309: "Post-ScriptTimeout",
}
"""The documentation's table of errors, by the extension's codes."""

OTHERS = {
    317: "IncorrectJSONConfigFile",
    121: "FsFreezeFailed",
    122: "FsFreezeTimeout",
    123: "UnableToOpenMount",
    124: "SafeFreezeBinaryNotFound",
    310: "PluginhostPreTimeout",
    311: "PluginhostPostTimeout",
    313: "PluginhostConfigNotFound",
    314: "PluginhostConfigPermissionError",
    502: "WorkloadInvalidRole",
    2: "UnexpectedError",
    76: "SnapshotFailed",
}
"""What else can become of a backup; a config with a wrong mode or owner has a code of its own."""


def test_the_documented_errors() -> None:
    assert {kind.code: kind.name for kind in CATALOGUE if kind.documented} == DOCUMENTED


def test_the_other_errors() -> None:
    others = {kind.code: kind.name for kind in CATALOGUE if not kind.documented}
    assert others == OTHERS | {304: "IncorrectPluginhostFile"}


def test_each_code_is_there_once_but_for_304() -> None:
    """The extension also blames its Pluginhost file where a type in the config is wrong."""
    codes = [kind.code for kind in CATALOGUE]
    assert [code for code in codes if codes.count(code) > 1] == [304, 304]


def test_each_name_is_listed_once() -> None:
    assert sorted(NAMES) == sorted({*DOCUMENTED.values(), *OTHERS.values()})


def test_every_kind_of_the_module_is_in_the_catalogue() -> None:
    kinds = [value for value in vars(catalogue).values() if isinstance(value, ErrorKind)]
    assert kinds == list(CATALOGUE)


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: str(kind.code))
def test_meaning_and_remedy_are_phrases(kind: ErrorKind) -> None:
    for phrase in (kind.meaning, kind.remedy):
        assert re.fullmatch(r"[a-z][^\n]*[a-z0-9]", phrase)


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: str(kind.code))
def test_what_is_said_fits_pre_and_post(kind: ErrorKind) -> None:
    said = f"{kind.meaning} {kind.remedy}"
    if "Pre-" in kind.name:
        assert "post" not in said
    if "Post-" in kind.name:
        assert "pre-script" not in said


def test_a_named_error() -> None:
    error = NamedError(catalogue.PRE_NOT_FOUND, "/opt/pre.sh does not exist")
    assert error.name == "Pre-ScriptNotFound"
    assert error.code == 302
    assert error.meaning == "there is no pre-script at the configured path"
    assert error.remedy == "put the script there, or correct preScriptLocation in the config"
    assert str(error) == "Pre-ScriptNotFound (302): /opt/pre.sh does not exist"


def test_without_a_detail_the_meaning_is_shown() -> None:
    error = NamedError(catalogue.POST_NOT_FOUND, "")
    assert str(error) == "Post-ScriptNotFound (303): there is no post-script at the configured path"


def test_a_hostile_detail_is_one_printable_line() -> None:
    error = NamedError(catalogue.POST_NOT_FOUND, "/\x1b[2J\n\u202e" + "x" * 10_000)
    assert str(error).isprintable()
    assert len(str(error)) < 1_000
