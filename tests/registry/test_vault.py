"""Keys and secrets: bound to their place, turned over without loss, and nowhere in the clear."""

from __future__ import annotations

import dataclasses
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from config.errors import Kind, XueliangError
from config.scope import ROLE_PERMISSIONS, Grant, Role, Scope
from registry.audit_store import page, verify
from registry.credential_store import (
    drop_credentials,
    find_credentials,
    has_credentials,
    set_credentials,
    share_credentials,
)
from registry.database import Database
from registry.key_store import open_keys, rotate_data_key, rotate_master
from registry.keys import KeyRing, Purpose
from registry.master_key_file import create_master_key, read_master_keys
from registry.migrations.run import migrate
from registry.sealing import MAX_PLAIN, Sealed
from registry.secret_tables import data_keys, secrets
from registry.tables import metadata_tables
from registry.vault import Vault
from registry.vault_store import rotate_vault
from tests.support.registry_world import SYSTEM, add_world

CANARY = "canary-8f1c-密码"


async def opened(db: Database, device_id: str = "a-recorder") -> str | None:
    async with db.read() as connection:
        assert db.keys is not None
        found = await find_credentials(SYSTEM, connection, Vault(db.keys), device_id)
    return None if found is None else found.password.get_secret_value()


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("xueliang.db*")]


def test_a_secret_opens_only_in_its_own_place() -> None:
    vault = Vault(KeyRing.ephemeral())
    record = vault.seal("s1", "camera", 1, SecretStr(CANARY))
    assert vault.open(record).get_secret_value() == CANARY
    assert CANARY not in repr(record)
    sealed = record.sealed
    flipped = bytes([sealed.ciphertext[0] ^ 1]) + sealed.ciphertext[1:]
    for wrong in (
        dataclasses.replace(record, id="s2"),
        dataclasses.replace(record, kind="webhook"),
        dataclasses.replace(record, version=2),
        dataclasses.replace(record, sealed=dataclasses.replace(sealed, ciphertext=flipped)),
        dataclasses.replace(record, sealed=dataclasses.replace(sealed, nonce=b"0" * 12)),
        dataclasses.replace(record, sealed=dataclasses.replace(sealed, nonce=b"")),
        dataclasses.replace(record, sealed=Sealed("rot13", sealed.key_id, sealed.nonce, sealed.ciphertext)),
    ):
        with pytest.raises(XueliangError) as caught:
            vault.open(wrong)
        assert caught.value.kind is Kind.INTERNAL
    with pytest.raises(XueliangError):
        Vault(KeyRing.ephemeral()).open(record)
    with pytest.raises(XueliangError):
        vault.seal("s", "camera", 1, SecretStr("x" * (MAX_PLAIN + 1)))


def test_two_secrets_never_share_a_nonce() -> None:
    vault = Vault(KeyRing.ephemeral())
    assert len({vault.seal("s", "k", 1, SecretStr("x")).sealed.nonce for _ in range(500)}) == 500


def test_the_master_key_file_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    key = create_master_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_master_keys(path) == (key,)
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"]
    with pytest.raises(XueliangError) as caught:
        create_master_key(path)
    assert caught.value.kind is Kind.CONFLICT
    path.chmod(0o640)
    with pytest.raises(XueliangError) as caught:
        read_master_keys(path)
    assert caught.value.kind is Kind.FORBIDDEN
    assert "chmod 600" in caught.value.fix


@pytest.mark.parametrize("text", ["", "nonsense", "xueliang-master-key-1 id AAAA", "xueliang-master-key-1"])
def test_a_damaged_master_key_file_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(XueliangError) as caught:
        read_master_keys(path)
    assert caught.value.kind is Kind.INVALID


async def test_keys_stand_across_restarts_and_a_lost_master_is_said(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    db = await Database.open(database_url)
    try:
        await migrate(db)
        first = await open_keys(db, path)
        again = await open_keys(db, path)
        assert {key.id: key.secret for key in first.all()} == {key.id: key.secret for key in again.all()}
        assert {key.purpose for key in first.all()} == set(Purpose)
        path.rename(tmp_path / "elsewhere")
        with pytest.raises(XueliangError) as caught:
            await open_keys(db, path)
        assert caught.value.kind is Kind.UNAVAILABLE
        assert not path.exists()
        create_master_key(path)
        with pytest.raises(XueliangError) as caught:
            await open_keys(db, path)
        assert caught.value.kind is Kind.UNAVAILABLE
    finally:
        await db.close()


async def test_master_vault_and_audit_keys_turn_over(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    db = await Database.open(database_url)
    try:
        await migrate(db)
        ring = await open_keys(db, path)
        await add_world(db, "a", 1, cameras=1)
        async with db.read() as connection:
            sealed = (await connection.execute(sa.select(secrets.c.ciphertext, secrets.c.key_id))).one()
            wrapped = set((await connection.execute(sa.select(data_keys.c.ciphertext))).scalars())
        old_master = read_master_keys(path)
        await rotate_master(SYSTEM, db, path)
        assert len(read_master_keys(path)) == 1
        assert read_master_keys(path) != old_master
        assert await rotate_vault(SYSTEM, db, read_master_keys(path)[0]) == 1
        async with db.write() as connection:
            fresh = await rotate_data_key(SYSTEM, connection, ring, read_master_keys(path)[0], Purpose.AUDIT)
        ring.replace(fresh.all())
        assert await opened(db) == "pw-a"
        await add_world(db, "b", 2, cameras=1)
        async with db.read() as connection:
            rows = (await connection.execute(sa.select(secrets.c.ciphertext, secrets.c.key_id))).all()
            again = set((await connection.execute(sa.select(data_keys.c.ciphertext))).scalars())
            assert (await verify(SYSTEM, connection)).sound
            acts = [row.object_id for row in await page(SYSTEM, connection, act="key.rotate")]
        assert sealed not in rows
        assert not wrapped & again
        assert acts == ["audit", "vault", "master"]
    finally:
        await db.close()
    db = await Database.open(database_url)
    try:
        await open_keys(db, path)
        assert (await opened(db), await opened(db, "b-recorder")) == ("pw-a", "pw-b")
        async with db.read() as connection:
            assert (await verify(SYSTEM, connection)).sound
    finally:
        await db.close()


async def test_a_crash_between_file_and_database_loses_nothing(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    db = await Database.open(database_url)
    try:
        await migrate(db)
        await open_keys(db, path)
        await add_world(db, "a", 1, cameras=1)
        before = read_master_keys(path)
        # What a rotation leaves that died after it wrote the file: the new key first, the old one still there.
        text = path.read_text()
        other = tmp_path / "other.key"
        create_master_key(other)
        path.write_text(other.read_text() + text)
        await open_keys(db, path)
        assert await opened(db) == "pw-a"
        await rotate_master(SYSTEM, db, path)
        await open_keys(db, path)
        assert await opened(db) == "pw-a"
        assert len(read_master_keys(path)) == 1
        assert read_master_keys(path) != before
    finally:
        await db.close()


async def test_credentials_are_written_shared_and_dropped(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    await add_world(db, "b", 2, cameras=1)
    assert db.keys is not None
    vault = Vault(db.keys)
    async with db.write() as connection:
        first = await set_credentials(SYSTEM, connection, vault, "a-recorder", "admin", SecretStr("one"))
        second = await set_credentials(SYSTEM, connection, vault, "a-recorder", "admin", SecretStr("two"))
        assert first.id == second.id
        assert first.fingerprint != second.fingerprint
        await share_credentials(SYSTEM, connection, "a-recorder", ["b-recorder"])
    assert (await opened(db), await opened(db, "b-recorder")) == ("two", "two")
    async with db.write() as connection:
        # A device that leaves the set gets a secret of its own; the others keep theirs.
        await set_credentials(SYSTEM, connection, vault, "a-recorder", "admin", SecretStr("three"))
        assert await has_credentials(SYSTEM, connection, "b-recorder") == "admin"
    assert (await opened(db), await opened(db, "b-recorder")) == ("three", "two")
    async with db.write() as connection:
        await drop_credentials(SYSTEM, connection, "b-recorder")
    assert await opened(db, "b-recorder") is None
    async with db.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(secrets))).scalar_one() == 1


async def test_no_person_reads_a_password(db: Database) -> None:
    await add_world(db, "a", 1, cameras=1)
    admin = Scope("admin", (Grant(ROLE_PERMISSIONS[Role.ADMIN]),))
    assert db.keys is not None
    async with db.read() as connection:
        with pytest.raises(XueliangError) as caught:
            await find_credentials(admin, connection, Vault(db.keys), "a-recorder")
    assert caught.value.kind is Kind.FORBIDDEN


async def test_canaries_are_in_no_row_file_or_log(
    db: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    await add_world(db, "a", 1, cameras=1)
    assert db.keys is not None
    vault = Vault(db.keys)
    for value in (CANARY, CANARY + "2"):
        async with db.write() as connection:
            await set_credentials(SYSTEM, connection, vault, "a-recorder", "admin", SecretStr(value))
    assert await opened(db) == CANARY + "2"
    ring = [key.secret for key in db.keys.all()]
    async with db.read() as connection:
        for table in metadata_tables():
            for row in await connection.execute(sa.select(table)):
                for cell in row:
                    assert CANARY not in str(cell)
                    assert not (isinstance(cell, bytes) and any(secret in cell for secret in (*ring, CANARY.encode())))
    for data in contents(tmp_path):
        assert CANARY.encode() not in data
        assert not any(secret in data for secret in ring)
    assert CANARY not in caplog.text
