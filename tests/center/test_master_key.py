"""The master key apart from the data: handed over as a credential, read and never written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from center.data_folder import DataFolder
from center.master_key import key_place
from tests.support.commands import Run


@pytest.fixture
def credentials(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose key has moved into a folder of credentials, as systemd makes it: no mode of 0600."""
    assert run("migrate")[0] == 0
    assert run("status")[0] == 0
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    (tmp_path / "data/keys/master.key").rename(folder / "master.key")
    (folder / "master.key").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def test_it_opens_the_database_and_a_backup_and_is_in_neither(run: Run, credentials: Path, tmp_path: Path) -> None:
    key = (credentials / "master.key").read_bytes()
    assert run("status")[0] == 0
    code, told, _ = run("backup", str(tmp_path / "copy"))
    assert (code, told["audit"]["sound"]) == (0, True)
    kept = [path for folder in ("data", "copy") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert len(kept) > 3
    secret = key.split()[2]
    assert [path for path in kept if secret in path.read_bytes()] == []
    copy = tmp_path / "kept apart"
    copy.write_bytes(key)
    copy.chmod(0o600)
    assert run("restore", str(tmp_path / "copy"), "--key-file", str(copy), "--check")[0] == 0


def test_it_is_not_ours_to_replace_and_the_others_are(run: Run, credentials: Path) -> None:
    before = (credentials / "master.key").read_bytes()
    code, answer, err = run("key", "rotate")
    assert (code, answer["error"]["kind"]) == (1, "conflict")
    assert "put the new one in the credential's place" in err
    assert run("key", "rotate", "vault")[0] == 0
    assert [file.name for file in credentials.iterdir()] == ["master.key"]
    assert (credentials / "master.key").read_bytes() == before


def test_rotated_as_the_refusal_says(run: Run, credentials: Path, tmp_path: Path, monkeypatch: Any) -> None:
    own = tmp_path / "data/keys/master.key"
    own.write_bytes((credentials / "master.key").read_bytes())
    own.chmod(0o600)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert run("key", "rotate")[0] == 0
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert "the database was made with another master key" in run("status")[2]
    (credentials / "master.key").unlink()
    own.rename(credentials / "master.key")
    assert run("status")[0] == 0


def test_a_key_that_still_lies_with_the_data_is_told(credentials: Path, tmp_path: Path, caplog: Any) -> None:
    folder = DataFolder(tmp_path / "data")
    assert key_place(folder).handed
    assert caplog.text == ""
    (folder.keys / "master.key").touch()
    assert key_place(folder).path == credentials / "master.key"
    assert "remove" in caplog.text


@pytest.mark.parametrize("environment", [{}, {"CREDENTIALS_DIRECTORY": ""}, {"CREDENTIALS_DIRECTORY": "/nowhere"}])
def test_without_a_credential_it_lies_in_the_data_folder(environment: dict[str, str], tmp_path: Path) -> None:
    place = key_place(DataFolder(tmp_path), environment)
    assert (place.path, place.handed) == (tmp_path / "keys/master.key", False)
