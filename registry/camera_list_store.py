"""Edge: the queries behind the list of watched cameras: few, and none of them per camera."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa

from config.scope import Permission, Scope
from registry.camera import MaskBy
from registry.change_feed_store import after
from registry.database import Connection, clock_of
from registry.device import DeviceKind
from registry.lifecycle import WATCHED
from registry.rows_store import freeze
from registry.scope_store import visible
from registry.secret_tables import credentials, secrets
from registry.stream import StreamRole
from registry.tables import areas, bindings, cameras, devices, points, streams, windows
from registry.watched_camera import PathStep, WatchedCamera, WatchedStream
from registry.window import Window

#: More changes than this and the whole list is read instead.
_MANY = 1000
#: These touch one camera, device or point each; a change of anything else may touch any camera.
_NARROW = frozenset({"camera", "device", "point"})
#: Told in the same feed, but no part of the list.
_ELSEWHERE = frozenset({"state", "incident", "proposal", "principal", "checkpoint", "lane", "part", "import"})
Touched = dict[str, set[str]]


async def touched(scope: Scope, connection: Connection, position: int | None) -> Touched | None:
    """Ids by kind that changes after ``position`` name; ``None`` for everything. Raises ``GONE``."""
    if position is None:
        return None
    part = await after(scope, connection, position, _MANY)
    if part.more:
        return None
    found: Touched = defaultdict(set)
    for change in part.changes:
        if change.kind in _NARROW:
            found[change.kind].add(change.object_id)
        elif change.kind not in _ELSEWHERE:
            return None
    return found


async def rows(scope: Scope, connection: Connection, only: Touched | None) -> list[WatchedCamera]:
    if only is not None and not any(only.values()):
        return []
    found = (await connection.execute(_cameras(scope, only))).all()
    ids = None if only is None else {row.id for row in found}
    by_camera = await _streams(connection, ids)
    covering = await _windows(scope, connection)
    above = await _ancestors(connection)
    return [_one(row, by_camera.get(row.id, {}), _held(covering, row, above)) for row in found]


def _cameras(scope: Scope, only: Touched | None) -> sa.Select[Any]:
    c, d, p = cameras.c, devices.c, points.c
    query = (
        sa.select(
            cameras,
            d.name.label("device_name"),
            d.kind.label("device_kind"),
            d.lifecycle.label("device_lifecycle"),
            d.host,
            d.port,
            d.onvif_xaddr,
            d.identity_hold,
            d.access_path.label("device_path"),
            secrets.c.id.label("secret_id"),
            secrets.c.version.label("secret_version"),
            p.id.label("point_id"),
            p.name.label("point_name"),
            p.longitude,
            p.latitude,
            p.access_path.label("point_path"),
        )
        .join(devices, d.id == c.device_id)
        .outerjoin(credentials, credentials.c.device_id == d.id)
        .outerjoin(secrets, secrets.c.id == credentials.c.secret_id)
        .outerjoin(bindings, sa.and_(bindings.c.camera_id == c.id, bindings.c.until.is_(None)))
        .outerjoin(points, p.id == bindings.c.point_id)
        .where(visible(scope.where(Permission.READ), c.area_id, c.unit_id))
        .order_by(c.id)
    )
    if only is None:
        return query.where(c.lifecycle.in_(sorted(WATCHED)), d.lifecycle.in_(sorted(WATCHED)))
    wanted = ((c.id, "camera"), (c.device_id, "device"), (p.id, "point"))
    return query.where(sa.or_(*(column.in_(sorted(only.get(kind, set()))) for column, kind in wanted)))


async def _streams(connection: Connection, ids: set[str] | None) -> dict[str, dict[StreamRole, WatchedStream]]:
    s = streams.c
    query = sa.select(s.camera_id, s.role, s.url, s.transport, s.gop_seconds, s.codec, s.width, s.height)
    if ids is not None and len(ids) <= _MANY:
        query = query.where(s.camera_id.in_(sorted(ids)))
    found: dict[str, dict[StreamRole, WatchedStream]] = defaultdict(dict)
    for row in await connection.execute(query):
        found[row.camera_id][row.role] = WatchedStream(
            row.url, row.transport.value, row.gop_seconds, row.codec, row.width, row.height
        )
    return found


async def _windows(scope: Scope, connection: Connection) -> list[Window]:
    w = windows.c
    query = sa.select(windows).where(
        w.cancelled.is_(False),
        w.ends > clock_of(connection).now(),
        visible(scope.where(Permission.READ), w.area_id, w.unit_id),
    )
    return [Window(**row._mapping) for row in await connection.execute(query.order_by(w.starts, w.id))]


async def _ancestors(connection: Connection) -> dict[str, frozenset[str]]:
    """Of each area: itself and what lies above it."""
    parents = {row.id: row.parent_id for row in await connection.execute(sa.select(areas.c.id, areas.c.parent_id))}
    above: dict[str, frozenset[str]] = {}
    for area_id in parents:
        chain: list[str] = []
        step: str | None = area_id
        while step is not None and step not in chain:
            chain.append(step)
            step = parents.get(step)
        above[area_id] = frozenset(chain)
    return above


def _held(covering: list[Window], row: sa.Row[Any], above: dict[str, frozenset[str]]) -> tuple[Window, ...]:
    def covers(window: Window) -> bool:
        if window.camera_id is not None:
            return bool(window.camera_id == row.id)
        if window.device_id is not None:
            return bool(window.device_id == row.device_id)
        return window.area_id in above.get(row.area_id, ()) and window.unit_id in (None, row.unit_id)

    return tuple(window for window in covering if covers(window))


def _one(row: sa.Row[Any], found: dict[StreamRole, WatchedStream], held: tuple[Window, ...]) -> WatchedCamera:
    steps = [PathStep("recorder", row.device_id, row.device_name)] if row.device_kind is DeviceKind.RECORDER else []
    steps += [
        PathStep(str(step.get("kind", "")), str(step.get("id", "")), str(step.get("name", "")))
        for step in (row.device_path or []) + (row.point_path or [])
    ]
    usable = row.secret_id is not None and not row.identity_hold
    return WatchedCamera(
        camera_id=row.id,
        camera_name=row.name,
        active=row.lifecycle in WATCHED and row.device_lifecycle in WATCHED,
        lifecycle=row.lifecycle,
        device_id=row.device_id,
        device_name=row.device_name,
        device_kind=row.device_kind,
        host=row.host,
        port=row.port,
        onvif_xaddr=row.onvif_xaddr,
        token=row.token,
        channel=row.channel,
        main=found.get(StreamRole.MAIN),
        sub=found.get(StreamRole.SUB),
        credential_ref=f"{row.secret_id}:{row.secret_version}" if usable else None,
        area_id=row.area_id,
        unit_id=row.unit_id,
        access_path=tuple(dict.fromkeys(steps)),
        point_id=row.point_id,
        point_name=row.point_name,
        longitude=row.longitude,
        latitude=row.latitude,
        mask=freeze(row.mask),
        mask_by_service=row.mask_by is MaskBy.SERVICE,
        windows=held,
    )
