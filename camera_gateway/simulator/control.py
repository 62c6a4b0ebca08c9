"""Edge: the virtual fleet's control over HTTP: tells the truth and switches faults. Loopback, Bearer token.

``GET /truth``, ``GET /cameras``, ``GET /cameras/{id}``, ``POST /cameras/{id}/faults``, ``GET /groups``,
``POST /groups/{name}/faults``; the body is ``{"fault": "black", "on": true}`` with an optional ``"parameter"``.
``POST /plan`` begins faults that come and go without end, in place of an earlier plan.
Lists take ``offset`` and ``limit``; errors are problem documents (RFC 9457).
"""

from __future__ import annotations

import hmac
import json
import random
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from camera_gateway.simulator.camera import VirtualCamera, truth
from camera_gateway.simulator.ever_changing import ever_changing
from camera_gateway.simulator.faults import EXPECTED, MEANING, Fault
from camera_gateway.simulator.http_server import Request, Response
from config.errors import Kind, XueliangError

if TYPE_CHECKING:
    from camera_gateway.simulator.fleet import Fleet

_STATUS = {Kind.INVALID: 400, Kind.NOT_FOUND: 404, Kind.FORBIDDEN: 405}
_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}


class Control:
    """The handler for :class:`HttpServer`."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def __call__(self, request: Request) -> Response:
        if not self._may(request):
            return _problem(401, "the control token is missing or wrong", {"WWW-Authenticate": "Bearer"})
        try:
            return _answer(200, await self._route(request))
        except XueliangError as error:
            return _problem(_STATUS.get(error.kind, 500), str(error))

    def _may(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            token.strip().encode(), self._fleet.control_token.encode()
        )

    async def _route(self, request: Request) -> object:
        parts = [p for p in request.path.split("/") if p]
        match request.method, parts:
            case "GET", ["truth"]:
                now = self._fleet.clock.now()
                return {"now": now.isoformat(), **self._page(request, lambda c: truth(c, now))}
            case "GET", ["cameras"]:
                return self._page(request, _card)
            case "GET", ["cameras", camera_id]:
                return {
                    **_card(self._fleet.camera(camera_id)),
                    **self._fleet.truth(camera_id, history=True),
                }
            case "POST", ["cameras", camera_id, "faults"]:
                fault, on, parameter = _switch(request.body)
                changed = await self._fleet.set_fault(camera_id, fault, on, parameter=parameter, by="control")
                return {"changed": changed, **self._fleet.truth(camera_id)}
            case "GET", ["groups"]:
                return {name: [d.id for d in devices] for name, devices in self._fleet.groups.items()}
            case "POST", ["groups", group, "faults"]:
                fault, on, parameter = _switch(request.body)
                count = await self._fleet.set_group_fault(group, fault, on, parameter=parameter, by="control")
                return {"changed": count, "now": self._fleet.clock.now().isoformat()}
            case "POST", ["plan"]:
                fleet = self._fleet
                dice = random.Random(f"{fleet.spec.seed}/plan")
                fleet.follow(ever_changing(fleet.cameras, list(fleet.groups), dice))
                return {"begun": fleet.clock.now().isoformat()}
            case "GET", ["faults"]:
                return {f: {"meaning": MEANING[f], "expected": list(e.classes)} for f, e in EXPECTED.items()}
            case _:
                raise XueliangError(Kind.NOT_FOUND, "nothing here", fix="See /truth, /cameras, /groups, /faults, /plan")

    def _page(self, request: Request, show: Any) -> dict[str, object]:
        query = parse_qs(request.query, max_num_fields=8)
        cameras = self._fleet.cameras
        offset, limit = _number(query, "offset", 0), _number(query, "limit", len(cameras))
        return {"total": len(cameras), "cameras": [show(c) for c in cameras[offset : offset + limit]]}


def _card(camera: VirtualCamera) -> dict[str, object]:
    """What it is, without its password: that is in the document printed at the start."""
    return {
        "id": camera.id,
        "rtsp": camera.rtsp,
        "sub": camera.rtsp_url("sub"),
        "onvif": camera.onvif,
        "user": camera.user,
        "group": camera.group,
        "recorder": camera.recorder,
        "channel": camera.number,
        "site": camera.site,
        "light": camera.light,
        "model": camera.identity.model,
    }


def _switch(body: bytes) -> tuple[Fault, bool, float | None]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise XueliangError(Kind.INVALID, "the body is not JSON") from error
    if not isinstance(data, dict) or not set(data) <= {"fault", "on", "parameter"}:
        raise XueliangError(Kind.INVALID, "the body is not an object of fault, on and parameter")
    if data.get("fault") not in tuple(Fault):
        raise XueliangError(Kind.INVALID, "unknown fault", fix="One of " + ", ".join(Fault))
    if not isinstance(data.get("on"), bool):
        raise XueliangError(Kind.INVALID, "on is not true or false")
    parameter = data.get("parameter")
    if parameter is not None and (isinstance(parameter, bool) or not isinstance(parameter, int | float)):
        raise XueliangError(Kind.INVALID, "parameter is not a number")
    return Fault(data["fault"]), data["on"], parameter


def _number(query: dict[str, list[str]], name: str, default: int) -> int:
    text = query.get(name, [str(default)])[-1]
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise XueliangError(Kind.INVALID, f"{name} is not a number")
    return int(text)


def _answer(status: int, document: object) -> Response:
    return Response(status, _JSON, json.dumps(document, separators=(",", ":")).encode())


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps({"type": "about:blank", "status": status, "detail": detail}).encode()
    return Response(status, {**_JSON, "Content-Type": "application/problem+json", **(headers or {})}, body)
