"""The words the console is built from: none is missing, and what is committed is what the program says today."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from center import words
from center.audit_names import ACTS, ENTRIES, FACTS, NOUNS
from center.names import LISTS
from center.reference import for_console
from health.classes import CannotJudge, Cause, VerdictClass
from health.detectors import DETECTORS
from health.observation import Layer
from health.reference import ReferenceState
from health.state import State
from tests.support.tree import ROOT, rooms

_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def _pairs(value: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict) and "zh" in value:
        return [(path, value)]
    if isinstance(value, dict):
        return [found for key, one in value.items() for found in _pairs(one, f"{path}/{key}")]
    return []


@pytest.mark.parametrize("name", ["words.json", "openapi.json"])
def test_what_the_console_is_built_from_is_up_to_date(name: str) -> None:
    kept = (ROOT / "console/src/generated" / name).read_text("utf-8")
    assert kept == for_console()[name], "run `make docs`"


def test_every_word_stands_in_both_languages() -> None:
    found = _pairs(words.document())
    assert len(found) > 300
    for path, one in found:
        assert all(_CHINESE.search(text) for text in ([one["zh"]] if isinstance(one["zh"], str) else one["zh"])), path
        texts = [one["en"]] if isinstance(one["en"], str) else one["en"]
        assert all(text and not _CHINESE.search(text) for text in texts), path


@pytest.mark.parametrize("name", LISTS)
def test_no_member_of_a_closed_list_is_without_its_words(name: str) -> None:
    kind, given = LISTS[name]
    if kind is not None:
        assert set(given) == set(kind)


def test_lists_without_a_type_of_their_own_are_whole_too() -> None:
    assert {layer.word for layer in Layer} == set(LISTS["layers"][1])
    assert {state.name.lower() for state in ReferenceState} == set(LISTS["reference_states"][1])
    assert set(words.ROLL_UP) == set(State)
    causes = words.document()["causes"]
    assert {*VerdictClass, *Cause, *CannotJudge} <= set(causes)


def test_every_enumeration_of_the_api_has_its_words() -> None:
    """Whatever a page is told as a closed list can be said to a person."""
    schemas = json.loads(for_console()["openapi.json"])["components"]["schemas"]
    known = [set(one) for one in words.document().values() if isinstance(one, dict)]
    unnamed = {"Sort", "IncidentSort"}  # orders of rows: a page draws them as arrows
    missing = [
        name
        for name, schema in schemas.items()
        if "enum" in schema and name not in unnamed and not any(set(schema["enum"]) <= one for one in known)
    ]
    assert missing == []


def test_every_measure_that_a_detector_names_has_its_words() -> None:
    source = (ROOT / "health/detectors.py").read_text("utf-8")
    assert len(DETECTORS) == 10
    named = {
        node.value
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("_held", "_cannot")
        for node in call.args
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert named
    assert named <= set(LISTS["measures"][1])


def test_every_act_that_is_written_down_has_its_words() -> None:
    """Acts are literals where they are written; those of nouns are made of the noun and what was done to it."""
    written: set[str] = set()
    for module in rooms():
        for call in ast.walk(module.tree):
            if not isinstance(call, ast.Call):
                continue
            name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            if name in ("append", "Act"):
                written |= {
                    node.value
                    for node in call.args
                    if isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and re.fullmatch(r"[a-z_]+\.[a-z_]+", node.value)
                }
            if name == "Step":
                written |= {
                    f"incident.{node.value!s}"
                    for node in call.args
                    if isinstance(node, ast.Constant) and re.fullmatch(r"[a-z_]+", str(node.value))
                }
            for keyword in call.keywords:
                if keyword.arg == "act" and isinstance(keyword.value, ast.Constant):
                    of = "proposal" if name == "change_proposals" else "device" if "device" in name else "point"
                    written.add(f"{of}.{keyword.value.value!s}")
    assert len(written) > 30
    assert written - {"incident.None", *ACTS} == set()
    assert {act.partition(".")[0] for act in ACTS} <= {
        *NOUNS,
        "account",
        "credentials",
        "reference",
        "session",
        "token",
    }
    assert {f"incident.{entry}" for entry in ENTRIES} <= set(ACTS)


def test_every_fact_of_an_act_has_its_words() -> None:
    """Facts are written as a map called ``details``, or given by that name."""
    written: set[str] = set()
    for module in rooms():
        for node in ast.walk(module.tree):
            match node:
                case ast.Assign(targets=[ast.Name("details")], value=ast.Dict() as given):
                    written |= _keys(given)
                case ast.keyword(arg="details", value=ast.Dict() as given):
                    written |= _keys(given)
    assert len(written) > 20
    assert written - set(FACTS) == set()


def _keys(given: ast.Dict) -> set[str]:
    return {str(key.value) for key in given.keys if isinstance(key, ast.Constant)}


def test_chinese_is_punctuated_as_chinese() -> None:
    """Half-width commas and colons between its characters look like a slip, and are one."""
    texts = [
        *((ROOT / "console" / "src" / "generated" / "words.json").read_text("utf-8").splitlines()),
        *(line for path in (ROOT / "console" / "src" / "i18n" / "zh").glob("*.ts") for line in lines_of(path)),
        *(
            line
            for room in ("health", "alerts", "center")
            for path in (ROOT / room).rglob("*.py")
            for line in lines_of(path)
        ),
    ]
    wrong = [line.strip() for line in texts if re.search(r"[\u4e00-\u9fff][,:;]|[,;][\u4e00-\u9fff]", line)]
    assert [line for line in wrong if not line.startswith("#")] == []


def lines_of(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()
