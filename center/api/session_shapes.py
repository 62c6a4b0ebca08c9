"""Pure: who one is, as a page needs it: what may be opened where, and what every page says of the service."""

from __future__ import annotations

from datetime import datetime

from center.api.grant_shapes import GrantOut, held
from center.api.shapes import Out
from config.scope import Permission, Role
from registry.login_store import Known
from registry.principal import PrincipalKind


class SessionGrant(GrantOut):
    """``area_name`` and ``unit_name`` name where it holds, whatever else one may read."""

    area_name: str | None = None
    unit_name: str | None = None


class ServiceOut(Out):
    """``zone``: the IANA name of the district's time zone, in which every time is shown. ``insecure_http``: logins and
    pictures cross the network in the clear, and every page says so. ``demo``: what is watched is a virtual network."""

    version: str
    zone: str
    insecure_http: bool
    demo: bool


class SessionOut(Out):
    """``ends`` is when this login ends if nothing more is asked; ``permissions`` hold at least somewhere, those of
    ``everywhere`` without a limit of area or unit; ``roles`` are those whose permissions a grant holds exactly."""

    principal_id: str
    name: str
    kind: PrincipalKind
    must_change: bool
    permissions: list[Permission]
    everywhere: list[Permission]
    roles: list[Role]
    grants: list[SessionGrant]
    ends: datetime
    purpose: str | None
    session_id: str | None
    service: ServiceOut
    as_of: datetime

    @classmethod
    def of(cls, known: Known, service: ServiceOut, names: dict[str, str], now: datetime) -> SessionOut:
        """``names`` of areas and units by id. A password that has to be changed first opens nothing yet."""
        scope = known.scope(now)
        where = {} if known.must_change else {p: scope.where(p) for p in Permission}
        grants = [
            SessionGrant(
                **held(grant).model_dump(),
                area_name=names.get(grant.area_id or ""),
                unit_name=names.get(grant.unit_id or ""),
            )
            for grant in scope.grants
        ]
        return cls(
            principal_id=known.principal.id,
            name=known.principal.name,
            kind=known.principal.kind,
            must_change=known.must_change,
            permissions=[p for p, extent in where.items() if not extent.nowhere],
            everywhere=[p for p, extent in where.items() if extent.everywhere],
            roles=list(dict.fromkeys(grant.role for grant in grants if grant.role is not None)),
            grants=grants,
            ends=known.ends,
            purpose=known.purpose,
            session_id=known.session.id if known.session else None,
            service=service,
            as_of=now,
        )
