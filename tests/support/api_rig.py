"""Wiring: the API over a real listener and a real database, and a client that speaks plain HTTP to it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from camera_gateway.media.pool import DecodePool
from center.api.app import core_of, mount
from center.api.asked import Core
from center.api.limits import Limits
from center.console_files import ConsoleFiles
from center.data_folder import DataFolder
from center.listener import Listener, Listening
from center.storage import Storage
from center.web import build
from config.clock import SystemClock
from config.ids import new_id
from config.scope import ROLE_PERMISSIONS, Role, Scope
from config.settings import Settings
from registry import account_store, token_store
from registry.database import Database
from registry.login_passwords import Cost, Passwords
from registry.memory_store import StoredDeviceMemory
from registry.principal import StoredGrant
from registry.principal_store import add_grant
from registry.vault import Vault

SYSTEM = Scope.system("test")
PASSWORD = "correct horse battery"
CHEAP = Cost(passes=1, memory_kib=64)


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The problem's code; the document must be a whole one."""
        document = self.json
        assert self.headers["content-type"] == "application/problem+json", self
        assert document["status"] == self.status
        assert document["type"] == f"urn:xueliang:problem:{document['code']}"
        assert document["request_id"] == self.headers["x-request-id"]
        assert document["title"]
        assert document["what"]
        assert document["fix"]
        return str(document["code"])


@dataclass(slots=True)
class Client:
    """Keeps its cookie like a browser, and sends our Origin like one; ``token`` instead for programs. ``tls`` for a
    server of this machine that bears the name in ``url``."""

    url: str
    cookie: str = ""
    token: str = ""
    browser: bool = True
    tls: ssl.SSLContext | None = None

    async def send(
        self, method: str, path: str, body: Any = None, raw: bytes | None = None, /, **headers: str | None
    ) -> Answered:
        """``headers`` with ``_`` for ``-``; ``None`` leaves out one that would be sent."""
        data = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        host = self.url.split("://")[1]
        wanted: dict[str, str | None] = {"host": host, "connection": "close"}
        if data or method not in ("GET", "HEAD"):
            wanted |= {"content-type": "application/json", "content-length": str(len(data))}
        if self.token:
            wanted["authorization"] = f"Bearer {self.token}"
        elif self.browser:
            wanted["origin"] = self.url if method not in ("GET", "HEAD") else None
        if self.cookie and not self.token:
            wanted["cookie"] = self.cookie
        wanted |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in wanted.items() if value is not None)
        head = f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
        answered = await exchange(self.url, head + data, self.tls)
        given = answered.headers.get("set-cookie")
        if given is not None:
            self.cookie = given.split(";")[0] if "Max-Age=0" not in given else ""
        return answered

    async def get(self, path: str, **headers: str | None) -> Answered:
        return await self.send("GET", path, None, None, **headers)

    async def post(self, path: str, body: Any = None, **headers: str | None) -> Answered:
        return await self.send("POST", path, body, None, **headers)

    async def log_in(self, name: str, password: str = PASSWORD) -> Answered:
        return await self.post("/api/v1/session", {"name": name, "password": password})


async def dialled(url: str, tls: ssl.SSLContext | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.split("://")[1].rpartition(":")
    if tls is None:
        return await asyncio.open_connection(host, int(port))
    return await asyncio.open_connection("127.0.0.1", int(port), ssl=tls, server_hostname=host)


async def exchange(url: str, data: bytes, tls: ssl.SSLContext | None = None) -> Answered:
    async with asyncio.timeout(30):
        reader, writer = await dialled(url, tls)
        try:
            writer.write(data)
            received = await reader.read()
        finally:
            writer.close()
            try:
                await writer.wait_closed()
            except ConnectionError:
                received = b""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    return Answered(int(first.split()[1]), {n.lower(): v for n, _, v in (line.partition(": ") for line in rest)}, body)


@dataclass(slots=True)
class Rig:
    """A served API. ``client()`` is somebody unknown; ``user`` and ``token`` make somebody."""

    core: Core
    url: str
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def db(self) -> Database:
        return self.core.db

    def client(self) -> Client:
        return Client(self.url)

    async def user(
        self, name: str, role: Role | None = None, *, area: str | None = None, unit: str | None = None
    ) -> Client:
        """A logged-in account with its password changed already."""
        await self.account(name, role, area=area, unit=unit)
        client = self.client()
        assert (await client.log_in(name)).status == 201
        return client

    async def account(
        self,
        name: str,
        role: Role | None = None,
        *,
        area: str | None = None,
        unit: str | None = None,
        must_change: bool = False,
    ) -> str:
        hashed = await self.core.logins.passwords.hash(SecretStr(PASSWORD))
        async with self.db.write() as connection:
            account = await account_store.add_account(SYSTEM, connection, name, hashed, must_change=must_change)
            if role is not None:
                await add_grant(SYSTEM, connection, grant_of(account.id, role, area, unit))
        return account.id

    async def token(
        self, name: str, role: Role = Role.PLATFORM, *, area: str | None = None, unit: str | None = None
    ) -> Client:
        async with self.db.write() as connection:
            expires = self.db.clock.now() + timedelta(days=30)
            token, secret = await token_store.add_token(SYSTEM, connection, name, "tests", expires)
            await add_grant(SYSTEM, connection, grant_of(token.id, role, area, unit))
        return Client(self.url, token=secret, browser=False)


def grant_of(principal_id: str, role: Role, area: str | None = None, unit: str | None = None) -> StoredGrant:
    permissions = tuple(sorted(permission.value for permission in ROLE_PERMISSIONS[role]))
    return StoredGrant(new_id(), principal_id, permissions, area, unit)


def storage_of(db: Database, folder: Path, **service: Any) -> Storage:
    """A storage around an open database, its files under ``folder``."""
    given = {"service": {"data_dir": str(folder), "listen": "127.0.0.1:0", **service}}
    data = DataFolder(folder)
    data.prepare()
    assert db.keys is not None
    memory = StoredDeviceMemory(db, db.clock, timedelta(hours=1))
    return Storage(Settings.model_validate(given), data, db, db.keys, Vault(db.keys), memory, db.clock)


@asynccontextmanager
async def served(
    storage: Storage,
    limits: Limits | None = None,
    listen: str = "127.0.0.1:0",
    console: ConsoleFiles | None = None,
) -> AsyncIterator[Rig]:
    """Until the body ends; with ``console`` its pages too."""
    stills = DecodePool("health.work:work", 1, SystemClock())  # no worker is spawned before the first picture
    core = core_of(storage, stills, Passwords(CHEAP))

    async def exposition() -> tuple[str, bytes]:
        return "text/plain", b""

    if limits is None:
        app = build(lambda: core.missing, exposition, None, core, console)
    else:
        bare = build(lambda: core.missing, exposition, None)
        app = mount(bare, core, limits)  # type: ignore[arg-type]
    listener = Listener(app, Listening(listen))
    await listener.start()
    live = asyncio.create_task(core.live.run())
    try:
        yield Rig(core, listener.url)
    finally:
        live.cancel()
        await asyncio.gather(live, return_exceptions=True)
        await listener.close()
        await stills.close()
