"""Edge: argon2id (RFC 9106): passwords are hashed and verified in threads, two at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import SecretStr

from config.errors import Kind, XueliangError

#: Each hashing takes a core and ``memory_kib``; more of them at once would starve the checking of cameras.
AT_ONCE = 2
#: Those who wait beyond this are told to come back: a flood of logins must not fill the memory.
MAX_WAITING = 32


@dataclass(frozen=True, slots=True)
class Cost:
    """RFC 9106 section 4, second recommendation, on one lane: about 0.15 s on the smallest machine we run on."""

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 1


class Passwords:
    def __init__(self, cost: Cost | None = None) -> None:
        cost = cost or Cost()
        self._hasher = PasswordHasher(cost.passes, cost.memory_kib, cost.lanes, 32, 16, type=Type.ID)
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobody: str | None = None

    async def hash(self, password: SecretStr) -> str:
        """The encoded hash, salt and cost in it. Raises ``LIMIT`` when too many wait."""
        return await self._in_turn(password, None)

    async def verify(self, stored: str | None, password: SecretStr) -> bool:
        """Whether ``password`` is the one behind ``stored``. ``None`` (no such account) takes as long, and is false."""
        if stored is None:
            if self._nobody is None:
                self._nobody = await self.hash(SecretStr("nobody's password"))
            await self._in_turn(password, self._nobody)
            return False
        return bool(await self._in_turn(password, stored))

    def outdated(self, stored: str) -> bool:
        """Whether ``stored`` was made at another cost than is used now."""
        return self._hasher.check_needs_rehash(stored)

    async def _in_turn(self, password: SecretStr, stored: str | None) -> str:
        if self._waiting >= MAX_WAITING:
            raise XueliangError(
                Kind.LIMIT, "too many logins at once", fix="Try again in some seconds", facts={"retry_after": 5}
            )
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(self._work, password, stored)
        finally:
            self._waiting -= 1

    def _work(self, password: SecretStr, stored: str | None) -> str:
        """A new hash, or ``stored`` itself when it is the password's, else nothing."""
        plain = password.get_secret_value().encode("utf-8", "surrogatepass")
        if stored is None:
            return self._hasher.hash(plain)
        try:
            self._hasher.verify(stored, plain)
        except (VerificationError, InvalidHashError):
            return ""
        return stored
