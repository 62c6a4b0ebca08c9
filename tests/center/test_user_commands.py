"""``xueliang user`` and ``token``: on the folder, through the service, and never with a password as an argument."""

from __future__ import annotations

import asyncio
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from center.first_admin import FirstPassword, make_first_admin
from center.operations import perform
from center.serving import running
from config.settings import Settings
from registry.database import Database
from registry.key_store import open_keys
from registry.login_passwords import Cost, Passwords
from registry.migrations.run import migrate
from tests.support.api_rig import Client
from tests.support.commands import Run

LATER = (datetime.now(UTC) + timedelta(days=100)).isoformat()


def secret(tmp_path: Path, text: str, mode: int = 0o600) -> str:
    file = tmp_path / "password"
    file.write_text(text + "\n", encoding="utf-8")
    file.chmod(mode)
    return str(file)


def test_accounts_from_the_command_line(run: Run, tmp_path: Path) -> None:
    run("migrate")
    file = secret(tmp_path, "a long enough one")
    code, made, _ = run("user", "add", "李敏", "--role", "operator", "--password-file", file)
    assert code == 0
    assert made["grants"][0]["role"] == "operator"
    assert run("user", "add", "李敏", "--password-file", file)[1]["error"]["kind"] == "conflict"
    assert run("user", "add", "x")[0] == 2  # no terminal to ask on
    assert run("user", "add", "x", "--area", "a", "--password-file", file)[0] == 2
    code, answer, err = run("user", "grant", "李敏", "--role", "viewer", "--area", "nowhere")
    assert (code, answer["error"]["kind"]) == (1, "not_found")
    assert "area" in err
    given = run("user", "grant", "李敏", "--role", "auditor", "--until", "2099-01-01T00:00+08:00")[1]["grant"]
    assert given["role"] == "auditor"
    assert run("user", "revoke", "李敏", given["id"])[0] == 0
    assert run("user", "revoke", "李敏", given["id"])[1]["error"]["kind"] == "not_found"
    assert run("user", "disable", "李敏")[1]["disabled"] is True
    assert run("user", "enable", "李敏")[1]["disabled"] is False
    assert run("user", "password", "李敏", "--password-file", file)[1]["sessions_ended"] == 0
    listed = run("user", "list")[1]["users"]
    assert [(user["name"], user["must_change"], len(user["grants"])) for user in listed] == [("李敏", True, 1)]
    assert "long enough" not in json.dumps(listed)


def test_a_password_that_others_may_read_is_refused(run: Run, tmp_path: Path) -> None:
    run("migrate")
    code, answer, _ = run("user", "add", "x", "--password-file", secret(tmp_path, "a long enough one", 0o644))
    assert (code, answer["error"]["kind"]) == (1, "forbidden")


def test_tokens_from_the_command_line(run: Run) -> None:
    run("migrate")
    words = ("token", "add", "platform", "--purpose", "states", "--expires")
    assert run(*words, "never", "--role", "platform")[1]["error"]["kind"] == "invalid"
    assert run(*words, "2026-12-01", "--role", "platform")[1]["error"]["kind"] == "invalid"
    made = run(*words, LATER, "--role", "platform")[1]
    assert made["secret"].startswith("xlt_")
    listed = run("token", "list")[1]["tokens"]
    assert [(t["name"], t["disabled"], t["grants"][0]["role"]) for t in listed] == [("platform", False, "platform")]
    assert made["secret"] not in json.dumps(listed)
    assert run("token", "withdraw", "platform")[0] == 0
    assert run("token", "list")[1]["tokens"][0]["disabled"] is True


async def test_the_first_administrator(tmp_path: Path) -> None:
    """Without a terminal the password waits in a file of 0600 that is gone after the first login."""
    given = {"service": {"data_dir": str(tmp_path / "data"), "listen": "127.0.0.1:0"}, "discovery": {"enabled": False}}
    settings = Settings.model_validate(given)
    async with running(settings) as service:
        file = tmp_path / "data" / "first-admin-password"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        name, password = file.read_text(encoding="utf-8").split()
        client = Client(service.url)
        assert (await client.log_in(name, "not the password")).code == "login_failed"
        assert file.exists()
        assert (await client.log_in(name, password)).json["must_change"] is True
        assert not file.exists()
        assert (await client.get("/api/v1/users")).code == "password_change"
        changed = await client.send("PUT", "/api/v1/session/password", {"current": password, "new": "one of my own"})
        assert changed.status == 204
        assert [user["name"] for user in (await client.get("/api/v1/users")).json["items"]] == ["admin"]

        # Through the control socket while the service runs: what it takes away ends at once.
        parameters = {"name": "platform", "purpose": "x", "expires": LATER, "grants": [{"role": "platform"}]}
        made = await perform(settings, "token add", parameters)
        program = Client(service.url, token=made["secret"], browser=False)
        known = (await program.get("/api/v1/session")).json
        assert (known["kind"], known["permissions"], known["purpose"]) == ("token", ["read"], "x")
        await perform(settings, "token withdraw", {"name": "platform"})
        assert (await program.get("/api/v1/session")).code == "token_invalid"
    async with running(settings):
        assert not file.exists(), "a second start makes no second administrator"


async def test_the_first_password_is_shown_on_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    db = await Database.open(f"sqlite:///{tmp_path / 'x.db'}")
    await migrate(db)
    await open_keys(db, tmp_path / "master.key")
    shown: list[str] = []
    first, passwords = FirstPassword(tmp_path), Passwords(Cost(passes=1, memory_kib=64))
    assert await make_first_admin(db, passwords, first, shown.append)
    assert not await make_first_admin(db, passwords, first, shown.append)
    await db.close()
    assert len(shown) == 1
    password = shown[0].split(" / ")[1].split()[0]
    assert not first.path.exists()
    written = await asyncio.to_thread(lambda: [file.read_bytes() for file in tmp_path.iterdir()])
    assert written
    assert not any(password.encode() in data for data in written)
    assert await passwords.verify(await passwords.hash(SecretStr(password)), SecretStr(password))
