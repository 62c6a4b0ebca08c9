"""Commands on an installation, with no service running and with one holding the folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from center.cli import main
from center.control import ControlServer
from center.data_folder import DataFolder
from center.operations import OPERATIONS, offered
from center.storage import database_url, opened
from config.scope import Scope
from config.settings import Settings
from registry.camera_list import credentials_of
from registry.secret_tables import secrets
from tests.support.commands import Run
from tests.support.registry_world import add_world


def test_migrate_then_status(run: Run) -> None:
    assert run("status")[0] == 1
    code, done, _ = run("migrate")
    assert code == 0
    assert done["before"] is None
    assert run("migrate")[1] == {"before": done["after"], "after": done["after"]}
    code, answer, _ = run("status")
    assert (code, answer["cameras"]) == (0, [])
    code, answer, err = run("status", "nobody")
    assert (code, answer["error"]["kind"]) == (1, "not_found")
    assert "camera" in err


def test_keys_and_audit(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("migrate")
    for which in ("master", "vault", "audit", "anchor"):
        assert run("key", "rotate", which)[1]["rotated"] == which
    code, report, _ = run("audit", "verify")
    assert (code, report["sound"], report["rows"]) == (0, True, 4)
    assert main(["audit", "anchor", "--data", str(tmp_path / "data")]) == 0
    anchor = tmp_path / "anchor"
    anchor.write_text(capsys.readouterr().out, encoding="utf-8")
    assert run("audit", "verify", "--anchor", str(anchor))[1]["sound"] is True


def test_a_masterless_folder_is_refused(run: Run, tmp_path: Path) -> None:
    run("migrate")
    run("status")
    (tmp_path / "data" / "keys" / "master.key").unlink()
    code, answer, err = run("status")
    assert (code, answer["error"]["kind"]) == (1, "unavailable")
    assert "Put the file back" in err


async def test_a_running_service_answers_for_itself(tmp_path: Path) -> None:
    from center.operations import perform

    settings = Settings.model_validate({"service": {"data_dir": str(tmp_path / "data")}})
    async with opened(settings) as storage:
        server = ControlServer(storage.folder.control, offered(storage))
        await server.start()
        assert (await perform(settings, "status", {}))["cameras"] == []
        await server.close()


async def test_a_new_vault_key_seals_the_stored_passwords_anew(tmp_path: Path) -> None:
    settings = Settings.model_validate({"service": {"data_dir": str(tmp_path / "data")}})
    async with opened(settings) as storage:
        await add_world(storage.db, "a", 1, cameras=1)
        async with storage.db.read() as connection:
            before = await connection.scalar(sa.select(secrets.c.key_id))
        assert await OPERATIONS["key rotate"](storage, {"which": "vault"}) == {"rotated": "vault", "sealed_anew": 1}
        async with storage.db.read() as connection:
            assert await connection.scalar(sa.select(secrets.c.key_id)) != before
    async with opened(settings) as storage:
        found = await credentials_of(Scope.system("test"), storage.db, storage.vault, "a-recorder")
        assert found is not None
        assert found.password.get_secret_value() == "pw-a"


def test_the_password_enters_the_address_quoted(tmp_path: Path) -> None:
    settings = Settings.model_validate({"database": {"url": "postgresql://u@h:5/n", "password": "a/b@c"}})
    assert database_url(settings, DataFolder(tmp_path)) == "postgresql://u:a%2Fb%40c@h:5/n"
