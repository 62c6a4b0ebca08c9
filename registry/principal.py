"""Pure: who acts (an account, a platform's token, a rule) and what was granted to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from config.scope import Grant, Permission


class PrincipalKind(StrEnum):
    ACCOUNT = "account"
    TOKEN = "token"  # noqa: S105  (a kind of principal, not a password)
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Principal:
    id: str
    name: str
    kind: PrincipalKind = PrincipalKind.ACCOUNT
    disabled: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class StoredGrant:
    id: str
    principal_id: str
    permissions: tuple[str, ...]
    area_id: str | None = None
    unit_id: str | None = None
    until: datetime | None = None
    version: int = 1

    def grant(self) -> Grant:
        """For a :class:`config.scope.Scope`."""
        return Grant(frozenset(map(Permission, self.permissions)), self.area_id, self.unit_id, self.until)
