"""Exit codes, one JSON document, messages that say what to do, and pipes that close."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from center.cli import COMMANDS, main, parser
from tests.support.tree import ROOT


def mistaken(folder: Path) -> Path:
    file = folder / "x.toml"
    file.write_text("[checks]\nconfirm = 0\n", encoding="utf-8")
    return file


def test_a_good_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.toml"
    file.write_text("", encoding="utf-8")
    assert main(["check-config", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: no mistakes\n"


def test_a_mistake_names_file_key_value_and_what_is_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = mistaken(tmp_path)
    assert main(["check-config", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{file}: checks.confirm = 0: allowed is a whole number from 1 to 20" in err


def test_json_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", "--json", str(mistaken(tmp_path))]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert document["mistakes"][0]["key"] == "checks.confirm"


def test_an_unreadable_file_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", "--json", str(tmp_path / "none")]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["kind"] == "not_found"
    assert "there is no such file" in err


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["check-config"], ["check-config", "a", "--loud"]])
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: xueliang" in capsys.readouterr().err


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    script = f"{sys.executable} -m center --help | true; exit 0"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert "usage: xueliang " + name in capsys.readouterr().out


def test_the_commands_page_is_fresh() -> None:
    from center.reference import page

    assert (ROOT / "docs/ref/commands.md").read_text("utf-8") == page(), "run `make docs`"
    assert parser() is not None


def test_what_is_hidden_from_help_is_hidden_from_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    from center.reference import page

    hidden = "--password-pipe"
    with pytest.raises(SystemExit):
        main(["probe", "rtsp://192.0.2.1/", hidden, "no number"])
    assert f"argument {hidden}: invalid int value" in capsys.readouterr().err
    assert hidden not in page()
    assert argparse.SUPPRESS not in page()
