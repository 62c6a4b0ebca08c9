"""Edge: the triggers that keep ``camera_listing`` true in the transaction that changes a camera, whoever writes it.

They are no part of a migration: SQLite rebuilds tables, which drops their triggers and stumbles over those of others.
So they go before the migrations run and come back, with every row made anew, after the last of them; a change of
this file therefore comes with a migration, were it an empty one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

TABLE = "camera_listing"

#: What a search looks into, folded, a line each: what is asked for never holds a line break.
_FOUND_BY = (
    "lower(c.name || '\n' || coalesce(c.gb_id, '') || '\n' || d.host || '\n' || coalesce(p.name, '') || '\n'"
    " || coalesce(p.code, ''))"
)
_JOINED = (
    "FROM cameras c JOIN devices d ON d.id = c.device_id"
    " LEFT JOIN bindings b ON b.camera_id = c.id AND b.until IS NULL LEFT JOIN points p ON p.id = b.point_id"
)
_COLUMNS = "camera_id, lifecycle, area_id, unit_id, device_id, gb_id, name, state, since, found_by"
_INSERT = (
    f"INSERT INTO {TABLE} ({_COLUMNS}) SELECT c.id, c.lifecycle, c.area_id, c.unit_id, c.device_id, c.gb_id, c.name,"
    f" coalesce(s.state, 'unknown'), coalesce(s.since, %(epoch)s), {_FOUND_BY}"
    f" {_JOINED} LEFT JOIN camera_states s ON s.camera_id = c.id"
)
_TEXT = f"found_by = (SELECT {_FOUND_BY} {_JOINED} WHERE c.id = {TABLE}.camera_id)"


@dataclass(frozen=True, slots=True)
class _Trigger:
    """``sql`` and ``when`` in words that both databases know; ``%(epoch)s`` is 1970, where none was concluded."""

    name: str
    event: str
    sql: str
    when: str = ""


def _update(values: str, where: str) -> str:
    return f"UPDATE {TABLE} SET {values} WHERE {where}"  # noqa: S608  (of this file's own words)


_OF_STATE = _update("state = NEW.state, since = NEW.since", "camera_id = NEW.camera_id")
_OF_CAMERA = ", ".join(f"{name} = NEW.{name}" for name in _COLUMNS.split(", ")[1:7])

TRIGGERS = (
    _Trigger("listing_camera_added", "INSERT ON cameras", f"{_INSERT} WHERE c.id = NEW.id"),
    _Trigger(
        "listing_camera_changed",
        "UPDATE OF lifecycle, area_id, unit_id, device_id, gb_id, name ON cameras",
        _update(f"{_OF_CAMERA}, {_TEXT}", "camera_id = NEW.id"),
    ),
    _Trigger(
        "listing_device_moved",
        "UPDATE OF host ON devices",
        _update(_TEXT, "device_id = NEW.id"),
        "NEW.host <> OLD.host",
    ),
    _Trigger(
        "listing_point_renamed",
        "UPDATE OF name, code ON points",
        _update(_TEXT, "camera_id IN (SELECT camera_id FROM bindings WHERE point_id = NEW.id AND until IS NULL)"),
    ),
    _Trigger("listing_binding_added", "INSERT ON bindings", _update(_TEXT, "camera_id = NEW.camera_id")),
    _Trigger(
        "listing_binding_changed", "UPDATE ON bindings", _update(_TEXT, "camera_id IN (OLD.camera_id, NEW.camera_id)")
    ),
    _Trigger("listing_binding_gone", "DELETE ON bindings", _update(_TEXT, "camera_id = OLD.camera_id")),
    _Trigger("listing_state_added", "INSERT ON camera_states", _OF_STATE),
    _Trigger(
        "listing_state_changed",
        "UPDATE OF state, since ON camera_states",
        _OF_STATE,
        "NEW.state <> OLD.state OR NEW.since <> OLD.since",
    ),
    _Trigger(
        "listing_state_gone",
        "DELETE ON camera_states",
        _update("state = 'unknown', since = %(epoch)s", "camera_id = OLD.camera_id"),
    ),
)


def loosen(connection: sa.Connection) -> None:
    """Before migrations: no trigger stands in the way of a table that is rebuilt."""
    for trigger in TRIGGERS:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {trigger.name}() CASCADE")
        else:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger.name}")


def fasten(connection: sa.Connection) -> None:
    """After migrations: every row made anew, and kept from now on."""
    for statement in _statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _statements(dialect: str) -> Iterator[str]:
    known = {"epoch": "'epoch'" if dialect == "postgresql" else "0"}
    yield f"DELETE FROM {TABLE}"  # noqa: S608  (the same)
    yield _INSERT % known
    for one in TRIGGERS:
        sql = one.sql % known
        if dialect == "postgresql":
            when = f" WHEN ({one.when})" if one.when else ""
            body = f"BEGIN {sql}; RETURN NULL; END"
            yield f"CREATE FUNCTION {one.name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"
            yield f"CREATE TRIGGER {one.name} AFTER {one.event} FOR EACH ROW{when} EXECUTE FUNCTION {one.name}()"
        else:
            when = f" WHEN {one.when}" if one.when else ""
            yield f"CREATE TRIGGER {one.name} AFTER {one.event} FOR EACH ROW{when} BEGIN {sql}; END"
