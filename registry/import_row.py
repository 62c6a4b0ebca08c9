"""Pure: one row of an inventory to typed fields, each failure a finding with its column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from camera_gateway.target import split_credentials
from config.errors import XueliangError
from config.text import printable
from registry import import_values as values
from registry.import_columns import title
from registry.import_csv import Finding, Level, Row


@dataclass(slots=True)
class Read:
    """``point`` and ``device`` hold only what the row gives, by the names of those values' fields."""

    line: int
    point: dict[str, Any] = field(default_factory=dict)
    device: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    area_code: str = ""
    area_name: str = ""
    unit: str | None = None
    maintenance_unit: str | None = None
    channel: int | None = None
    ptz_type: int | None = None
    recorder: str = ""
    main_url: str = ""
    sub_url: str = ""
    account: str = ""
    password: SecretStr | None = field(default=None, repr=False)

    def say(self, level: Level, column: str, code: str, text: str) -> None:
        self.findings.append(Finding(self.line, column, level, code, printable(text, 300)))


def _text(limit: int) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if len(cell) > limit:
            raise ValueError(f"longer than {limit} characters")
        return printable(cell, limit)

    return read


def _id(limit: int) -> Callable[[str], str]:
    return lambda cell: _text(limit)(values.folded(cell).replace(" ", ""))


def _coded(column: str) -> Callable[[str], int]:
    return lambda cell: values.coded(column, cell)


_POINT: dict[str, Callable[[str], Any]] = {
    "name": _text(200),
    "code": _id(80),
    "gb_id": _id(40),
    "common_name": _text(200),
    "block": _text(80),
    "address": _text(400),
    "network": _text(80),
    "position_kind": _text(80),
    "industry": _text(20),
    "contacts": _text(400),
    "key_place": _text(200),
    "key_road": _text(200),
    **{column: _coded(column) for column in ("point_class", "room", "light", "direction", "mount")},
    "field_angle": lambda cell: values.number(cell.rstrip("°度")),
    "view_distance": lambda cell: values.number(cell.rstrip("mM米")),
    "recording_days": lambda cell: values.whole(cell.rstrip("天"), 0, 3650),
    "install_date": values.day,
    "warranty_end": values.day,
    "lifecycle": values.lifecycle,
    "tags": lambda cell: tuple(_text(80)(tag.strip()) for tag in cell.replace("，", ",").split(",") if tag.strip())[
        :20
    ],
}
_DEVICE: dict[str, Callable[[str], Any]] = {
    "host": values.host,
    "port": lambda cell: values.whole(cell, 1, 65_535),
    "kind": values.kind,
    "make": _text(200),
    "model": _text(200),
    "firmware": _text(200),
    "serial": _id(200),
    "mac": values.mac,
}


def read_row(row: Row) -> Read:
    """Never raises: what cannot be read is an error of that cell."""
    read = Read(row.line)
    for column, reader in _POINT.items():
        _cell(row, read, column, reader, read.point)
    for column, reader in _DEVICE.items():
        _cell(row, read, column, reader, read.device)
    _others(row, read)
    _place(row, read)
    _path(row, read)
    _urls(row, read)
    gb_id = read.point.get("gb_id")
    doubts = values.gb_doubts(gb_id) if gb_id else None
    if doubts:
        read.say(Level.WARNING, "gb_id", "gb_id_unusual", f"{title('gb_id')} {gb_id} {doubts}")
    return read


def _cell(row: Row, read: Read, column: str, reader: Callable[[str], Any], into: dict[str, Any]) -> None:
    cell = row.values.get(column)
    if cell is None:
        return
    try:
        into[column] = reader(cell)
    except (ValueError, OverflowError) as error:
        read.say(Level.ERROR, column, "unreadable", f"{title(column)}: {printable(cell, 60)} is {error}")


def _others(row: Row, read: Read) -> None:
    found: dict[str, Any] = {}
    readers: dict[str, Callable[[str], Any]] = {
        "area_code": _id(20),
        "area_name": _text(200),
        "unit": _text(200),
        "maintenance_unit": _text(200),
        "channel": lambda cell: values.whole(cell, 1, 512),
        "ptz_type": _coded("ptz_type"),
        "recorder": _text(200),
        "account": _text(200),
    }
    for column, reader in readers.items():
        _cell(row, read, column, reader, found)
    for column, value in found.items():
        setattr(read, column, value)
    if read.area_code:
        read.point["civil_code"] = read.area_code
    if "password" in row.values:
        read.password = SecretStr(row.values["password"])


def _place(row: Row, read: Read) -> None:
    cells = {"longitude": row.values.get("longitude"), "latitude": row.values.get("latitude")}
    both = row.values.get("coordinates")
    try:
        if both is not None and not any(cells.values()):
            cells["longitude"], cells["latitude"] = values.pair(both)
        if cells["longitude"] is None and cells["latitude"] is None:
            return
        longitude = values.angle(cells["longitude"] or "", 180)
        latitude = values.angle(cells["latitude"] or "", 180)
        if abs(latitude) > 90 >= abs(longitude):
            longitude, latitude = latitude, longitude
            read.say(Level.WARNING, "longitude", "swapped", "longitude and latitude were in each other's column")
        if abs(latitude) > 90:
            raise ValueError("a latitude beyond 90 degrees")  # noqa: TRY301  (one place says where it stood)
    except ValueError as error:
        shown = printable(both or " ".join(filter(None, cells.values())), 60)
        read.say(
            Level.ERROR, "longitude", "unreadable", f"{title('longitude')}, {title('latitude')}: {shown} is {error}"
        )
        return
    read.point["longitude"], read.point["latitude"] = longitude, latitude


def _path(row: Row, read: Read) -> None:
    steps = []
    for kind in ("switch", "link"):
        name = row.values.get(kind)
        if name:
            shown = printable(name, 200)
            steps.append({"kind": kind, "id": shown, "name": shown})
    if steps:
        read.point["access_path"] = tuple(steps)


def _urls(row: Row, read: Read) -> None:
    """Passwords that stand in an address are taken out of it before anything else sees the row."""
    for column in ("main_url", "sub_url"):
        cell = row.values.get(column)
        if cell is None:
            continue
        try:
            url, typed = split_credentials(cell)
        except XueliangError:
            read.say(Level.ERROR, column, "unreadable", f"{title(column)} is not an address such as rtsp://host/path")
            continue
        if typed is not None:
            read.account = read.account or typed.user
            read.password = read.password or typed.password
            read.say(Level.INFO, column, "password_moved", f"the password in {title(column)} goes into the vault")
        setattr(read, column, url)
        host = urlsplit(url).hostname or ""
        if "host" not in read.device:
            _cell(Row(row.line, {"host": host}), read, "host", values.host, read.device)
        elif read.device["host"] != host:
            read.say(Level.WARNING, column, "other_host", f"{title(column)} names {host}, not {read.device['host']}")
