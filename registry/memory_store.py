"""Edge: the tables of what the gateway remembers of devices: attempts written down before they are made, and facts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import sqlalchemy as sa

from camera_gateway.memory import (
    REFUSED_HOLD,
    AccountKey,
    AccountState,
    DeviceFacts,
    check_hold,
)
from config.clock import Clock
from config.text import printable
from registry.database import Database
from registry.secret_tables import device_accounts, device_facts

#: The clock offset is learned at every check; only a real step is worth a write.
_OFFSET_STEP = 1.0
_Held = tuple[AccountState, datetime | None]


class StoredDeviceMemory:
    """:class:`camera_gateway.memory.DeviceMemory` on the database, with everything it knows held in memory too.

    A proved account costs no write per try. Every other try is on the disk before permission is given, so that a
    crash, or five, never adds a second try with the same password. One service process owns the tables.
    """

    #: One statement object each: equal ones that meet in a batch are sent together.
    _FORGET: ClassVar[sa.Delete] = sa.delete(device_accounts).where(
        device_accounts.c.host == sa.bindparam("key_host"),
        device_accounts.c.account == sa.bindparam("key_account"),
        device_accounts.c.fingerprint != sa.bindparam("key_fingerprint"),
    )

    def __init__(self, db: Database, clock: Clock, hold: timedelta = REFUSED_HOLD) -> None:
        self._db = db
        self._clock = clock
        self._hold = hold
        #: By host, then by key: what one device remembers is looked through whole, the fleet never.
        self._accounts: dict[str, dict[AccountKey, _Held]] = {}
        self._facts: dict[str, DeviceFacts] = {}
        self._loading = asyncio.Lock()
        self._loaded = False
        self._put_account = _upsert(db, device_accounts, ("host", "account", "fingerprint"))
        self._put_facts = _upsert(db, device_facts, ("host",))

    async def before_attempt(self, key: AccountKey) -> None:
        """Permission for one try. Raises ``LOCKED`` while a refused or unfinished try of the same key holds."""
        await self._load()
        before = self._held(key)
        check_hold(key, *before, self._clock.now())
        if before[0] is AccountState.PROVED:
            return
        # Taken here, before anything is awaited: of 64 channels that ask at once, one gets the try.
        trying = (AccountState.TRYING, self._clock.now() + self._hold)
        self._keep(key, trying)
        try:
            await self._write(key, trying)
        except BaseException:
            # Not written, so not permitted; the next caller may ask again.
            if self._held(key) == trying:
                self._keep(key, before)
            raise

    async def attempt_succeeded(self, key: AccountKey) -> None:
        await self._load()
        if self._held(key)[0] is AccountState.PROVED:
            return
        proved: _Held = (AccountState.PROVED, None)
        here = self._accounts.get(key.host, {})
        self._accounts[key.host] = {k: held for k, held in here.items() if k.user != key.user} | {key: proved}
        names = {"key_host": key.host, "key_account": key.user, "key_fingerprint": key.fingerprint}
        await self._db.soon.add(self._FORGET, names)
        await self._write(key, proved)

    async def attempt_failed(self, key: AccountKey) -> None:
        await self._load()
        refused = (AccountState.REFUSED, self._clock.now() + self._hold)
        self._keep(key, refused)
        await self._write(key, refused)

    async def standing(self, key: AccountKey) -> AccountState:
        """What the last try with this key proved."""
        await self._load()
        return self._held(key)[0]

    async def recall(self, host: str) -> DeviceFacts:
        await self._load()
        return self._facts.get(host, DeviceFacts())

    async def remember(self, host: str, **facts: Any) -> None:
        """Fields of :class:`DeviceFacts` that were learned just now; committed within a second, not waited for."""
        await self._load()
        old = self._facts.get(host, DeviceFacts())
        for name in ("auth_rung", "keyframe_method", "transport", "keepalive"):
            if facts.get(name) is not None:
                facts[name] = printable(facts[name], 20)
        if facts.get("identity") is not None:
            facts["identity"] = printable(facts["identity"], 2000)
        new = replace(old, **facts)
        step = (new.clock_offset is None) != (old.clock_offset is None) or (
            abs((new.clock_offset or 0.0) - (old.clock_offset or 0.0)) >= _OFFSET_STEP
        )
        if not step:
            new = replace(new, clock_offset=old.clock_offset)
        if new == old:
            return
        self._facts[host] = new
        await self._db.batch.add(
            self._put_facts, {"host": host, **{name: getattr(new, name) for name in DeviceFacts.__slots__}}
        )

    async def until(self, host: str) -> datetime | None:
        """Until when the latest hold of any account at ``host`` lasts; for what people are told."""
        await self._load()
        now = self._clock.now()
        held = [u for _, u in self._accounts.get(host, {}).values() if u is not None and u > now]
        return max(held, default=None)

    def _held(self, key: AccountKey) -> _Held:
        return self._accounts.get(key.host, {}).get(key, (AccountState.UNTRIED, None))

    def _keep(self, key: AccountKey, held: _Held) -> None:
        self._accounts.setdefault(key.host, {})[key] = held

    async def _write(self, key: AccountKey, held: _Held) -> None:
        state, until = held
        row = {"host": key.host, "account": key.user, "fingerprint": key.fingerprint, "state": state, "until": until}
        ack = await self._db.soon.add(self._put_account, row)
        await ack

    async def _load(self) -> None:
        if self._loaded:
            return
        async with self._loading:
            if self._loaded:
                return
            async with self._db.read() as connection:
                for row in await connection.execute(sa.select(device_accounts)):
                    self._keep(AccountKey(row.host, row.account, row.fingerprint), (row.state, row.until))
                for row in await connection.execute(sa.select(device_facts)):
                    facts = {name: row._mapping[name] for name in DeviceFacts.__slots__}
                    self._facts[row.host] = DeviceFacts(**facts)
            self._loaded = True


def _upsert(db: Database, table: sa.Table, keys: tuple[str, ...]) -> sa.Executable:
    """Insert or replace by key; both databases speak ON CONFLICT, each through its own construct."""
    from sqlalchemy.dialects import postgresql, sqlite  # the one place that needs them

    insert = (postgresql.insert if db.dialect == "postgresql" else sqlite.insert)(table)
    names = [column.name for column in table.c if column.name not in keys]
    return insert.on_conflict_do_update(index_elements=list(keys), set_={name: insert.excluded[name] for name in names})
