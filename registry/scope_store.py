"""Edge: the one filter by which every query leaves out what is not its asker's."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from config.errors import Kind, XueliangError
from config.scope import Extent, Permission, Scope
from registry import tables


@lru_cache(maxsize=1024)
def area_tree(roots: frozenset[str]) -> sa.Select[tuple[str]]:
    """The ids of ``roots`` and of every area below them."""
    # Without a name of its own: one statement may ask for several.
    tree = sa.select(tables.areas.c.id).where(tables.areas.c.id.in_(sorted(roots))).cte(recursive=True)
    below = sa.select(tables.areas.c.id).join(tree, tables.areas.c.parent_id == tree.c.id)
    # UNION, not UNION ALL: a circle in the tree ends instead of running for ever.
    return sa.select(tree.union(below).c.id)


def visible(extent: Extent, area: ColumnElement[Any], *units: ColumnElement[Any]) -> ColumnElement[bool]:
    """True for rows inside ``extent``: their area is in one of its trees, or one of their units is one of its units."""
    if extent.everywhere:
        return sa.true()
    conditions: list[ColumnElement[bool]] = []
    if extent.areas:
        conditions.append(area.in_(area_tree(extent.areas)))
    if extent.units:
        conditions += [unit.in_(sorted(extent.units)) for unit in units]
    return sa.or_(sa.false(), *conditions)


def areas_visible(extent: Extent) -> ColumnElement[bool]:
    """Areas of the trees, and those in which a unit of the extent repairs or manages something."""
    if extent.everywhere:
        return sa.true()
    ids = tables.areas.c.id
    conditions: list[ColumnElement[bool]] = []
    if extent.areas:
        conditions.append(ids.in_(area_tree(extent.areas)))
    if extent.units:
        units = sorted(extent.units)
        p = tables.points.c
        conditions.append(ids.in_(sa.select(tables.cameras.c.area_id).where(tables.cameras.c.unit_id.in_(units))))
        mine = sa.or_(p.unit_id.in_(units), p.maintenance_unit_id.in_(units))
        conditions.append(ids.in_(sa.select(p.area_id).where(mine)))
    return sa.or_(sa.false(), *conditions)


def units_visible(extent: Extent) -> ColumnElement[bool]:
    """The extent's units, and those that repair or manage something inside its areas."""
    if extent.everywhere:
        return sa.true()
    ids = tables.units.c.id
    conditions: list[ColumnElement[bool]] = []
    if extent.units:
        conditions.append(ids.in_(sorted(extent.units)))
    if extent.areas:
        p, inside = tables.points.c, area_tree(extent.areas)
        for unit, area in (
            (tables.cameras.c.unit_id, tables.cameras.c.area_id),
            (tables.devices.c.unit_id, tables.devices.c.area_id),
            (tables.checkpoints.c.unit_id, tables.checkpoints.c.area_id),
            (p.unit_id, p.area_id),
            (p.maintenance_unit_id, p.area_id),
        ):
            conditions.append(ids.in_(sa.select(unit).where(unit.is_not(None), area.in_(inside))))
    return sa.or_(sa.false(), *conditions)


def require_everywhere(scope: Scope, permission: Permission) -> None:
    """For what belongs to no area. Raises ``FORBIDDEN``."""
    if not scope.where(permission).everywhere:
        raise XueliangError(
            Kind.FORBIDDEN,
            f"this needs the permission {permission.value} everywhere",
            fix="Ask an administrator for a grant without area or unit",
            facts={"permission": permission.value},
        )
