"""Edge: what every noun's store has in common: read in scope, write with permission, version, change row, audit row."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from config.errors import Kind, XueliangError
from config.scope import Extent, Permission, Scope
from registry import tables
from registry.audit_chain import Act
from registry.audit_store import append_many
from registry.change_feed import Told
from registry.change_feed_store import record_many
from registry.database import Connection
from registry.lifecycle import Lifecycle, advance
from registry.scope_store import units_visible, visible

MAX_PAGE = 500
#: Bound parameters in one statement.
_CHUNK = 500


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    @property
    def id(self) -> str: ...

    @property
    def version(self) -> int: ...


V = TypeVar("V", bound=_Dataclass)
#: Area and unit of an object; ``None`` for what belongs to none.
Place = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Noun(Generic[V]):
    """``visible`` says in SQL which rows lie inside an extent; ``place`` where an object lies."""

    kind: str
    value: type[V]
    table: sa.Table
    visible: Callable[[Extent], ColumnElement[bool]]
    place: Callable[[V], Place]
    edit: Permission = Permission.EDIT


@dataclass(frozen=True, slots=True)
class Page(Generic[V]):
    """``after`` is given to the next call; ``None`` at the end."""

    items: tuple[V, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class Edit:
    """``fields`` of an object that still has ``version``."""

    object_id: str
    version: int
    fields: Mapping[str, Any]
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def load(noun: Noun[V], row: sa.Row[Any]) -> V:
    names = noun.value.__dataclass_fields__
    return noun.value(**{name: freeze(value) for name, value in row._mapping.items() if name in names})


def freeze(value: Any) -> Any:
    """JSON's lists as tuples, so that values stay values."""
    return tuple(map(freeze, value)) if isinstance(value, list) else value


def columns_of(value: Any) -> dict[str, Any]:
    """The fields of a value as its table's columns. Raises ``INVALID`` for text that no column may hold."""
    return {field.name: _plain(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value
    if isinstance(value, str):
        if "\x00" in value:
            raise XueliangError(Kind.INVALID, f"{name} holds a character that cannot be stored")
        return value
    if isinstance(value, tuple):
        return [_plain(name, item) for item in value]
    return value


def check_lengths(noun: Noun[V], values: dict[str, Any]) -> None:
    """SQLite holds any length; we do not."""
    for column in noun.table.c:
        length = getattr(column.type, "length", None)
        value = values.get(column.name)
        if isinstance(value, str) and isinstance(length, int) and len(value) > length:
            raise XueliangError(Kind.INVALID, f"{column.name} is longer than {length} characters", where=noun.kind)


async def get(
    scope: Scope, connection: Connection, noun: Noun[V], object_id: str, permission: Permission = Permission.READ
) -> V:
    """Raises ``NOT_FOUND`` for what does not exist and for what is not in scope alike."""
    query = sa.select(noun.table).where(noun.table.c.id == object_id, noun.visible(scope.where(permission)))
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise not_found(noun.kind)
    return load(noun, row)


async def get_many(
    scope: Scope, connection: Connection, noun: Noun[V], ids: Iterable[str], permission: Permission = Permission.READ
) -> dict[str, V]:
    """By id, as :func:`get` for several; what does not exist or is not in scope is left out."""
    wanted, found = sorted(set(ids)), dict[str, V]()
    for start in range(0, len(wanted), _CHUNK):
        some = noun.table.c.id.in_(wanted[start : start + _CHUNK])
        query = sa.select(noun.table).where(some, noun.visible(scope.where(permission)))
        found |= {row.id: load(noun, row) for row in await connection.execute(query)}
    return found


async def page(
    scope: Scope,
    connection: Connection,
    noun: Noun[V],
    *where: ColumnElement[bool],
    after: str | None = None,
    limit: int = 100,
) -> Page[V]:
    """In the order of ids, which is the order of making."""
    query = sa.select(noun.table).where(noun.visible(scope.where(Permission.READ)), *where)
    if after is not None:
        query = query.where(noun.table.c.id > after)
    limit = max(1, min(limit, MAX_PAGE))
    rows = (await connection.execute(query.order_by(noun.table.c.id).limit(limit + 1))).all()
    items = tuple(load(noun, row) for row in rows[:limit])
    return Page(items, items[-1].id if len(rows) > limit else None)


async def every(scope: Scope, connection: Connection, noun: Noun[V], *where: ColumnElement[bool]) -> list[V]:
    """All rows in scope, in the order of ids; for our own work, not for answers over the network."""
    query = sa.select(noun.table).where(noun.visible(scope.where(Permission.READ)), *where)
    return [load(noun, row) for row in await connection.execute(query.order_by(noun.table.c.id))]


async def count(scope: Scope, connection: Connection, noun: Noun[V], *where: ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(noun.table)
    query = query.where(noun.visible(scope.where(Permission.READ)), *where)
    return int((await connection.execute(query)).scalar_one())


async def add(
    scope: Scope, connection: Connection, noun: Noun[V], value: V, *, details: dict[str, Any] | None = None
) -> V:
    """A new row with its change and audit rows. Raises ``NOT_FOUND`` for an area that is not the asker's,
    ``FORBIDDEN`` where it may only be read, ``CONFLICT`` for a key that stands."""
    await add_many(scope, connection, noun, [value], details=details)
    return value


async def add_many(
    scope: Scope, connection: Connection, noun: Noun[V], values: Sequence[V], *, details: dict[str, Any] | None = None
) -> None:
    """As :func:`add`, for an inventory's worth: a handful of statements whatever the number."""
    for area_id, unit_id in dict.fromkeys(map(noun.place, values)):
        await require_place(scope, connection, noun.edit, area_id, unit_id)
    rows = [columns_of(value) for value in values]
    for row in rows:
        check_lengths(noun, row)
    if not rows:
        return
    await connection.execute(sa.insert(noun.table), rows)
    payload = {"act": "added", "version": 1}
    places = [(value.id, *noun.place(value)) for value in values]
    await record_many(connection, [Told(noun.kind, *place, payload) for place in places])
    act = f"{noun.kind}.add"
    await append_many(scope, connection, [Act(act, noun.kind, *place, details or {}) for place in places])


async def change(
    scope: Scope,
    connection: Connection,
    noun: Noun[V],
    object_id: str,
    version: int,
    *,
    act: str = "change",
    details: dict[str, Any] | None = None,
    **fields: Any,
) -> V:
    """The object with ``fields`` changed, if it still has ``version``; a change of nothing writes nothing.

    Raises ``NOT_FOUND``, ``FORBIDDEN``, and ``CONFLICT`` for another version or a step of life that is not allowed.
    """
    edit = Edit(object_id, version, fields, details or {})
    return (await change_many(scope, connection, noun, [edit], act=act))[0]


async def change_many(
    scope: Scope, connection: Connection, noun: Noun[V], edits: Sequence[Edit], *, act: str = "change"
) -> list[V]:
    """As :func:`change` for several objects, each once, in the order given: a handful of statements whatever the
    number. What one of them raises is raised for all."""
    stand = await get_many(scope, connection, noun, [edit.object_id for edit in edits], noun.edit)
    done: list[V] = []
    steps: list[_Step[V]] = []
    for edit in edits:
        old = stand.get(edit.object_id) or await _not_editable(scope, connection, noun, edit.object_id)
        new, changed = _changed(noun, old, edit)
        done.append(new if changed else old)
        if changed:
            steps.append(_Step(old, new, changed, edit.details))
    for place in dict.fromkeys(noun.place(step.new) for step in steps if _moves(noun, step)):
        await require_place(scope, connection, noun.edit, *place)
    await _update(connection, noun, steps)
    await _tell(scope, connection, noun, steps, act)
    return done


@dataclass(frozen=True, slots=True)
class _Step(Generic[V]):
    """``changed`` is before and after, by column."""

    old: V
    new: V
    changed: dict[str, list[Any]]
    details: Mapping[str, Any]


def _changed(noun: Noun[V], old: V, edit: Edit) -> tuple[V, dict[str, list[Any]]]:
    if old.version != edit.version:
        raise _changed_meanwhile(noun, {"version": old.version})
    new = dataclasses.replace(old, **edit.fields, version=edit.version + 1)
    before, values = columns_of(old), columns_of(new)
    changed = {name: [before[name], values[name]] for name in edit.fields if before[name] != values[name]}
    if "lifecycle" in changed:
        advance(Lifecycle(before["lifecycle"]), Lifecycle(values["lifecycle"]))
    check_lengths(noun, values)
    return new, changed


def _moves(noun: Noun[V], step: _Step[V]) -> bool:
    """To another area or unit: the new place must be the asker's too, and readers of the old one are told."""
    return noun.place(step.new) != noun.place(step.old)


async def _update(connection: Connection, noun: Noun[V], steps: list[_Step[V]]) -> None:
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for step in steps:
        values = {name: after for name, (_, after) in step.changed.items()}
        row = {"the_id": step.old.id, "the_version": step.old.version, "version": step.new.version, **values}
        alike.setdefault(tuple(sorted(values)), []).append(row)
    which = (noun.table.c.id == sa.bindparam("the_id")) & (noun.table.c.version == sa.bindparam("the_version"))
    for rows in alike.values():
        result = await connection.execute(sa.update(noun.table).where(which), rows)
        if result.rowcount != len(rows):
            raise _changed_meanwhile(noun, {})


async def _tell(scope: Scope, connection: Connection, noun: Noun[V], steps: list[_Step[V]], act: str) -> None:
    told: list[Told] = []
    acts: list[Act] = []
    for step in steps:
        if _moves(noun, step):
            told.append(Told(noun.kind, step.old.id, *noun.place(step.old), {"act": "left"}))
        place = (step.new.id, *noun.place(step.new))
        payload = {"act": act, "version": step.new.version, "fields": sorted(step.changed)}
        told.append(Told(noun.kind, *place, payload))
        acts.append(Act(f"{noun.kind}.{act}", noun.kind, *place, {"fields": step.changed, **step.details}))
    if steps:
        await record_many(connection, told)
        await append_many(scope, connection, acts)


def _changed_meanwhile(noun: Noun[V], facts: dict[str, Any]) -> XueliangError:
    fix = "Load it again, compare, and repeat the change"
    return XueliangError(Kind.CONFLICT, f"the {noun.kind} was changed meanwhile", fix=fix, facts=facts)


async def _not_editable(scope: Scope, connection: Connection, noun: Noun[V], object_id: str) -> V:
    await get(scope, connection, noun, object_id)  # raises NOT_FOUND unless it may be read
    raise forbidden(noun.edit)


async def require_place(
    scope: Scope, connection: Connection, permission: Permission, area_id: str | None, unit_id: str | None
) -> None:
    """Whether ``scope`` may write there. An area that it cannot see is ``NOT_FOUND``, as if it did not exist."""
    if scope.unlimited and area_id is None:
        return
    if area_id is None:
        if not scope.where(permission).everywhere:
            raise forbidden(permission)
        return
    area, unit = tables.areas.c.id, sa.literal(unit_id)

    async def inside(wanted: Permission) -> bool:
        query = sa.select(area).where(area == area_id, visible(scope.where(wanted), area, unit))
        return (await connection.execute(query)).first() is not None

    if await inside(permission):
        return
    if await inside(Permission.READ):
        raise forbidden(permission)
    raise not_found("area")


def not_found(kind: str) -> XueliangError:
    return XueliangError(
        Kind.NOT_FOUND, f"{kind} not found", fix="It does not exist or is outside your areas; check the id"
    )


def forbidden(permission: Permission) -> XueliangError:
    facts = {"permission": permission.value}
    return XueliangError(Kind.FORBIDDEN, f"this needs the permission {permission.value} there", facts=facts)


async def require_unit(scope: Scope, connection: Connection, unit_id: str | None) -> None:
    """A unit that the asker cannot see is ``NOT_FOUND``, as if it did not exist."""
    if unit_id is None:
        return
    query = sa.select(tables.units.c.id).where(
        tables.units.c.id == unit_id, units_visible(scope.where(Permission.READ))
    )
    if (await connection.execute(query)).first() is None:
        raise not_found("unit")
