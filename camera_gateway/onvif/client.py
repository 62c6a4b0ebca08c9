"""Edge: an ONVIF device asked for its clock and its facts; what it gets wrong becomes findings, not failures.

One visit is a row of calls, one at a time: cameras of the field have few threads. Every address that comes back is
held to the host that was dialled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlsplit

from camera_gateway.http import DeviceHttp
from camera_gateway.memory import DeviceMemory
from camera_gateway.onvif import address, envelope, facts, media
from camera_gateway.onvif.clock import clock_answer
from camera_gateway.onvif.faults import SoapFault
from camera_gateway.onvif.ladder import Ladder, Rung, Visit
from camera_gateway.onvif.report import (
    ClockAnswer,
    DeviceReport,
    Finding,
    Identity,
    Profile,
    channels_of,
)
from camera_gateway.onvif.soap import Service, SoapDocuments
from camera_gateway.target import Credentials
from config.clock import Clock
from config.errors import Kind, XueliangError

T = TypeVar("T")

#: A whole visit: a 64-channel recorder answers about 270 calls in it.
VISIT_SECONDS = 90.0
#: These end a visit: the device is gone, or must not be asked again.
_LOST = frozenset({Kind.UNREACHABLE, Kind.REFUSED, Kind.TIMEOUT, Kind.NOT_ALLOWED})
_SHUT = frozenset({Kind.AUTH, Kind.LOCKED})


class _VisitEnds(Exception):
    """The rest of the visit is of no use; what was learned stays."""


class OnvifClient:
    """One for the process. ``documents`` are shared by all; they are parsed when first needed."""

    def __init__(
        self,
        http: DeviceHttp,
        memory: DeviceMemory,
        clock: Clock,
        documents: SoapDocuments | None = None,
        visit_seconds: float = VISIT_SECONDS,
    ) -> None:
        self._memory = memory
        self._clock = clock
        self._documents = documents or SoapDocuments()
        self._visit_seconds = visit_seconds
        self.ladder = Ladder(http, memory, clock)

    async def clock(self, xaddr: str) -> ClockAnswer:
        """The device's clock, asked without credentials: the cheapest proof that it lives.

        Raises ``UNREACHABLE``, ``REFUSED``, ``TIMEOUT``, ``NOT_ALLOWED``, ``BUSY``, ``PROTOCOL``, ``TOO_LARGE``, and
        ``AUTH`` where it wants credentials even for this.
        """
        sent, began = self._clock.now(), self._clock.monotonic()
        body = await self.ladder.bare(xaddr, envelope.CLOCK)
        return clock_answer(urlsplit(xaddr).hostname or "", body, sent, self._clock.monotonic() - began)

    async def information(self, visit: Visit) -> Identity:
        """GetDeviceInformation on the rung that works. Raises as :meth:`Ladder.call`."""
        return facts.identity(await self.ladder.call(visit, visit.xaddr, envelope.INFORMATION))

    async def visit(self, xaddr: str, credentials: Credentials | None) -> Visit:
        """A visit that begins with what is remembered of the device."""
        visit = Visit(xaddr, credentials)
        known = await self._memory.recall(visit.host)
        visit.rung = Rung(known.auth_rung) if known.auth_rung in set(Rung) else None
        visit.offset = known.clock_offset or 0.0
        return visit

    async def facts(self, xaddr: str, credentials: Credentials | None = None) -> DeviceReport:
        """All that the device says of itself, as far as it says it.

        Raises only where nothing at all answered: ``UNREACHABLE``, ``REFUSED``, ``TIMEOUT``, ``NOT_ALLOWED``. Refused
        credentials, missing services and broken answers are findings of the report.
        """
        visit = await self.visit(xaddr, credentials)
        report = DeviceReport(host=visit.host, xaddr=xaddr)
        asked = _Asked(self, visit, report, self._documents)
        try:
            async with asyncio.timeout(self._visit_seconds):
                await asked.everything()
        except _VisitEnds:
            pass
        except TimeoutError:
            visit.findings.append(
                Finding("slow", f"the visit was broken off after {self._visit_seconds:g} s; the report is not whole")
            )
        findings = tuple(dict.fromkeys((*visit.findings, *(asked.clock.findings if asked.clock else ()))))
        return replace(
            asked.report,
            clock=asked.clock,
            channels=channels_of(asked.profiles, asked.sources),
            rung=visit.rung.value if visit.rung else None,
            findings=findings,
        )

    async def set_time_offset(self, visit: Visit, offset: float) -> None:
        visit.offset = offset
        await self._memory.remember(visit.host, clock_offset=offset)

    async def known_identity(self, host: str) -> str | None:
        return (await self._memory.recall(host)).identity

    async def learn_identity(self, host: str, identity: str) -> None:
        await self._memory.remember(host, identity=identity)


class _Asked:
    """The calls of one visit in their order, and what has been learned so far."""

    def __init__(self, client: OnvifClient, visit: Visit, report: DeviceReport, documents: SoapDocuments) -> None:
        self.client = client
        self.visit = visit
        self.report = report
        self.documents = documents
        self.clock: ClockAnswer | None = None
        self.profiles: list[Profile] = []
        self.sources: list[str] = []

    async def everything(self) -> None:
        await self._clock()
        await self._identity()
        await self._services()
        await self._surroundings()
        await self._sources()
        await self._profiles()
        await self._addresses()

    async def _clock(self) -> None:
        try:
            self.clock = await self.client.clock(self.visit.xaddr)
        except XueliangError as error:
            if error.kind in _LOST:
                raise
            self._finding("clock_unknown", f"no clock without credentials: {error.what}")
            return
        if self.clock.offset is not None:
            await self.client.set_time_offset(self.visit, self.clock.offset)

    async def _identity(self) -> None:
        """What is readable without credentials is compared before any are sent."""
        known = await self.client.known_identity(self.visit.host)
        if known is not None or self.visit.rung is None:
            stranger = Visit(self.visit.xaddr)
            bare = await self._part("information", self.client.information(stranger), quiet=True)
            if bare is not None:
                mark = facts.identity_mark(bare)
                if known is not None and known != mark:
                    self.visit.barred = True
                    self._finding("identity_changed", f"another device answers here: {mark}, it was {known}")
                elif known is None:
                    await self.client.learn_identity(self.visit.host, mark)
                self.report = replace(self.report, identity=bare)
                self.visit.rung = self.visit.rung or Rung.NONE
                return
        identity = await self._part("information", self.client.information(self.visit))
        if identity is not None:
            self.report = replace(self.report, identity=identity)

    async def _services(self) -> None:
        visit = self.visit
        services = await self._zeep("services", Service.DEVICE, "GetServices", facts.services, IncludeCapability=False)
        if not services:
            services = await self._zeep(
                "capabilities", Service.DEVICE, "GetCapabilities", facts.capabilities, Category=["All"]
            )
        held: dict[str, str] = {}
        for namespace, url in (services or {}).items():
            pinned = address.service(url, visit.xaddr)
            if pinned is None:
                self._finding("service_address", f"the address of {namespace} is unusable")
                continue
            held[namespace] = pinned.url
            self._held(pinned, "service_address")
        if not held:
            self._finding("no_services", "the device names no services")
        self.report = replace(self.report, services=held)

    async def _surroundings(self) -> None:
        mac = await self._zeep("network", Service.DEVICE, "GetNetworkInterfaces", facts.mac)
        scopes = await self._zeep("scopes", Service.DEVICE, "GetScopes", facts.scopes)
        name, location = scopes or ("", "")
        self.report = replace(self.report, mac=mac or "", name=name, location=location)

    async def _sources(self) -> None:
        url = self.report.services.get(envelope.MEDIA1)
        if url is None:
            return
        self.sources = await self._zeep("video_sources", Service.MEDIA, "GetVideoSources", facts.sources, url) or []
        self.report = replace(self.report, video_sources=len(self.sources))

    async def _profiles(self) -> None:
        for namespace, kind in ((envelope.MEDIA2, "media2"), (envelope.MEDIA1, "media1")):
            url = self.report.services.get(namespace)
            if url is None:
                continue
            call = envelope.profiles2() if kind == "media2" else envelope.call(envelope.MEDIA1, "GetProfiles")
            body = await self._part(f"{kind}_profiles", self.client.ladder.call(self.visit, url, call))
            if body is None:
                continue
            found, left_out = media.profiles(body, kind)
            if left_out:
                self._finding("profiles_left_out", f"{left_out} profiles without a token, repeated or beyond the cap")
            self.profiles = [p for p in found if p.encoding] or found
            if self.profiles:
                return
        self._finding("no_profiles", "the device gives no media profiles")

    async def _addresses(self) -> None:
        mains = {c.main.token for c in channels_of(self.profiles, self.sources)}
        for index, profile in enumerate(self.profiles):
            self.profiles[index] = await self._stream(profile)
        for index, profile in enumerate(self.profiles):
            if profile.token in mains:
                self.profiles[index] = await self._snapshot(profile)

    async def _stream(self, profile: Profile) -> Profile:
        said = await self._uri("stream_uri", "GetStreamUri", profile)
        if said is None:
            return profile
        held = address.stream(said, self.visit.host)
        if held is None:
            self._finding("stream_address", "a stream address is unusable")
            return profile
        self._held(held, "stream_address")
        return replace(profile, stream_url=held.url)

    async def _snapshot(self, profile: Profile) -> Profile:
        said = await self._uri("snapshot_uri", "GetSnapshotUri", profile)
        held = address.stream(said, self.visit.host, ("http", "https")) if said else None
        if held is not None:
            self._held(held, "snapshot_address")
        return replace(profile, snapshot_url=held.url if held else "")

    async def _uri(self, part: str, operation: str, profile: Profile) -> str | None:
        if profile.media == "media2":
            url = self.report.services[envelope.MEDIA2]
            make = envelope.stream_uri2 if operation == "GetStreamUri" else envelope.snapshot_uri2
            body = await self._part(part, self.client.ladder.call(self.visit, url, make(profile.token)))
            return media.uri2(body, operation) if body is not None else None
        url = self.report.services[envelope.MEDIA1]
        values: dict[str, object] = {"ProfileToken": profile.token}
        if operation == "GetStreamUri":
            values["StreamSetup"] = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        return await self._zeep(part, Service.MEDIA, operation, facts.media_uri, url, **values)

    async def _zeep(
        self,
        part: str,
        service: Service,
        operation: str,
        read: Callable[[object], T],
        url: str = "",
        **values: object,
    ) -> T | None:
        async def ask() -> T:
            call = self.documents.request(service, operation, **values)
            body = await self.client.ladder.call(self.visit, url or self.visit.xaddr, call)
            return read(self.documents.reply(service, operation, body))

        return await self._part(part, ask())

    async def _part(self, part: str, asking: Awaitable[T], *, quiet: bool = False) -> T | None:
        """What ``asking`` brings, or ``None`` and a finding; ends the visit where going on is of no use."""
        try:
            return await asking
        except XueliangError as error:
            if quiet and error.kind not in _LOST:
                return None
            supported = not (isinstance(error, SoapFault) and error.fault.not_supported)
            if supported:
                code = error.kind.value if error.kind in _SHUT | _LOST else part
                if code not in _SHUT or all(f.code not in _SHUT for f in self.visit.findings):
                    self._finding(code, error.what)
            if error.kind is Kind.LOCKED or (error.kind is Kind.AUTH and self.visit.login is not None):
                self.visit.barred = True
            if error.kind in _LOST:
                raise _VisitEnds from None
            return None

    def _held(self, held: address.Held, code: str) -> None:
        if held.moved:
            self._finding(code, "the device gives addresses of another host; the one that answers is used")
        if held.user:
            self._finding(f"{code}_user", "the device puts a user into its addresses; it was dropped")

    def _finding(self, code: str, text: str) -> None:
        if len(self.visit.findings) < 64:
            self.visit.findings.append(Finding(code, text))
