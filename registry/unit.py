"""Pure: a unit that manages, maintains or builds points (管理单位, 运维单位, 建设单位)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class UnitKind(StrEnum):
    MANAGEMENT = "management"
    MAINTENANCE = "maintenance"
    CONSTRUCTION = "construction"


@dataclass(frozen=True, slots=True)
class Unit:
    id: str
    name: str
    kind: UnitKind = UnitKind.MAINTENANCE
    contact: str | None = None
    version: int = 1
