"""Edge: the table that says which account and which secret belong to a device. Written by many, read by the gateway."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from camera_gateway.memory import AccountKey
from camera_gateway.target import Credentials
from config.errors import Kind, XueliangError
from config.scope import Permission, Scope
from registry import rows_store
from registry.audit_chain import Act
from registry.audit_store import append_many
from registry.change_feed import Told
from registry.change_feed_store import record_many
from registry.database import Connection
from registry.device import Device
from registry.lifecycle import WATCHED, Lifecycle
from registry.nouns_store import DEVICE
from registry.secret_tables import credentials, secrets
from registry.tables import devices
from registry.vault import SecretRecord, Vault, fingerprint_of
from registry.vault_store import delete_secret, put_secret, record_of, replace_secret

KIND = "camera"
#: Bound parameters in one statement.
_CHUNK = 500
#: Devices of a password set that are named.
_TOLD = 5


async def set_credentials(
    scope: Scope,
    connection: Connection,
    vault: Vault,
    device_id: str,
    account: str,
    password: SecretStr,
    *,
    allow_clear: bool = False,
) -> SecretRecord:
    """New credentials for one device; the password gets a new fingerprint, so that it is tried at once."""
    device = await _editable(scope, connection, [device_id])
    stands = (
        await connection.execute(sa.select(credentials).where(credentials.c.device_id == device_id))
    ).one_or_none()
    if stands is not None and await _users(connection, stands.secret_id) == 1:
        secret = await replace_secret(connection, vault, stands.secret_id, password)
    else:
        secret = await put_secret(connection, vault, KIND, password)
    await _assign(scope, connection, device, account, secret.id, allow_clear=allow_clear)
    return secret


async def share_credentials(scope: Scope, connection: Connection, from_id: str, device_ids: list[str]) -> None:
    """Give devices the account and secret of another: one password set, one row to change."""
    await _editable(scope, connection, [from_id])
    row = (await connection.execute(sa.select(credentials).where(credentials.c.device_id == from_id))).one_or_none()
    if row is None:
        raise XueliangError(Kind.NOT_FOUND, "the device has no credentials to share")
    devices = await _editable(scope, connection, device_ids)
    await _assign(scope, connection, devices, row.account, row.secret_id, allow_clear=bool(row.allow_clear))


async def drop_credentials(scope: Scope, connection: Connection, device_id: str) -> None:
    device = await _editable(scope, connection, [device_id])
    row = (await connection.execute(sa.select(credentials).where(credentials.c.device_id == device_id))).one_or_none()
    if row is None:
        return
    await connection.execute(sa.delete(credentials).where(credentials.c.device_id == device_id))
    if await _users(connection, row.secret_id) == 0:
        await delete_secret(connection, row.secret_id)
    await _tell(scope, connection, device, "drop", None)


async def find_credentials(scope: Scope, connection: Connection, vault: Vault, device_id: str) -> Credentials | None:
    """For the gateway alone (``Scope.system``): no person reads a password. ``None`` where there are none, and while
    the device's identity is in question."""
    rows = await _sealed(scope, connection, [device_id])
    return _opened(vault, rows[0]) if rows else None


async def find_many_credentials(
    scope: Scope, connection: Connection, vault: Vault, device_ids: Sequence[str]
) -> dict[str, Credentials]:
    """As :func:`find_credentials` for many, those left out whose secret does not open: each is told when asked for."""
    found: dict[str, Credentials] = {}
    for start in range(0, len(device_ids), _CHUNK):
        for row in await _sealed(scope, connection, device_ids[start : start + _CHUNK]):
            with contextlib.suppress(XueliangError):
                found[row.device_id] = _opened(vault, row)
    return found


async def _sealed(scope: Scope, connection: Connection, device_ids: Sequence[str]) -> Sequence[sa.Row[Any]]:
    if not scope.unlimited:
        raise XueliangError(Kind.FORBIDDEN, "passwords are written, never read")
    query = (
        sa.select(secrets, credentials.c.device_id, credentials.c.account, credentials.c.allow_clear)
        .join(credentials, credentials.c.secret_id == secrets.c.id)
        .join(devices, devices.c.id == credentials.c.device_id)
        .where(credentials.c.device_id.in_(device_ids), devices.c.identity_hold.is_(False))
    )
    return (await connection.execute(query)).all()


def _opened(vault: Vault, row: sa.Row[Any]) -> Credentials:
    secret = record_of(row)
    return Credentials(row.account, vault.open(secret), secret.fingerprint, bool(row.allow_clear))


@dataclass(frozen=True, slots=True)
class Bearer:
    """A device that has an account, and the key its tries are written down under."""

    device_id: str
    key: AccountKey


async def bearers(
    scope: Scope, connection: Connection, vault: Vault, account: str, password: SecretStr
) -> list[Bearer]:
    """The devices that have exactly this account and password, the oldest first; for ``Scope.system`` alone."""
    if not scope.unlimited:
        raise XueliangError(Kind.FORBIDDEN, "passwords are written, never read")
    query = (
        sa.select(secrets, credentials.c.device_id, devices.c.host)
        .join(credentials, credentials.c.secret_id == secrets.c.id)
        .join(devices, devices.c.id == credentials.c.device_id)
        .where(credentials.c.account == account, devices.c.lifecycle != Lifecycle.REMOVED)
        .order_by(credentials.c.device_id)
    )
    same: dict[str, str] = {}
    found: list[Bearer] = []
    for row in await connection.execute(query):
        if row.id not in same:
            record = record_of(row)
            equal = vault.open(record).get_secret_value() == password.get_secret_value()
            same[row.id] = record.fingerprint if equal else ""
        if same[row.id]:
            found.append(Bearer(row.device_id, AccountKey(row.host, account, same[row.id])))
    return found


@dataclass(frozen=True, slots=True)
class PasswordSet:
    """What some devices share; ``device_id`` is the oldest of them, ``names`` the first few. ``keys``: under which
    their tries are written down, of the first few."""

    device_id: str
    account: str
    devices: int
    names: tuple[str, ...]
    allow_clear: bool
    keys: tuple[AccountKey, ...]


async def password_sets(scope: Scope, connection: Connection, *, limit: int = 200) -> list[PasswordSet]:
    """Of the devices whose passwords the asker may write, grouped by secret, the largest first. No password is
    opened for it."""
    c, d = credentials.c, devices.c
    query = (
        sa.select(c.secret_id, c.account, c.allow_clear, d.id, d.name, d.host, secrets.c.version)
        .join(devices, d.id == c.device_id)
        .join(secrets, secrets.c.id == c.secret_id)
        .where(DEVICE.visible(scope.where(Permission.CREDENTIALS)), d.lifecycle != Lifecycle.REMOVED)
        .order_by(d.id)
    )
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in await connection.execute(query):
        groups.setdefault((row.secret_id, row.account), []).append(row)
    largest = sorted(groups.values(), key=lambda rows: (-len(rows), rows[0].id))[: max(1, min(limit, _CHUNK))]
    return [
        PasswordSet(
            rows[0].id,
            rows[0].account,
            len(rows),
            tuple(row.name for row in rows[:_TOLD]),
            bool(rows[0].allow_clear),
            tuple(
                AccountKey(row.host, row.account, fingerprint_of(row.secret_id, row.version)) for row in rows[:_TOLD]
            ),
        )
        for rows in largest
    ]


async def count_given(scope: Scope, connection: Connection) -> tuple[int, int]:
    """Devices in scope that are ours, and how many of them have a password."""
    query = (
        sa.select(sa.func.count(), sa.func.count(credentials.c.device_id))
        .select_from(devices.outerjoin(credentials, credentials.c.device_id == devices.c.id))
        .where(DEVICE.visible(scope.where(Permission.READ)), devices.c.lifecycle.in_(sorted(WATCHED)))
    )
    ours, given = (await connection.execute(query)).one()
    return int(ours), int(given)


async def has_credentials(scope: Scope, connection: Connection, device_id: str) -> str | None:
    """The account's name, if there is one; the password stays where it is."""
    await rows_store.get(scope, connection, DEVICE, device_id)
    query = sa.select(credentials.c.account).where(credentials.c.device_id == device_id)
    account: str | None = (await connection.execute(query)).scalar_one_or_none()
    return account


async def _editable(scope: Scope, connection: Connection, device_ids: Sequence[str]) -> list[Device]:
    stand = await rows_store.get_many(scope, connection, DEVICE, device_ids)
    if any(device_id not in stand for device_id in device_ids):
        raise rows_store.not_found(DEVICE.kind)
    for place in dict.fromkeys((device.area_id, device.unit_id) for device in stand.values()):
        await rows_store.require_place(scope, connection, Permission.CREDENTIALS, *place)
    return [stand[device_id] for device_id in device_ids]


async def _users(connection: Connection, secret_id: str) -> int:
    query = sa.select(sa.func.count()).select_from(credentials).where(credentials.c.secret_id == secret_id)
    return int((await connection.execute(query)).scalar_one())


async def _assign(
    scope: Scope, connection: Connection, given: Sequence[Device], account: str, secret_id: str, *, allow_clear: bool
) -> None:
    """The same to each of ``given``: a handful of statements whatever their number."""
    values: dict[str, Any] = {"secret_id": secret_id, "account": account, "allow_clear": allow_clear}
    old: dict[str, sa.Row[Any]] = {}
    for start in range(0, len(given), _CHUNK):
        some = credentials.c.device_id.in_([device.id for device in given[start : start + _CHUNK]])
        old |= {row.device_id: row for row in await connection.execute(sa.select(credentials).where(some))}
    added = [{"device_id": device.id, "version": 1, **values} for device in given if device.id not in old]
    if added:
        await connection.execute(sa.insert(credentials), added)
    changed = [{"the_device": row.device_id, "version": row.version + 1, **values} for row in old.values()]
    if changed:
        which = credentials.c.device_id == sa.bindparam("the_device")
        await connection.execute(sa.update(credentials).where(which), changed)
    for left in sorted({row.secret_id for row in old.values()} - {secret_id}):
        if await _users(connection, left) == 0:
            await delete_secret(connection, left)
    await _tell(scope, connection, given, "set", account)


async def _tell(scope: Scope, connection: Connection, devices: Sequence[Device], act: str, account: str | None) -> None:
    places = [(device.id, device.area_id, device.unit_id) for device in devices]
    payload = {"act": f"credentials_{act}"}
    await record_many(connection, [Told("device", *place, payload) for place in places])
    details = {} if account is None else {"account": account}
    await append_many(scope, connection, [Act(f"credentials.{act}", "device", *place, details) for place in places])
