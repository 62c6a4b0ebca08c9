"""Edge: an inventory from a page: what it would change, row by row, and then all of it or nothing."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from center.api.asked import Editor
from center.api.problems import Problem
from center.api.shapes import IdText, In, Out
from center.importing import decoded, take
from config.scope import Permission
from registry.import_csv import Level
from registry.import_plan import RowAct
from registry.scope_store import require_everywhere

router = APIRouter(prefix="/api/v1/imports", tags=["imports"])

#: A table of 20,000 rows has 6 MB; base64 makes a third more of it.
MAX_BODY = 8 * 1024 * 1024
#: Findings of one answer: of a file that is wrong in every row, the first ones say what is wrong with it.
MOST_FINDINGS = 1000
_ONE_AT_A_TIME = asyncio.Semaphore(1)


class ImportIn(In):
    """``data``: the table (CSV as spreadsheets save it) in base64; ``area_id`` for rows that name no area.
    ``dry_run``: what would be, and nothing done."""

    data: Annotated[str, StringConstraints(min_length=1, max_length=MAX_BODY)]
    dry_run: bool = True
    area_id: IdText | None = None


class FindingOut(Out):
    """``line`` of the file, from 1; ``column`` is empty for the whole row; ``text`` is English, ``code`` has words."""

    line: int
    column: str
    level: Level
    code: str
    text: str


class ImportOut(Out):
    """``counts`` of rows by what becomes of them; an error anywhere, and nothing is done (``acceptable`` is false).
    ``findings``: errors first, at most 1,000 of ``found``. ``cameras``: that are new. ``batch_id``: of what was done.
    ``passwords``: those in the file are taken; false where you may not write passwords."""

    acceptable: bool
    done: bool
    batch_id: str | None
    counts: dict[RowAct, int]
    cameras: int
    devices: int
    new_areas: list[str]
    new_units: list[str]
    passwords: bool
    findings: list[FindingOut] = Field(max_length=MOST_FINDINGS)
    found: dict[Level, int]


@router.post("", summary="Import an inventory, or try it")
async def import_inventory(asked: Editor, body: ImportIn) -> ImportOut:
    """Needs the permission everywhere: a row is compared with everything that stands. One at a time."""
    require_everywhere(asked.scope, Permission.EDIT)
    if _ONE_AT_A_TIME.locked():
        raise Problem("limit", what="another import is being read", facts={"retry_after": 5, "max": 1})
    passwords = asked.scope.where(Permission.CREDENTIALS).everywhere
    async with _ONE_AT_A_TIME:
        imported = await take(
            asked.core.storage,
            asked.scope,
            decoded(body.data),
            dry_run=body.dry_run,
            area_id=body.area_id,
            passwords=passwords,
        )
    plan = imported.plan
    order = list(Level)
    findings = sorted(plan.all_findings, key=lambda one: (order.index(one.level), one.line))
    return ImportOut(
        acceptable=plan.acceptable,
        done=imported.batch_id is not None,
        batch_id=imported.batch_id,
        counts={act: plan.count(act) for act in RowAct},
        cameras=len(plan.new_cameras),
        devices=len(plan.new_devices),
        new_areas=[area.name for area in plan.new_areas][:MOST_FINDINGS],
        new_units=[unit.name for unit in plan.new_units][:MOST_FINDINGS],
        passwords=passwords,
        findings=[FindingOut.model_validate(one) for one in findings[:MOST_FINDINGS]],
        found={level: sum(one.level is level for one in findings) for level in Level},
    )
