"""Pure: who may do what, where. Stores take a ``Scope`` first and filter by it in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Permission(StrEnum):
    READ = "read"  # the register of cameras and their states
    LIVE = "live"  # live pictures, tours, walls
    EVIDENCE = "evidence"  # stored pictures of an incident
    CHECK = "check"  # ask for a check now
    ACKNOWLEDGE = "acknowledge"
    EDIT = "edit"  # points, devices, cameras, streams
    ADOPT = "adopt"  # proposals
    CREDENTIALS = "credentials"  # write (never read) camera passwords
    REFERENCE = "reference"  # approve or replace what counts as normal
    WRITE_DEVICE = "write_device"  # clock, reboot, presets on the camera itself
    ASSESS = "assess"
    AUDIT = "audit"
    USERS = "users"
    SYSTEM = "system"


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    TECHNICIAN = "technician"
    LEAD = "lead"
    AUDITOR = "auditor"
    SCREEN = "screen"
    PLATFORM = "platform"
    ADMIN = "admin"


_P = Permission
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({_P.READ, _P.LIVE}),
    Role.OPERATOR: frozenset({_P.READ, _P.LIVE, _P.EVIDENCE, _P.CHECK, _P.ACKNOWLEDGE}),
    Role.TECHNICIAN: frozenset({_P.READ, _P.EVIDENCE, _P.CHECK, _P.ACKNOWLEDGE}),
    Role.LEAD: frozenset({_P.READ, _P.ASSESS}),
    Role.AUDITOR: frozenset({_P.READ, _P.AUDIT}),
    Role.SCREEN: frozenset({_P.LIVE}),
    Role.PLATFORM: frozenset({_P.READ}),
    # An administrator does not look through cameras by default.
    Role.ADMIN: frozenset(
        {
            _P.READ,
            _P.CHECK,
            _P.EDIT,
            _P.ADOPT,
            _P.CREDENTIALS,
            _P.REFERENCE,
            _P.USERS,
            _P.SYSTEM,
            _P.WRITE_DEVICE,
        }
    ),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """Permissions over one area (with everything below it) or one unit; ``None`` for both means everywhere."""

    permissions: frozenset[Permission]
    area_id: str | None = None
    unit_id: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """Where one permission holds: everywhere, or inside these areas (and below) and these units."""

    everywhere: bool
    areas: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()

    @property
    def nowhere(self) -> bool:
        return not (self.everywhere or self.areas or self.units)


@dataclass(frozen=True, slots=True)
class Scope:
    """One principal's grants. Only ``center`` builds one from a login; ``Scope.system`` is for our own work."""

    principal: str
    grants: tuple[Grant, ...] = ()
    unlimited: bool = False

    @classmethod
    def system(cls, principal: str = "system") -> Scope:
        return cls(principal, unlimited=True)

    @classmethod
    def of(cls, principal: str, grants: Iterable[Grant], now: datetime) -> Scope:
        return cls(principal, tuple(g for g in grants if g.until is None or g.until > now))

    def where(self, permission: Permission) -> Extent:
        if self.unlimited:
            return Extent(everywhere=True)
        held = [g for g in self.grants if permission in g.permissions]
        if any(g.area_id is None and g.unit_id is None for g in held):
            return Extent(everywhere=True)
        return Extent(
            everywhere=False,
            areas=frozenset(g.area_id for g in held if g.area_id is not None),
            units=frozenset(g.unit_id for g in held if g.unit_id is not None),
        )
