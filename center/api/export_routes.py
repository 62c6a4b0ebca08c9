"""Edge: the list of cameras as a table to take away: with a reason, on record."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from center.api.asked import Asked, Reader
from center.api.camera_routes import looking
from center.api.problems import Problem
from center.api.shapes import IdText, In, Line
from center.names import STATES
from center.words import document
from health import camera_page_store
from health.camera_page_store import MAX_PAGE, CameraRow, Cursor, Sort, Wanted
from health.looked_store import Look
from health.state import State
from registry.audit_store import append
from registry.names_store import names_of
from registry.view import DUTY

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])

MOST = 20_000
#: What a spreadsheet would take for a formula (CWE-1236).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_HEADERS = {
    "zh": (
        "名称",
        "编号",
        "国标编码",
        "点位",
        "区域",
        "单位",
        "设备",
        "通道",
        "地址",
        "状态",
        "原因",
        "自",
        "最后检测",
        "最后正常",
        "标识",
    ),
    "en": (
        "name",
        "code",
        "GB/T id",
        "point",
        "area",
        "unit",
        "device",
        "channel",
        "address",
        "state",
        "cause",
        "since",
        "checked",
        "last good",
        "id",
    ),
}
CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The table, UTF-8 with a mark"}
}


class ExportIn(In):
    """The filters of the list, and why it is taken away: in words, not `duty`. ``ids``: these alone."""

    purpose: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    reference: Line | None = None
    state: list[State] = Field(default_factory=list, max_length=6)
    area: IdText | None = None
    unit: IdText | None = None
    device: IdText | None = None
    looked: Look | None = None
    q: Line | None = None
    ids: list[IdText] = Field(default_factory=list, max_length=500)


@router.post("/export", summary="Export the list of cameras", response_class=Response, responses=CSV)
async def export(asked: Reader, body: ExportIn) -> Response:
    """A table (CSV) of all that the filters leave in your areas, at most 20,000 rows; times in the district's zone.
    The act stands in the audit with its purpose before the table leaves."""
    if body.purpose.strip() in ("", DUTY) or not body.purpose.isprintable():
        raise Problem("invalid", where="body/purpose", what="an export needs a reason in words")
    wanted = Wanted(
        states=body.state,
        area_id=body.area,
        unit_id=body.unit,
        device_id=body.device,
        text=body.q,
        looked=looking(asked, body.looked),
        ids=body.ids,
    )
    rows: list[CameraRow] = []
    after: Cursor | None = None
    async with asked.read() as connection:
        while True:
            page, after = await camera_page_store.list_cameras(
                asked.scope, connection, wanted, sort=Sort.NAME, after=after, limit=MAX_PAGE
            )
            rows += page
            if after is None:
                break
            if len(rows) >= MOST:
                raise Problem("invalid", where="body", what=f"more than {MOST} cameras", fix="Narrow the filters")
        places = {place for row in rows for place in (row.area_id, row.unit_id) if place}
        names = await names_of(asked.scope, connection, places)
    text = _table(rows, names, asked.zh, asked.core.zone)
    await _write_down(asked, body, len(rows))
    name = f"cameras-{asked.now.astimezone(asked.core.zone):%Y%m%d-%H%M%S}.csv"
    # Spreadsheets know UTF-8 by its mark alone.
    return Response(
        "\ufeff" + text,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _write_down(asked: Asked, body: ExportIn, rows: int) -> None:
    details = body.model_dump(mode="json", exclude_defaults=True) | {"rows": rows}
    async with asked.write() as connection:
        await append(asked.scope, connection, "camera.export", "camera", "-", details=details)


def _table(rows: list[CameraRow], names: dict[str, str], zh: bool, zone: ZoneInfo) -> str:
    language = "zh" if zh else "en"
    causes = document()["causes"]

    def at(moment: datetime | None) -> str:
        return "" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_HEADERS[language])
    for row in rows:
        cells = (
            row.name,
            row.point_code,
            row.gb_id,
            row.point_name,
            names.get(row.area_id),
            names.get(row.unit_id or ""),
            row.device_name,
            str(row.channel),
            row.host,
            STATES[row.state][0 if zh else 1],
            causes.get(row.cause, {}).get(language, row.cause),
            at(row.since),
            at(row.last_at),
            at(row.last_good_at),
            row.id,
        )
        writer.writerow([safe_cell(cell or "") for cell in cells])
    return out.getvalue()


def safe_cell(text: str) -> str:
    """A name that begins like a formula begins with an apostrophe instead."""
    return f"'{text}" if text.startswith(_FORMULA) else text
