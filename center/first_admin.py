"""Edge: the first administrator, with a password made here, shown once or left in a file until it is used."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import ROLE_PERMISSIONS, Role, Scope
from registry import account_store
from registry.account import made_password
from registry.database import Database
from registry.login_passwords import Passwords
from registry.principal import StoredGrant
from registry.principal_store import add_grant

NAME = "admin"
_SCOPE = Scope.system("first start")


class FirstPassword:
    """The file of the first password, mode 0600, in the data folder. It goes with the first login."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "first-admin-password"

    def write(self, password: str) -> None:
        """Raises ``UNAVAILABLE``."""
        self.forget()
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{NAME}\n{password}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise XueliangError(
                Kind.UNAVAILABLE,
                f"the first password cannot be written: {error.strerror}",
                where=str(self.path),
                fix="Make room in the data folder, or start the service once from a terminal",
            ) from error

    def used(self, name: str) -> None:
        """That account has logged in: its first password is known to whom it was for."""
        if name == NAME:
            self.forget()

    def forget(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()


async def make_first_admin(
    db: Database, passwords: Passwords, first: FirstPassword, show: Callable[[str], None] | None
) -> bool:
    """Where nobody can log in yet, an administrator; whether one was made.

    With ``show`` (a terminal) the password is told there once, else it waits in its file. It has to be changed.
    """
    async with db.read() as connection:
        if await account_store.count_accounts(_SCOPE, connection):
            return False
    password = made_password()
    hashed = await passwords.hash(SecretStr(password))
    if show is None:
        first.write(password)
    async with db.write() as connection:
        if await account_store.count_accounts(_SCOPE, connection):
            return False
        account = await account_store.add_account(_SCOPE, connection, NAME, hashed, must_change=True)
        permissions = tuple(sorted(permission.value for permission in ROLE_PERMISSIONS[Role.ADMIN]))
        await add_grant(_SCOPE, connection, StoredGrant(new_id(), account.id, permissions))
    if show is not None:
        show(f"first login: {NAME} / {password} (to be changed at once; it is not shown again)")
    return True
