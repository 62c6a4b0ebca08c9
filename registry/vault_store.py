"""Edge: the table of sealed secrets, and its re-sealing when the vault key is turned over."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Permission, Scope
from registry.database import Connection, Database, keys_of
from registry.key_store import rotate_data_key
from registry.keys import MasterKey, Purpose
from registry.scope_store import require_everywhere
from registry.sealing import Sealed
from registry.secret_tables import secrets
from registry.vault import SecretRecord, Vault


async def put_secret(connection: Connection, vault: Vault, kind: str, plain: SecretStr) -> SecretRecord:
    """A new secret. Who may do that, and its audit row, is the matter of what the secret belongs to."""
    record = vault.seal(new_id(), kind, 1, plain)
    await connection.execute(sa.insert(secrets).values(**_columns(record)))
    return record


async def replace_secret(connection: Connection, vault: Vault, secret_id: str, plain: SecretStr) -> SecretRecord:
    """A new value under the same id: a new version, so that what was refused is tried anew."""
    old = await find_secret(connection, secret_id)
    record = vault.seal(secret_id, old.kind, old.version + 1, plain)
    await connection.execute(sa.update(secrets).where(secrets.c.id == secret_id).values(**_columns(record)))
    return record


async def find_secret(connection: Connection, secret_id: str) -> SecretRecord:
    row = (await connection.execute(sa.select(secrets).where(secrets.c.id == secret_id))).one_or_none()
    if row is None:
        raise XueliangError(Kind.NOT_FOUND, "there is no such secret")
    return record_of(row)


async def delete_secret(connection: Connection, secret_id: str) -> None:
    await connection.execute(sa.delete(secrets).where(secrets.c.id == secret_id))


async def rotate_vault(scope: Scope, db: Database, master: MasterKey) -> int:
    """A new vault key, and every secret sealed anew under it, in one transaction; how many.

    Raises ``INTERNAL`` and changes nothing if one of them does not open.
    """
    require_everywhere(scope, Permission.SYSTEM)
    async with db.write() as connection:
        keys = keys_of(connection)
        fresh = await rotate_data_key(scope, connection, keys, master, Purpose.VAULT)
        old, new = Vault(keys), Vault(fresh)
        rows = (await connection.execute(sa.select(secrets))).all()
        for row in rows:
            record = record_of(row)
            again = new.seal(record.id, record.kind, record.version, old.open(record))
            await connection.execute(sa.update(secrets).where(secrets.c.id == record.id).values(**_columns(again)))
    keys.replace(fresh.all())
    return len(rows)


def record_of(row: sa.Row[Any]) -> SecretRecord:
    """From a row that has the columns of the table of secrets."""
    return SecretRecord(row.id, row.kind, row.version, Sealed(row.algorithm, row.key_id, row.nonce, row.ciphertext))


def _columns(record: SecretRecord) -> dict[str, Any]:
    sealed = record.sealed
    return {
        "id": record.id,
        "kind": record.kind,
        "version": record.version,
        "algorithm": sealed.algorithm,
        "key_id": sealed.key_id,
        "nonce": sealed.nonce,
        "ciphertext": sealed.ciphertext,
    }
