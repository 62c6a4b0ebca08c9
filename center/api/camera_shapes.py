"""Pure: cameras as the API shows them: the row of a list, one camera, its status with verdicts and thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any, Literal

from pydantic import Field

from center.api.shapes import In, Line, Listed, Out, Stamped
from health.camera_page_store import CameraRow
from health.classes import VERDICT_NAMES, VerdictClass
from health.observation import Link, Picture
from health.state import State
from registry.camera import Camera, MaskBy
from registry.lifecycle import Lifecycle
from registry.stream import Stream, StreamRole, Transport

Polygon = list[tuple[float, float]]
_ROW = CameraRow.__match_args__
#: Of a hundred rows a page one by one is a third of its time.
_OF_ROW = attrgetter(*_ROW)
Share = Annotated[float, Field(ge=0, le=1)]


class CameraItem(Out):
    """A camera with its state as last concluded. ``age`` is seconds since the last sample."""

    id: str
    name: str
    gb_id: str | None
    device_id: str
    device_name: str
    host: str
    channel: int
    area_id: str
    unit_id: str | None
    point_id: str | None
    point_name: str | None
    point_code: str | None
    lifecycle: Lifecycle
    version: int
    state: State
    since: datetime | None
    cause: str
    link: Link
    picture: Picture
    last_at: datetime | None
    age: float | None
    last_good_at: datetime | None
    next_check_at: datetime | None

    @classmethod
    def of(cls, row: CameraRow, now: datetime) -> CameraItem:
        values = zip(_ROW, _OF_ROW(row), strict=True)
        return cls(**dict(values), age=None if row.last_at is None else max(0.0, (now - row.last_at).total_seconds()))


class CameraPage(Listed[CameraItem]):
    """``counts`` are of all cameras that the filters leave, by state; ``total`` is their sum."""

    as_of: datetime
    counts: dict[State, int]
    total: int


class StreamOut(Out):
    """``url`` holds no user information. What was never seen is null; ``gop_seconds`` is the distance of keyframes."""

    role: StreamRole
    url: str
    transport: Transport
    codec: str | None
    width: int | None
    height: int | None
    fps: float | None
    gop_seconds: float


class CameraOut(CameraItem):
    """One camera. ``mask``: polygons in shares of width and height (0 to 1). ``streams``: the main one first."""

    token: str
    ptz_type: int | None
    mask: list[Polygon]
    mask_by: MaskBy
    streams: list[StreamOut]

    @classmethod
    def both(cls, row: CameraRow, camera: Camera, streams: Sequence[Stream], now: datetime) -> CameraOut:
        shown = CameraItem.of(row, now).model_dump()
        mask = [[(x, y) for x, y in polygon] for polygon in camera.mask]
        return cls(
            **shown,
            token=camera.token,
            ptz_type=camera.ptz_type,
            mask=mask,
            mask_by=camera.mask_by,
            streams=[StreamOut.model_validate(stream) for stream in streams],
        )


class CameraEdit(In):
    """Only the members that are sent are changed."""

    name: Line = Field(default_factory=str)
    area_id: Line = Field(default_factory=str)
    unit_id: Line | None = None
    gb_id: Line | None = Field(None, max_length=40)
    ptz_type: int | None = Field(None, ge=1, le=9)
    lifecycle: Lifecycle = Lifecycle.IN_USE
    mask: list[Annotated[list[tuple[Share, Share]], Field(min_length=3, max_length=50)]] = Field(
        default_factory=list, max_length=20
    )
    mask_by: MaskBy = MaskBy.NOBODY


class MeasureOut(Out):
    """One measure beside the threshold it was held against. ``of`` is the verdict class, ``code`` its inspection
    code (0 to 10), ``verdict`` good, bad or cannot_judge, ``reason`` why it could not be judged."""

    of: str
    name: str
    value: float | None
    threshold: float | None
    verdict: str
    reason: str
    code: int | None

    @classmethod
    def read(cls, raw: Mapping[str, Any] | Sequence[Any]) -> MeasureOut:
        """Of a status (by name) or of a kept check (by place)."""
        values = dict(raw) if isinstance(raw, Mapping) else dict(zip(_MEASURE, raw, strict=True))
        found = VERDICT_NAMES.get(VerdictClass(values["of"])) if values["of"] in set(VerdictClass) else None
        return cls(**values, code=found.inspection if found else None)


_MEASURE = ("of", "name", "value", "threshold", "verdict", "reason")


class CheckOut(Out):
    """One picture check: three delays in ms, every measure with its threshold, what was found."""

    probe_id: str
    at: datetime
    link: Link | None
    picture: Picture | None
    cause: str
    also: list[str]
    detail: str
    delays: dict[str, float | None]
    measures: list[MeasureOut]
    facts: dict[str, str | int | float | bool] = Field(default_factory=dict)

    @classmethod
    def read(cls, raw: Mapping[str, Any], at: datetime) -> CheckOut:
        measures = [MeasureOut.read(one) for one in raw["measures"]]
        known = {name: raw[name] for name in ("probe_id", "link", "picture", "cause", "also", "detail", "delays")}
        return cls(**known, at=at, measures=measures, facts=raw.get("facts", {}))


class LivenessOut(Out):
    probe_id: str
    at: datetime
    link: Link | None
    layer: str
    cause: str
    detail: str
    facts: dict[str, str | int | float | bool] = Field(default_factory=dict)


class ConfirmationOut(Out):
    """``seen`` of the ``needed`` samples speak for a fault (``toward`` bad) or for its end (good)."""

    aspect: Literal["link", "picture"]
    toward: Literal["good", "bad"]
    seen: int
    needed: int
    cause: str


class StatusOut(Stamped):
    """``layer``: what an *up* rests on (device, stream, picture). ``planned_seconds``: how often the picture is
    checked; ``overdue`` once a sample is older than one and a half of these."""

    camera_id: str
    name: str
    gb_id: str | None
    device_id: str
    area_id: str
    unit_id: str | None
    state: State
    since: datetime
    cause: str
    link: Link
    link_since: datetime
    link_cause: str
    layer: str
    picture: Picture
    picture_since: datetime
    picture_cause: str
    last_at: datetime | None
    age: float | None
    last_good_at: datetime | None
    checks: int
    failures: int
    planned_seconds: float | None
    next_check_at: datetime | None
    overdue: bool
    advice: str
    last_picture: CheckOut | None
    last_liveness: LivenessOut | None
    confirmation: ConfirmationOut | None
