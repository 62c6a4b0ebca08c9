"""Wiring: an inventory from bytes to points, cameras and findings, all of it or nothing."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from center.storage import Storage
from config.errors import Kind, XueliangError
from config.scope import Scope
from registry.area_store import list_areas
from registry.import_csv import parse
from registry.import_plan import ImportPlan, RowAct, plan
from registry.import_store import apply, existing


@dataclass(frozen=True, slots=True)
class Imported:
    """``batch_id`` stands in every audit row of it; none where nothing was written."""

    plan: ImportPlan
    batch_id: str | None


async def take(
    storage: Storage, scope: Scope, data: bytes, *, dry_run: bool, area_id: str | None, passwords: bool = True
) -> Imported:
    """``area_id`` takes rows that name no area. Without ``passwords`` those in the file are left out.

    Raises ``INVALID`` or ``TOO_LARGE`` for what is no inventory at all; every other fault is a finding.
    """
    # Thousands of rows take seconds of pure work; checking must not stand still for them.
    inventory = await asyncio.to_thread(parse, data)
    networks = tuple(storage.settings.reach.networks) or None
    async with storage.db.read() as connection:
        stands = await existing(scope, connection, networks=networks, default_area_id=area_id)
    wanted = await asyncio.to_thread(plan, inventory, stands)
    if dry_run or not wanted.acceptable:
        return Imported(wanted, None)
    done = await apply(scope, storage.db, wanted, storage.vault if passwords else None)
    return Imported(wanted, done.batch_id)


async def import_inventory(storage: Storage, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """``data`` (base64), ``dry_run``, ``area`` (a name, for rows that name none). Raises as :func:`take`."""
    area_id = await _area(storage, str(parameters["area"])) if parameters.get("area") else None
    done = await take(
        storage,
        Scope.system("import"),
        decoded(str(parameters.get("data", ""))),
        dry_run=bool(parameters.get("dry_run")),
        area_id=area_id,
    )
    return {**_document(done.plan), "batch_id": done.batch_id}


def decoded(text: str) -> bytes:
    """Raises ``INVALID``."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise XueliangError(Kind.INVALID, "data is not base64") from error


async def _area(storage: Storage, name: str) -> str:
    async with storage.db.read() as connection:
        found = [area for area in await list_areas(Scope.system("import"), connection) if area.name == name]
    if len(found) != 1:
        raise XueliangError(
            Kind.NOT_FOUND,
            f"{len(found)} areas are called {name[:100]!r}",
            fix="Name the area in the file's own column",
        )
    return found[0].id


def _document(wanted: ImportPlan) -> dict[str, Any]:
    return {
        "acceptable": wanted.acceptable,
        "counts": {act.value: wanted.count(act) for act in RowAct},
        "findings": [
            {"line": f.line, "column": f.column, "level": f.level.value, "code": f.code, "text": f.text}
            for f in wanted.all_findings
        ],
    }
