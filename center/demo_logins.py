"""Edge: the demo's logins: one a role and one for programs, made at random, kept beside the data where it is kept."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from center.demo_district import LOGINS, Login
from center.managing import SCOPE
from center.storage import Storage
from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import ROLE_PERMISSIONS, Role
from registry import account_store, token_store
from registry.account import made_password
from registry.database import Connection
from registry.login_passwords import Passwords
from registry.principal import StoredGrant
from registry.principal_store import add_grant

#: Of the token for programs: what an operator may do, live pictures among it.
TOKEN_ROLE = Role.OPERATOR
TOKEN_LIFE = timedelta(days=90)
_MAX_FILE = 64 * 1024
_NAME = "demo.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a demo with a folder of its own finds again: the ports of its virtual network, hence the addresses and the
    history of its cameras, and its logins. A file of mode 0600 in a folder of mode 0700."""

    ports: tuple[int, int] | None = None
    passwords: Mapping[str, SecretStr] = field(default_factory=dict)
    token_name: str = ""
    token: SecretStr | None = None

    @staticmethod
    def stands(folder: Path) -> bool:
        """Whether a demo was here before."""
        return (folder / _NAME).is_file()

    @classmethod
    def read(cls, folder: Path) -> Kept:
        """Nothing where there is no file, or none that can be read."""
        try:
            with (folder / _NAME).open("rb") as file:
                raw = json.loads(file.read(_MAX_FILE))
            return cls(
                (int(raw["rtsp"]), int(raw["onvif"])),
                {str(name): SecretStr(str(password)) for name, password in raw.get("passwords", {}).items()},
                str(raw.get("token_name", "")),
                SecretStr(str(raw["token"])) if raw.get("token") else None,
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def write(self, folder: Path) -> None:
        """In one step: a demo that is killed leaves the old file or the new one."""
        rtsp, onvif = self.ports or (0, 0)
        document: dict[str, Any] = {"rtsp": rtsp, "onvif": onvif}
        document["passwords"] = {name: password.get_secret_value() for name, password in self.passwords.items()}
        document |= {"token_name": self.token_name, "token": self.token.get_secret_value() if self.token else ""}
        fresh = folder / f"{_NAME}.new"
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file)
        fresh.replace(folder / _NAME)


async def make_logins(
    storage: Storage, kept: Kept, areas: Mapping[str, str], units: Mapping[str, str], passwords: Passwords | None = None
) -> Kept:
    """Every account of ``LOGINS`` and the token, as far as they are not there; ``areas`` and ``units`` are ids by name.

    A password that was changed meanwhile is set back to the one that is kept and printed.
    """
    passwords = passwords or Passwords()
    known = {login.name: kept.passwords.get(login.name) or SecretStr(made_password()) for login in LOGINS}
    for login in LOGINS:
        await _account(storage, passwords, login, known[login.name], areas, units)
    return await _token(storage, replace(kept, passwords=known))


async def _account(
    storage: Storage,
    passwords: Passwords,
    login: Login,
    password: SecretStr,
    areas: Mapping[str, str],
    units: Mapping[str, str],
) -> None:
    async with storage.db.read() as connection:
        stored = await account_store.password_of(SCOPE, connection, name=login.name)
    if stored is not None and await passwords.verify(stored.password_hash, password):
        return
    hashed = await passwords.hash(password)
    async with storage.db.write() as connection:
        if stored is not None:
            await account_store.set_password(SCOPE, connection, stored.account.id, hashed, must_change=False)
            return
        account = await account_store.add_account(SCOPE, connection, login.name, hashed, must_change=False)
        area = areas[str(login.area)] if login.area else None
        unit = units[str(login.unit)] if login.unit else None
        await _grant(connection, account.id, login.role, area, unit)


async def _token(storage: Storage, kept: Kept) -> Kept:
    now = storage.clock.now()
    async with storage.db.write() as connection:
        try:
            token = await token_store.find_token(SCOPE, connection, kept.token_name) if kept.token else None
        except XueliangError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            token = None
        if token is not None and not token.disabled and token.expires > now + timedelta(days=1):
            return kept
        name = f"demo-{secrets.token_hex(3)}"
        token, secret = await token_store.add_token(SCOPE, connection, name, "demo", now + TOKEN_LIFE)
        await _grant(connection, token.id, TOKEN_ROLE, None, None)
    return replace(kept, token_name=name, token=SecretStr(secret))


async def _grant(connection: Connection, principal_id: str, role: Role, area: str | None, unit: str | None) -> None:
    permissions = tuple(sorted(permission.value for permission in ROLE_PERMISSIONS[role]))
    await add_grant(SCOPE, connection, StoredGrant(new_id(), principal_id, permissions, area, unit))
