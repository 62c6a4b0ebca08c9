"""Wiring: a request with login, and what the camera's refusals mean."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from camera_gateway.attempts import AttemptGate
from camera_gateway.rtsp import digest
from camera_gateway.rtsp.connection import Connection
from camera_gateway.rtsp.message import Headers, Request, Response
from camera_gateway.rtsp.timing import Deadlines, Timings
from camera_gateway.target import StreamTarget
from config.clock import Clock
from config.errors import Kind, XueliangError
from config.text import printable

USER_AGENT = ("User-Agent", "xueliang")


class Exchange:
    """Requests over one connection; logs in when asked to, once, and stays logged in.

    ``address`` is the checked address of the device: the budget of login tries is kept by it.
    """

    def __init__(
        self,
        connection: Connection,
        target: StreamTarget,
        address: str,
        gate: AttemptGate,
        clock: Clock,
        deadlines: Deadlines,
        timings: Timings,
    ) -> None:
        self.connection = connection
        self.target = target
        self._address = address
        self._gate = gate
        self._clock = clock
        self._deadlines = deadlines
        self._timings = timings
        self._challenge: digest.Challenge | None = None
        self._uses = 0

    @property
    def login(self) -> str:
        """``none``, ``basic`` or ``digest MD5`` and so on, as far as the camera asked for one."""
        if self._challenge is None:
            return "none"
        if self._challenge.scheme == "basic":
            return "basic"
        return f"digest {printable(self._challenge.algorithm, 20) or 'MD5'}"

    async def ask(self, method: str, uri: str, headers: Iterable[tuple[str, str]] = ()) -> Response:
        """The reply, whatever its status but 401.

        Raises ``AUTH``, ``LOCKED``, ``BUSY`` (a 401 after the password was accepted), ``TIMEOUT``, and what ended
        the connection.
        """
        headers = tuple(headers)
        response = await self._once(method, uri, headers)
        if response.status != 401:
            return response
        began = self._clock.monotonic()
        if self._challenge is not None:
            return await self._renew(method, uri, headers, response)
        response = await self._log_in(method, uri, headers, response)
        self._timings.auth = self._clock.monotonic() - began
        return response

    def headers(self, method: str, uri: str, extra: Iterable[tuple[str, str]] = ()) -> tuple[tuple[str, str], ...]:
        """What every request carries: agent, session once there is one, login once it was asked for."""
        made = [USER_AGENT, *extra]
        if self.connection.session:
            made.append(("Session", self.connection.session))
        credentials = self.target.credentials
        if self._challenge is not None and credentials is not None:
            self._uses += 1
            password = credentials.password.get_secret_value()
            answer = digest.authorization(self._challenge, method, uri, credentials.user, password, self._uses)
            made.append(("Authorization", answer))
        return tuple(made)

    def teardown(self, uri: str) -> Request:
        return Request("TEARDOWN", uri, Headers(self.headers("TEARDOWN", uri)))

    def refresh(self, response: Response) -> None:
        """Takes the new nonce out of a 401 to a keep-alive, so that the next one is right."""
        fresh = digest.parse_challenges(response.headers.get_all("WWW-Authenticate"))
        if self._challenge is not None and self.target.credentials is not None and fresh:
            self._challenge, self._uses = digest.choose(fresh, self.target.credentials), 0

    async def _once(self, method: str, uri: str, headers: tuple[tuple[str, str], ...]) -> Response:
        future = self.connection.send(method, uri, self.headers(method, uri, headers))
        try:
            async with asyncio.timeout(self._deadlines.reply):
                return await future
        except TimeoutError as error:
            raise XueliangError(
                Kind.TIMEOUT,
                f"no answer to {method} within {self._deadlines.reply:g} s",
                where=self.connection.where,
                fix="The device accepts connections but does not serve them: restart it",
            ) from error

    async def _log_in(
        self, method: str, uri: str, headers: tuple[tuple[str, str], ...], response: Response
    ) -> Response:
        credentials = self.target.credentials
        where = self.connection.where
        if credentials is None:
            raise XueliangError(
                Kind.AUTH, "the camera asks for user and password", where=where, fix="Enter them for this device"
            )
        challenge = self._choose(response)
        key = credentials.key(self._address)
        async with self._gate.attempt(key) as attempt:
            self._challenge, self._uses = challenge, 0
            response = await self._once(method, uri, headers)
            if response.status == 401:
                fresh = digest.parse_challenges(response.headers.get_all("WWW-Authenticate"))
                stale = next((c for c in fresh if c.stale and c.nonce != challenge.nonce), None)
                if stale is not None:
                    self._challenge, self._uses = self._choose(response), 0
                    response = await self._once(method, uri, headers)
            if response.status == 401:
                self._challenge = None
                attempt.failed()
                raise XueliangError(
                    Kind.AUTH,
                    "the camera refused user or password",
                    where=where,
                    fix="Enter the right ones; no further try is made with these",
                    facts={"user": credentials.user},
                )
            attempt.succeeded()
        return response

    async def _renew(self, method: str, uri: str, headers: tuple[tuple[str, str], ...], response: Response) -> Response:
        """A 401 although this very connection logged in: a new nonce at most; else the camera means something else."""
        before = self._challenge
        challenge = self._choose(response)
        if before is None or challenge.nonce != before.nonce:
            self._challenge, self._uses = challenge, 0
            response = await self._once(method, uri, headers)
            if response.status != 401:
                return response
        raise XueliangError(
            Kind.BUSY,
            f"the camera refuses {method} after it accepted the password; a full session table does this",
            where=self.connection.where,
            fix="Close other viewers of the camera, or restart it",
        )

    def _choose(self, response: Response) -> digest.Challenge:
        assert self.target.credentials is not None
        challenges = digest.parse_challenges(response.headers.get_all("WWW-Authenticate"))
        try:
            return digest.choose(challenges, self.target.credentials)
        except XueliangError as error:
            raise XueliangError(error.kind, error.what, where=self.connection.where, fix=error.fix) from None


def refusal(method: str, response: Response, where: str) -> XueliangError:
    """What a status other than 200 means."""
    status = response.status
    said = f"the camera answers {method} with {status} {printable(response.reason, 60)}".rstrip()
    facts = {"status": status}
    if status in (403, 453, 503):
        fix = "Too many viewers, or the account may not view: close other viewers, check the account's rights"
        return XueliangError(Kind.BUSY, said, where=where, fix=fix, facts=facts)
    if status in (404, 454):
        return XueliangError(Kind.NO_STREAM, said, where=where, fix="Check channel and path", facts=facts)
    if 300 <= status < 400:
        return XueliangError(Kind.PROTOCOL, f"{said}; redirects are not followed", where=where, facts=facts)
    if status == 461:
        fix = "Let the camera send over TCP or UDP unicast"
        return XueliangError(Kind.NO_STREAM, said, where=where, fix=fix, facts=facts)
    return XueliangError(Kind.PROTOCOL, said, where=where, facts=facts)
