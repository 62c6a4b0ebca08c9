"""The lock file pins everything by hash and says nothing about where it was made."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.tree import ROOT

LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def entries(text: str) -> dict[str, str]:
    """Package -> its whole entry, continuation lines joined."""
    joined = text.replace("\\\n", " ")
    found: dict[str, str] = {}
    for line in joined.splitlines():
        if line.strip() and not line.startswith("#"):
            found[canonicalize_name(re.split(r"[=\[ ;]", line, maxsplit=1)[0])] = line
    return found


def test_every_package_is_pinned_and_hashed() -> None:
    bad = [
        name
        for name, line in entries(LOCK).items()
        if not re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[^ ]+ ", line)
        or not re.search(r"--hash=sha256:[0-9a-f]{64}(\s|$)", line)
    ]
    assert bad == []
    assert len(entries(LOCK)) > 20


def test_no_address_and_no_path() -> None:
    assert re.findall(r"(?i)\b(?:https?|file|git\+\w+):\S*|--(?:index|extra-index|find-links)\S*", LOCK) == []
    assert re.findall(r"(?<![\w.])/(?:home|root|opt|usr|tmp|srv|work|Users)/\S*", LOCK) == []


def test_what_the_project_asks_for_is_locked_and_fits() -> None:
    locked = entries(LOCK)
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    missing = []
    for text in wanted:
        requirement = Requirement(text)
        line = locked.get(canonicalize_name(requirement.name), "")
        version = re.search(r"==([^ ;]+)", line)
        if version is None or version.group(1) not in requirement.specifier:
            missing.append(text)
    assert missing == [], "run `make lock`"


def test_what_is_installed_to_run_is_what_was_tested() -> None:
    """Without the tools of developers; each entry, hashes and all, as in the whole lock."""
    whole, run = entries(LOCK), entries((ROOT / "deploy/requirements.lock").read_text("utf-8"))
    assert {
        name: line for name, line in run.items() if " ".join(whole.get(name, "").split()) != " ".join(line.split())
    } == {}
    wanted = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
    assert wanted <= set(run), "run `make lock`"
    assert "pytest" not in run
