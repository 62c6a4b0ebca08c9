"""Edge: one SOAP call to a device, climbing from no credentials to those it asks for.

ONVIF Core Specification section 5.9. The order spares the account: nothing is sent before the device has asked, and
what it asked for last time is remembered. New Hikvision firmware takes HTTP Digest only, many others tokens only,
and a token's time must be the device's own.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from camera_gateway.http import DeviceHttp, HttpAnswer, HttpRequest
from camera_gateway.memory import DeviceMemory
from camera_gateway.onvif import envelope, xml
from camera_gateway.onvif.envelope import Call
from camera_gateway.onvif.faults import SoapFault, fault_of
from camera_gateway.onvif.report import Finding
from camera_gateway.target import Credentials
from config.clock import Clock
from config.errors import Kind, XueliangError
from config.text import printable

#: Code of the finding that the device asks for a login without a Digest challenge.
NO_DIGEST = "no_digest"


class Rung(StrEnum):
    """The values of ``DeviceFacts.auth_rung``."""

    NONE = "none"
    DIGEST = "digest"
    WSSE = "wsse"
    BASIC = "basic"


@dataclass(slots=True)
class Visit:
    """One visit to one device: what it is called by, who calls, and what was learned on the way.

    ``offset`` is device minus ours in seconds. Without ``credentials``, or with ``barred`` set, nobody logs in.
    """

    xaddr: str
    credentials: Credentials | None = None
    rung: Rung | None = None
    offset: float = 0.0
    barred: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def host(self) -> str:
        return urlsplit(self.xaddr).hostname or ""

    @property
    def login(self) -> Credentials | None:
        return None if self.barred else self.credentials


class Ladder:
    """``nonce(n)`` gives n unguessable bytes."""

    def __init__(
        self,
        http: DeviceHttp,
        memory: DeviceMemory,
        clock: Clock,
        nonce: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._http = http
        self._memory = memory
        self._clock = clock
        self._nonce = nonce

    async def bare(self, address: str, call: Call) -> xml.Element:
        """The SOAP body that answers ``call`` without credentials. Raises as :func:`body_or_raise`."""
        answer = await self._http.request(_request(address, call))
        return body_or_raise(answer, call, urlsplit(address).hostname or "")

    async def call(self, visit: Visit, address: str, call: Call) -> xml.Element:
        """The SOAP body that answers ``call``; climbs a rung where the device asks for it and remembers it.

        Raises ``AUTH`` where credentials are missing or refused, ``LOCKED`` where a refused try holds, and as
        :func:`body_or_raise`.
        """
        request, login = _request(address, call), visit.login
        if visit.rung is Rung.WSSE and login is not None:
            answer = await self._token(visit, login, address, call)
        elif visit.rung in (Rung.DIGEST, Rung.BASIC):
            answer = await self._http.authorized(request, login, refuses=_asks_for_login)
        else:
            answer = await self._http.request(request)
        rung = Rung(answer.auth) if visit.rung is not Rung.WSSE else Rung.WSSE
        if login is not None and answer.auth == "none":
            if _http_login_asked(answer, login):
                answer = await self._http.authorized(request, login, answer, _asks_for_login)
                rung = Rung(answer.auth)
            elif visit.rung is not Rung.WSSE and _asks_for_login(answer):
                _note_no_digest(visit, answer)
                answer = await self._token(visit, login, address, call)
                rung = Rung.WSSE
        if login is None and _asks_for_login(answer):
            _note_no_digest(visit, answer)
            raise _needs_login(call, visit.host)
        body = body_or_raise(answer, call, visit.host)
        await self._learn(visit, rung)
        return body

    async def _token(self, visit: Visit, login: Credentials, address: str, call: Call) -> HttpAnswer:
        """A try with a WS-UsernameToken whose time is the device's own at the moment it leaves."""

        def make() -> HttpRequest:
            created = self._clock.now() + timedelta(seconds=visit.offset)
            password = login.password.get_secret_value()
            header = envelope.security(login.user, password, created, self._nonce(16))
            return _request(address, call, header)

        def judge(answer: HttpAnswer) -> bool:
            # A device that now wants Digest has not looked at the token.
            return not _digest_asked(answer) and _asks_for_login(answer)

        return await self._http.attempt(make, login, judge)

    async def _learn(self, visit: Visit, rung: Rung) -> None:
        # An open operation proves nothing about the others: it never takes a visit down a rung.
        if rung is visit.rung or (rung is Rung.NONE and visit.rung is not None):
            return
        visit.rung = rung
        if rung is not Rung.NONE:
            await self._memory.remember(visit.host, auth_rung=rung.value)


def _request(address: str, call: Call, header: bytes = b"") -> HttpRequest:
    kind = f'application/soap+xml; charset=utf-8; action="{call.action}"'
    return HttpRequest("POST", address, (("Content-Type", kind),), envelope.envelope(call.body, header))


def body_or_raise(answer: HttpAnswer, call: Call, host: str) -> xml.Element:
    """The SOAP body of an ordinary answer.

    Raises :class:`SoapFault` (``AUTH``, ``BUSY`` or ``PROTOCOL``) for a fault, ``AUTH`` for a 401, ``BUSY`` for 403,
    429 and 503, ``PROTOCOL`` for everything that is no SOAP answer to ``call``.
    """
    try:
        body = envelope.body_of(answer.body) if answer.body else None
    except XueliangError as error:
        if answer.status == 200:
            raise XueliangError(error.kind, f"{call.name}: {error.what}", where=host) from None
        body = None
    if body is not None and (fault := fault_of(body)) is not None:
        raise SoapFault(fault, call.name, host)
    if body is not None and answer.status == 200:
        if xml.child(body, call.reply) is None:
            raise XueliangError(Kind.PROTOCOL, f"{call.name} was answered with something else", where=host)
        return body
    raise _status_error(answer, call, host)


def _status_error(answer: HttpAnswer, call: Call, host: str) -> XueliangError:
    status = answer.status
    if status == 401:
        return _needs_login(call, host)
    if status in (403, 429, 503):
        return XueliangError(Kind.BUSY, f"{call.name} was turned away with HTTP {status}", where=host)
    if 300 <= status < 400:
        to = printable(next(iter(answer.all("location")), ""), 80)
        return XueliangError(
            Kind.PROTOCOL, f"{call.name} was redirected (HTTP {status}, to {to or 'nowhere'}); not followed", where=host
        )
    return XueliangError(Kind.PROTOCOL, f"{call.name} was answered with HTTP {status} and no SOAP", where=host)


def _needs_login(call: Call, host: str) -> XueliangError:
    return XueliangError(
        Kind.AUTH, f"{call.name} needs a user and a password", where=host, fix="Enter the device's user and password"
    )


def _digest_asked(answer: HttpAnswer) -> bool:
    return answer.status == 401 and any(c.scheme == "digest" for c in answer.challenges())


def _note_no_digest(visit: Visit, answer: HttpAnswer) -> None:
    """Told once a visit; the token goes over every network in a form that can be tried out at leisure."""
    if not _digest_asked(answer) and all(finding.code != NO_DIGEST for finding in visit.findings):
        visit.findings.append(Finding(NO_DIGEST, "no HTTP Digest is offered: the password goes as a WS-Security token"))


def _http_login_asked(answer: HttpAnswer, login: Credentials) -> bool:
    return _digest_asked(answer) or (answer.status == 401 and login.allow_clear and bool(answer.challenges()))


def _asks_for_login(answer: HttpAnswer) -> bool:
    if answer.status == 200 and b"Fault" not in answer.body:
        return False
    try:
        fault = fault_of(envelope.body_of(answer.body)) if answer.body else None
    except XueliangError:
        fault = None
    return fault.not_authorized if fault is not None else answer.status == 401
