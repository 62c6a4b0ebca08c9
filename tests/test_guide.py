"""Commands that the guide shows are commands that there are, and its ports those of the settings."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from center.cli import parser
from config.settings import Settings
from tests.support.tree import ROOT

GUIDE = sorted((ROOT / "docs/guide").rglob("*.md"))


def shown(page: Path) -> list[str]:
    """Each command of ours in a block: fenced, or indented by four."""
    text = re.sub(r"\$\([^)]*\)", "PLACE", page.read_text("utf-8").replace("\\\n", " "))
    fenced = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    indented = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    found = re.findall(r"^(?:runuser -u xueliang -- )?(xueliang .+)$", f"{fenced}\n{indented}", re.MULTILINE)
    return [line for line in found if "|" not in line]


def commands() -> list[tuple[str, str]]:
    return [(str(page.relative_to(ROOT)), line) for page in GUIDE for line in shown(page)]


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_of_the_guide_is_one_of_ours(page: str, line: str) -> None:
    words = shlex.split(re.sub(r"\s{2,}\S.*$", "", line), comments=True)
    try:
        parser(words[1]).parse_args(words[1:])
    except SystemExit as end:
        pytest.fail(f"{page}: {line}: not a command ({end.code})")


def test_there_are_commands_and_one_that_is_none_is_seen() -> None:
    assert len(commands()) >= 16
    with pytest.raises(SystemExit):
        parser("status").parse_args(["status", "--nonsense"])


def test_the_page_of_ports_has_the_ports_of_the_settings() -> None:
    text = (ROOT / "docs/guide/ports.md").read_text("utf-8")
    settings = Settings()
    for port in (settings.service.listen.rpartition(":")[2], settings.streaming.ice_port_range, *settings.reach.ports):
        assert re.search(rf"(?<!\d){re.escape(port)}(?!\d)", text), port
    assert str(settings.discovery.port) in text
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", text))
    missing = [name for name in named if not hasattr(getattr(settings, name.split(".")[0], None), name.split(".")[1])]
    assert missing == []
