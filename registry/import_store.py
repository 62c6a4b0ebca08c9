"""Edge: an inventory's plan is held against what stands and carried out in one transaction, under one batch id."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import sqlalchemy as sa

from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Permission, Scope
from registry import nouns_store, rows_store
from registry.area_store import add_area
from registry.audit_store import append
from registry.binding_store import bind, bind_many
from registry.change_feed_store import record
from registry.credential_store import find_credentials, set_credentials
from registry.database import Connection, Database, clock_of
from registry.import_csv import Level
from registry.import_plan import Existing, ImportPlan, PlannedRow, RowAct
from registry.log_tables import imports
from registry.point_store import add_points, change_point
from registry.rows_store import add_many, require_unit
from registry.stream import Stream
from registry.stream_store import add_streams, put_stream
from registry.tables import bindings, streams
from registry.unit_store import add_unit
from registry.vault import Vault


@dataclass(frozen=True, slots=True)
class Applied:
    """``batch_id`` stands in every audit row of the import."""

    batch_id: str
    added: int
    changed: int
    same: int


async def existing(
    scope: Scope,
    connection: Connection,
    *,
    networks: tuple[IPv4Network | IPv6Network, ...] | None = None,
    default_area_id: str | None = None,
) -> Existing:
    """What :func:`registry.import_plan.plan` compares an inventory with; seven queries."""
    cameras = await rows_store.every(scope, connection, nouns_store.CAMERA)
    mine = {camera.id for camera in cameras}
    still = sa.select(bindings.c.camera_id, bindings.c.point_id).where(bindings.c.until.is_(None))
    bound = {row.camera_id: row.point_id for row in await connection.execute(still) if row.camera_id in mine}
    found = [Stream(**row._mapping) for row in await connection.execute(sa.select(streams)) if row.camera_id in mine]
    return Existing(
        areas=tuple(await rows_store.every(scope, connection, nouns_store.AREA)),
        units=tuple(await rows_store.every(scope, connection, nouns_store.UNIT)),
        points=tuple(await rows_store.every(scope, connection, nouns_store.POINT)),
        devices=tuple(await rows_store.every(scope, connection, nouns_store.DEVICE)),
        cameras=tuple(cameras),
        streams=tuple(found),
        bound=bound,
        networks=networks,
        default_area_id=default_area_id,
    )


async def apply(scope: Scope, db: Database, plan: ImportPlan, vault: Vault | None = None) -> Applied:
    """All of the plan or nothing. ``vault`` takes the passwords that the file holds; without one they are left out.

    Raises ``INVALID`` for a plan with an error in it, ``CONFLICT`` when something in it was changed since, and what
    the stores raise for areas that are not the asker's.
    """
    errors = [finding for finding in plan.all_findings if finding.level is Level.ERROR]
    if errors:
        first = errors[0]
        raise XueliangError(
            Kind.INVALID,
            f"{len(errors)} errors, nothing was changed; the first: {first.text}",
            where=f"line {first.line}",
            fix="Mend the file and import it again; --dry-run lists every finding",
        )
    batch_id = new_id()
    details = {"import": batch_id}
    async with db.write() as connection:
        for unit in plan.new_units:
            await add_unit(scope, connection, unit)
        for area in plan.new_areas:
            await add_area(scope, connection, area)
        await _add(scope, connection, plan, details)
        for row in plan.rows:
            await _change(scope, connection, row, details)
        if vault is not None:
            await _passwords(scope, connection, plan, vault)
        result = Applied(batch_id, plan.count(RowAct.ADD), plan.count(RowAct.CHANGE), plan.count(RowAct.SAME))
        await _note(scope, connection, plan, result)
    return result


async def _add(scope: Scope, connection: Connection, plan: ImportPlan, details: dict[str, Any]) -> None:
    """What is new, in a handful of statements."""
    added = [row for row in plan.rows if row.act is RowAct.ADD and row.point is not None]
    await add_points(scope, connection, [row.point for row in added if row.point is not None], details=details)
    for unit_id in {device.unit_id for device in plan.new_devices}:
        await require_unit(scope, connection, unit_id)
    await add_many(scope, connection, nouns_store.DEVICE, plan.new_devices, details=details)
    await add_many(scope, connection, nouns_store.CAMERA, plan.new_cameras, details=details)
    new = {camera.id for camera in plan.new_cameras}
    fresh = [row for row in plan.rows if row.camera is not None and row.camera.id in new]
    await add_streams(scope, connection, [stream for row in fresh for stream in row.streams])
    pairs = [(row.camera, row.point) for row in fresh if row.camera is not None and row.point is not None]
    await bind_many(scope, connection, pairs)


async def _change(scope: Scope, connection: Connection, row: PlannedRow, details: dict[str, Any]) -> None:
    """What stood already and differs."""
    point, camera = row.point, row.camera
    if point is not None and row.act is RowAct.CHANGE and row.changed:
        fields = {name: getattr(point, name) for name in row.changed}
        await change_point(scope, connection, point.id, point.version, act="import", details=details, **fields)
    if point is None or camera is None:
        return
    stands = (await connection.execute(_still_bound(camera.id))).scalar_one_or_none()
    if row.bind and stands != point.id:
        await bind(scope, connection, camera.id, point.id)
    for stream in row.streams:
        query = sa.select(streams.c.url).where(streams.c.camera_id == camera.id, streams.c.role == stream.role)
        if (await connection.execute(query)).scalar_one_or_none() != stream.url:
            await put_stream(scope, connection, stream)


def _still_bound(camera_id: str) -> sa.Select[Any]:
    return sa.select(bindings.c.point_id).where(bindings.c.camera_id == camera_id, bindings.c.until.is_(None))


async def _passwords(scope: Scope, connection: Connection, plan: ImportPlan, vault: Vault) -> None:
    """One for each device, the first that the file gives; one that stands already keeps its fingerprint."""
    done: set[str] = set()
    for row in plan.rows:
        if row.device is None or row.password is None or row.device.id in done:
            continue
        done.add(row.device.id)
        stands = await find_credentials(Scope.system(), connection, vault, row.device.id)
        if stands is None or (stands.user, stands.password) != (row.account, row.password):
            await set_credentials(scope, connection, vault, row.device.id, row.account, row.password)


async def _note(scope: Scope, connection: Connection, plan: ImportPlan, result: Applied) -> None:
    values = {
        "id": result.batch_id,
        "at": clock_of(connection).now(),
        "principal": scope.principal[:200],
        "file_digest": plan.digest,
        "rows": len(plan.rows),
        "changed": result.added + result.changed,
    }
    await connection.execute(sa.insert(imports).values(**values))
    counts = {"added": result.added, "changed": result.changed, "same": result.same, "file": plan.digest}
    await record(connection, "import", result.batch_id, None, {"act": "applied"})
    await append(scope, connection, "import.apply", "import", result.batch_id, details=counts)


async def require_importer(scope: Scope, connection: Connection, area_id: str | None) -> None:
    """Whether the asker may import at all, said before a large file is read."""
    await rows_store.require_place(scope, connection, Permission.EDIT, area_id, None)
