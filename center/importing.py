"""Wiring: an inventory from bytes to points, cameras and findings, all of it or nothing."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from typing import Any

from center.storage import Storage
from config.errors import Kind, XueliangError
from config.scope import Scope
from registry.area_store import list_areas
from registry.import_csv import parse
from registry.import_plan import ImportPlan, RowAct, plan
from registry.import_store import apply, existing


async def import_inventory(storage: Storage, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """``data`` (base64), ``dry_run``, ``area`` (a name, for rows that name none).

    Raises ``INVALID`` or ``TOO_LARGE`` for what is no inventory at all; every other fault is a finding.
    """
    try:
        data = base64.b64decode(str(parameters.get("data", "")), validate=True)
    except (binascii.Error, ValueError) as error:
        raise XueliangError(Kind.INVALID, "data is not base64") from error
    scope = Scope.system("import")
    # Thousands of rows take seconds of pure work; checking must not stand still for them.
    inventory = await asyncio.to_thread(parse, data)
    networks = tuple(storage.settings.reach.networks) or None
    async with storage.db.read() as connection:
        area_id = await _area(storage, str(parameters["area"])) if parameters.get("area") else None
        stands = await existing(scope, connection, networks=networks, default_area_id=area_id)
    wanted = await asyncio.to_thread(plan, inventory, stands)
    batch_id = None
    if wanted.acceptable and not parameters.get("dry_run"):
        batch_id = (await apply(scope, storage.db, wanted, storage.vault)).batch_id
    return {**_document(wanted), "batch_id": batch_id}


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
