"""Edge: the wrapped data keys in the database; opened at start with the master key, turned over by a rotation."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from config.errors import Kind, XueliangError
from config.scope import Permission, Scope
from registry.audit_store import append
from registry.database import Connection, Database, clock_of
from registry.keys import DataKey, KeyRing, MasterKey, Purpose, unwrap, wrap
from registry.master_key_file import create_master_key, read_master_keys, replace_master_keys
from registry.scope_store import require_everywhere
from registry.sealing import Sealed
from registry.secret_tables import data_keys


async def open_keys(db: Database, master_file: Path, *, private: bool = True) -> KeyRing:
    """The key ring of ``db``, after :func:`migrate`; ``db`` audits under it from now on. ``private`` as for
    :func:`registry.master_key_file.read_master_keys`.

    An empty database gets its keys, and its master key file if there is none. Raises ``UNAVAILABLE`` when the
    database has keys but their master key is missing: a new one would only hide the loss.
    """
    async with db.read() as connection:
        rows = (await connection.execute(sa.select(data_keys))).all()
    if rows:
        try:
            masters = read_master_keys(master_file, private=private)
        except XueliangError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            raise XueliangError(
                Kind.UNAVAILABLE,
                "the master key of this database is missing",
                where=str(master_file),
                fix="Put the file back; without it the stored passwords cannot be opened",
            ) from error
        ring = KeyRing(_opened(masters, row) for row in rows)
    else:
        try:
            master = read_master_keys(master_file, private=private)[0]
        except XueliangError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            master = create_master_key(master_file)
        ring = KeyRing.ephemeral()
        async with db.write() as connection:
            for key in ring.all():
                await _insert(connection, master, key)
    db.use_keys(ring)
    return ring


async def rotate_master(scope: Scope, db: Database, master_file: Path) -> None:
    """A new master key: the data keys are wrapped anew, nothing else changes.

    The file holds both masters until the database has committed, so that a crash leaves either state usable.
    """
    require_everywhere(scope, Permission.SYSTEM)
    old = read_master_keys(master_file)
    new = MasterKey.make()
    replace_master_keys(master_file, (new, *old))
    async with db.write() as connection:
        for row in (await connection.execute(sa.select(data_keys))).all():
            sealed = wrap(new, _opened(old, row))
            await connection.execute(
                sa.update(data_keys)
                .where(data_keys.c.id == row.id)
                .values(master_key_id=new.id, nonce=sealed.nonce, ciphertext=sealed.ciphertext)
            )
        await append(scope, connection, "key.rotate", "key", "master")
    replace_master_keys(master_file, (new,))


async def rotate_data_key(
    scope: Scope, connection: Connection, keys: KeyRing, master: MasterKey, purpose: Purpose
) -> KeyRing:
    """A new current key for ``purpose`` in the caller's transaction; the one before is kept to open and verify.

    The ring that is returned takes effect for others once the caller has committed and called
    ``keys.replace(new.all())``.
    """
    require_everywhere(scope, Permission.SYSTEM)
    fresh = DataKey.make(purpose)
    await connection.execute(
        sa.update(data_keys).where(data_keys.c.purpose == purpose, data_keys.c.retired.is_(False)).values(retired=True)
    )
    await _insert(connection, master, fresh)
    await append(scope, connection, "key.rotate", "key", purpose.value, details={"key": fresh.id})
    kept = [DataKey(k.id, k.purpose, k.secret, k.retired or k.purpose is purpose) for k in keys.all()]
    return KeyRing([*kept, fresh])


async def _insert(connection: Connection, master: MasterKey, key: DataKey) -> None:
    sealed = wrap(master, key)
    await connection.execute(
        sa.insert(data_keys).values(
            id=key.id,
            purpose=key.purpose,
            retired=key.retired,
            made=clock_of(connection).now(),
            algorithm=sealed.algorithm,
            master_key_id=sealed.key_id,
            nonce=sealed.nonce,
            ciphertext=sealed.ciphertext,
        )
    )


def _opened(masters: tuple[MasterKey, ...], row: sa.Row[tuple[object, ...]]) -> DataKey:
    sealed = Sealed(row.algorithm, row.master_key_id, row.nonce, row.ciphertext)
    return unwrap(masters, row.id, row.purpose, row.retired, sealed)
