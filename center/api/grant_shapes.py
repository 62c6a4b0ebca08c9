"""Pure: grants as the API takes and shows them: a role or single permissions, where, and until when."""

from __future__ import annotations

from datetime import datetime

from pydantic import model_validator

from center.api.shapes import IdText, In, Moment, Out
from config.ids import new_id
from config.scope import ROLE_PERMISSIONS, Grant, Permission, Role
from registry.principal import StoredGrant


class GrantIn(In):
    """``role`` or ``permissions``. Without ``area_id`` and ``unit_id`` it holds everywhere."""

    role: Role | None = None
    permissions: frozenset[Permission] | None = None
    area_id: IdText | None = None
    unit_id: IdText | None = None
    until: Moment | None = None

    @model_validator(mode="after")
    def _one_of(self) -> GrantIn:
        if (self.role is None) == (not self.permissions):
            raise ValueError("either role or permissions")
        if self.area_id is not None and self.unit_id is not None:
            raise ValueError("either area_id or unit_id, or neither")
        return self

    def stored(self, principal_id: str) -> StoredGrant:
        held = ROLE_PERMISSIONS[self.role] if self.role is not None else self.permissions or frozenset()
        permissions = tuple(sorted(permission.value for permission in held))
        return StoredGrant(new_id(), principal_id, permissions, self.area_id, self.unit_id, self.until)


class GrantOut(Out):
    """``role`` is set where the permissions are exactly a role's."""

    id: str | None = None
    role: Role | None
    permissions: list[Permission]
    area_id: str | None
    unit_id: str | None
    until: datetime | None


def shown(grant: StoredGrant) -> GrantOut:
    out = held(grant.grant())
    return out.model_copy(update={"id": grant.id})


def held(grant: Grant) -> GrantOut:
    role = next((role for role, permissions in ROLE_PERMISSIONS.items() if permissions == grant.permissions), None)
    return GrantOut(
        role=role,
        permissions=sorted(grant.permissions, key=lambda permission: permission.value),
        area_id=grant.area_id,
        unit_id=grant.unit_id,
        until=grant.until,
    )
