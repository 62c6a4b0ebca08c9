"""Pure: what an inventory would change: every row with its findings, and whole new values for what is to be written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from pydantic import SecretStr

from config.ids import new_id
from registry.area import Area
from registry.camera import Camera
from registry.device import Device, DeviceKind
from registry.import_columns import title
from registry.import_csv import Finding, Inventory, Level, Row
from registry.import_row import Read, read_row
from registry.import_values import folded
from registry.lifecycle import TRANSITIONS, Lifecycle
from registry.point import Point
from registry.stream import Stream, StreamRole
from registry.unit import Unit, UnitKind

#: Where devices answer ONVIF unless the inventory says otherwise.
_ONVIF_PORT = 80


@dataclass(frozen=True, slots=True)
class Existing:
    """What stands already, in the importer's scope. ``networks`` are the configured ones, ``None`` if not to be
    checked; ``default_area_id`` takes rows that name no area."""

    areas: tuple[Area, ...] = ()
    units: tuple[Unit, ...] = ()
    points: tuple[Point, ...] = ()
    devices: tuple[Device, ...] = ()
    cameras: tuple[Camera, ...] = ()
    streams: tuple[Stream, ...] = ()
    bound: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[IPv4Network | IPv6Network, ...] | None = None
    default_area_id: str | None = None


class RowAct(StrEnum):
    ADD = "add"
    CHANGE = "change"
    SAME = "same"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """``point`` as it will be; ``changed`` names the fields that differ from what stands. New streams carry the version
    of those they replace."""

    line: int
    act: RowAct
    findings: tuple[Finding, ...] = ()
    point: Point | None = None
    changed: tuple[str, ...] = ()
    device: Device | None = None
    camera: Camera | None = None
    streams: tuple[Stream, ...] = ()
    bind: bool = False
    account: str = ""
    password: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """``acceptable`` only without an error anywhere: a wrong file changes nothing."""

    digest: str
    rows: tuple[PlannedRow, ...]
    findings: tuple[Finding, ...]
    new_areas: tuple[Area, ...] = ()
    new_units: tuple[Unit, ...] = ()
    new_devices: tuple[Device, ...] = ()
    new_cameras: tuple[Camera, ...] = ()

    @property
    def acceptable(self) -> bool:
        return all(finding.level is not Level.ERROR for finding in self.all_findings)

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        found = [*self.findings, *(finding for row in self.rows for finding in row.findings)]
        return tuple(sorted(found, key=lambda finding: (finding.line, finding.column)))

    def count(self, act: RowAct) -> int:
        return sum(row.act is act for row in self.rows)


def plan(inventory: Inventory, existing: Existing) -> ImportPlan:
    """Nothing is written; the same plan is what :func:`registry.import_store.apply` carries out."""
    planner = _Planner(inventory, existing)
    rows = tuple(planner.row(row) for row in inventory.rows)
    return ImportPlan(
        inventory.digest,
        rows,
        inventory.findings,
        tuple(planner.new_areas),
        tuple(planner.new_units.values()),
        tuple(planner.new_devices.values()),
        tuple(planner.new_cameras.values()),
    )


class _Planner:
    def __init__(self, inventory: Inventory, existing: Existing) -> None:
        self.existing = existing
        self.mandatory = inventory.mandatory
        self.areas = list(existing.areas)
        self.new_areas: list[Area] = []
        self.units = {folded(unit.name): unit for unit in existing.units}
        self.new_units: dict[str, Unit] = {}
        self.devices = {(device.host, device.port): device for device in existing.devices}
        self.new_devices: dict[tuple[str, int], Device] = {}
        self.by_host: dict[str, dict[tuple[str, int], Device]] = {}
        for place, device in self.devices.items():
            self.by_host.setdefault(place[0], {})[place] = device
        self.cameras = {(camera.device_id, camera.channel): camera for camera in existing.cameras}
        self.new_cameras: dict[tuple[str, int], Camera] = {}
        self.streams = {(stream.camera_id, stream.role): stream for stream in existing.streams}
        self.by_code = {point.code: point for point in existing.points if point.code}
        self.by_gb = {point.gb_id: point for point in existing.points if point.gb_id}
        named = Counter((point.area_id, point.name) for point in existing.points)
        self.by_name = {
            (point.area_id, point.name): point
            for point in existing.points
            if named[point.area_id, point.name] == 1 and not point.code and not point.gb_id
        }
        self.hosts = Counter(folded(row.values["host"]) for row in inventory.rows if "host" in row.values)
        self.seen: dict[tuple[str, str], int] = {}
        self.wrong_lines = {finding.line for finding in inventory.findings if finding.level is Level.ERROR}

    def row(self, row: Row) -> PlannedRow:
        read = read_row(row)
        self._missing(row, read)
        self._duplicates(row, read)
        self._network(row, read)
        area = self._area(row, read)
        wrong = row.line in self.wrong_lines or any(finding.level is Level.ERROR for finding in read.findings)
        if area is None or wrong:
            return PlannedRow(row.line, RowAct.REJECT, tuple(read.findings))
        point, old = self._point(read, area)
        if any(finding.level is Level.ERROR for finding in read.findings):
            return PlannedRow(row.line, RowAct.REJECT, tuple(read.findings))
        changed = tuple(sorted(name for name in read.point if old is not None and _differs(name, old, point)))
        device: Device | None = None
        camera: Camera | None = None
        streams: tuple[Stream, ...] = ()
        bind = False
        if "host" in read.device:
            device, fresh = self._device(read, area, point)
            camera = self._camera(read, device, point)
            streams = self._streams(read, camera)
            bind = fresh or self.existing.bound.get(camera.id) != point.id
        act = RowAct.ADD if old is None else RowAct.CHANGE if changed or streams or bind else RowAct.SAME
        if act is RowAct.SAME and read.password is not None:
            act = RowAct.CHANGE
        return PlannedRow(
            row.line,
            act,
            tuple(read.findings),
            point,
            changed,
            device,
            camera,
            streams,
            bind,
            read.account,
            read.password,
        )

    def _missing(self, row: Row, read: Read) -> None:
        for column in sorted(self.mandatory - row.values.keys()):
            read.say(Level.ERROR, column, "missing", f"{title(column)} must be filled in")

    def _duplicates(self, row: Row, read: Read) -> None:
        """Ids are attributes and may stand twice in a register, but twice in one file is a slip."""
        keys = [(name, str(read.point[name])) for name in ("code", "gb_id") if read.point.get(name)]
        if "host" in read.device:
            place = (read.device["host"], read.device.get("port", _ONVIF_PORT), read.channel or 1)
            keys.append(("host", repr(place)))
        for key in keys:
            before = self.seen.setdefault(key, row.line)
            if before != row.line:
                what = "address and channel" if key[0] == "host" else title(key[0])
                read.say(Level.ERROR, key[0], "duplicate", f"the same {what} as in line {before}")

    def _network(self, row: Row, read: Read) -> None:
        host, networks = read.device.get("host"), self.existing.networks
        if host is not None and networks is not None and not any(ip_address(host) in net for net in networks):
            text = f"{host} is outside the configured networks and will not be contacted"
            read.say(Level.WARNING, "host", "outside_networks", text)

    def _area(self, row: Row, read: Read) -> Area | None:
        code, name = read.area_code, read.area_name
        if not code and not name:
            default = next((area for area in self.areas if area.id == self.existing.default_area_id), None)
            if default is None:
                read.say(Level.ERROR, "area_name", "no_area", "no area is named, and none was given for such rows")
            return default
        same = [area for area in self.areas if code and area.code == code]
        same = same or [area for area in self.areas if name and area.name == name and (not code or not area.code)]
        if len(same) > 1:
            read.say(Level.ERROR, "area_name", "area_twice", f"several areas are called {name or code}; give the code")
            return None
        return same[0] if same else self._new_area(read, code, name)

    def _new_area(self, read: Read, code: str, name: str) -> Area:
        above = [area for area in self.areas if area.code and code.startswith(area.code) and area.code != code]
        parent = max(above, key=lambda area: len(area.code or ""), default=None)
        parent_id = parent.id if parent is not None else self.existing.default_area_id
        area = Area(new_id(), name or code, parent_id, code or None)
        self.areas.append(area)
        self.new_areas.append(area)
        read.say(Level.INFO, "area_name", "new_area", f"the area {area.name} is new")
        return area

    def _unit(self, read: Read, name: str | None, kind: UnitKind) -> str | None:
        if not name:
            return None
        unit = self.units.get(folded(name))
        if unit is None:
            unit = self.units[folded(name)] = self.new_units[folded(name)] = Unit(new_id(), name, kind)
            read.say(Level.INFO, "unit", "new_unit", f"the unit {name} is new")
        return unit.id

    def _point(self, read: Read, area: Area) -> tuple[Point, Point | None]:
        fields: dict[str, Any] = read.point
        old = self.by_code.get(fields.get("code", "")) or self.by_gb.get(fields.get("gb_id", ""))
        if old is None and not fields.get("code") and not fields.get("gb_id"):
            old = self.by_name.get((area.id, fields["name"]))
        fields["area_id"] = area.id
        for column, name, kind in (
            ("unit_id", read.unit, UnitKind.MANAGEMENT),
            ("maintenance_unit_id", read.maintenance_unit, UnitKind.MAINTENANCE),
        ):
            unit_id = self._unit(read, name, kind)
            if unit_id is not None:
                fields[column] = unit_id
        if old is None:
            return Point(id=new_id(), **{"lifecycle": Lifecycle.IN_USE, **fields}), None
        wanted = fields.get("lifecycle", old.lifecycle)
        if wanted is not old.lifecycle and wanted not in TRANSITIONS[old.lifecycle]:
            text = f"from {old.lifecycle.value} there is no way to {wanted.value}"
            read.say(Level.ERROR, "lifecycle", "lifecycle", text)
            fields = {**fields, "lifecycle": old.lifecycle}
        return replace(old, **fields), old

    def _device(self, read: Read, area: Area, point: Point) -> tuple[Device, bool]:
        key = (read.device["host"], read.device.get("port", _ONVIF_PORT))
        device = self.devices.get(key)
        there = list(self.by_host.get(key[0], {}).values())
        if device is None and "port" not in read.device and len(there) == 1:
            # Found on the network before, at the port it really has.
            device = there[0]
        if device is not None:
            return device, False
        shared = self.hosts[key[0]] > 1 or (read.channel or 1) > 1
        facts = {name: value for name, value in read.device.items() if name not in ("host", "port", "kind")}
        device = Device(
            id=new_id(),
            name=read.recorder or (f"NVR {key[0]}" if shared else point.name),
            kind=read.device.get("kind") or (DeviceKind.RECORDER if shared else DeviceKind.CAMERA),
            host=key[0],
            port=key[1],
            area_id=area.id,
            unit_id=point.maintenance_unit_id,
            lifecycle=point.lifecycle,
            **facts,
        )
        self.devices[key] = self.new_devices[key] = device
        return device, True

    def _camera(self, read: Read, device: Device, point: Point) -> Camera:
        key = (device.id, read.channel or 1)
        camera = self.cameras.get(key)
        if camera is None:
            camera = Camera(
                id=new_id(),
                device_id=device.id,
                # Until the device tells its token, the number is its name.
                token=str(key[1]),
                name=point.name,
                area_id=point.area_id,
                unit_id=point.maintenance_unit_id,
                channel=key[1],
                lifecycle=point.lifecycle,
                gb_id=point.gb_id,
                ptz_type=read.ptz_type,
            )
            self.cameras[key] = self.new_cameras[key] = camera
        return camera

    def _streams(self, read: Read, camera: Camera) -> tuple[Stream, ...]:
        wanted = []
        for role, url in ((StreamRole.MAIN, read.main_url), (StreamRole.SUB, read.sub_url)):
            old = self.streams.get((camera.id, role))
            if url and (old is None or old.url != url):
                wanted.append(replace(old, url=url) if old else Stream(new_id(), camera.id, role, url))
        return tuple(wanted)


def _differs(name: str, old: Point, new: Point) -> bool:
    return bool(getattr(old, name) != getattr(new, name))
