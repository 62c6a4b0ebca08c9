"""Wiring: a request with login, and what the camera's refusals mean."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from camera_gateway.attempts import AttemptGate
from camera_gateway.rtsp import digest
from camera_gateway.rtsp.connection import Connection
from camera_gateway.rtsp.message import Headers, Request, Response
from camera_gateway.rtsp.states import State
from camera_gateway.rtsp.timing import Timings
from camera_gateway.target import StreamTarget
from config.clock import Clock
from config.errors import Kind, XueliangError
from config.text import printable

USER_AGENT = ("User-Agent", "xueliang")

Headings = tuple[tuple[str, str], ...]


class Exchange:
    """Requests over one connection; logs in when asked to, once, and stays logged in.

    ``address`` is the checked address of the device: the budget of login tries is kept by it. ``redial`` makes a
    second connection, for a camera that closes the first one after it asked for a login.
    """

    def __init__(
        self,
        connection: Connection,
        target: StreamTarget,
        address: str,
        gate: AttemptGate,
        clock: Clock,
        timings: Timings,
        redial: Callable[[], Awaitable[Connection]] | None = None,
    ) -> None:
        self.connection = connection
        self.target = target
        self._address = address
        self._gate = gate
        self._clock = clock
        self._timings = timings
        self._redial = redial
        self._login: digest.Login | None = None
        self._tried = False

    @property
    def login(self) -> str:
        """``none``, ``basic`` or ``digest MD5`` and so on, as far as the camera asked for one."""
        if self._login is None:
            return "none"
        challenge = self._login.challenge
        if challenge.scheme == "basic":
            return "basic"
        return f"digest {printable(challenge.algorithm, 20) or 'MD5'}"

    async def ask(self, method: str, uri: str, headers: Headings = ()) -> Response:
        """The reply, whatever its status but 401.

        Raises ``AUTH``, ``LOCKED``, ``BUSY`` (a 401 after the password was accepted), ``TIMEOUT``, and what ended
        the connection.
        """
        response = await self.connection.ask(method, uri, self.headers(method, uri, headers))
        if response.status != 401:
            return response
        began = self._clock.monotonic()
        if self._login is not None:
            return await self._renew(method, uri, headers, response)
        try:
            return await self._log_in(method, uri, headers, response)
        finally:
            if self._tried:  # else nothing was sent that could take time
                self._timings.auth = self._clock.monotonic() - began

    def headers(self, method: str, uri: str, extra: Headings = ()) -> Headings:
        """What every request carries: agent, session once there is one, login once it was asked for."""
        made = (USER_AGENT, *extra)
        if self.connection.session:
            made += (("Session", self.connection.session),)
        if self._login is not None:
            made += (("Authorization", self._login.header(method, uri)),)
        return made

    def teardown(self, uri: str) -> Request:
        return Request("TEARDOWN", uri, Headers(self.headers("TEARDOWN", uri)))

    def refresh(self, response: Response) -> None:
        """Takes the new nonce out of a 401 to a keep-alive, so that the next one is right."""
        if self._login is not None and digest.parse_challenges(response.headers.get_all("WWW-Authenticate")):
            self._login = self._answer_to(response)

    async def _log_in(self, method: str, uri: str, headers: Headings, response: Response) -> Response:
        credentials = self.target.credentials
        where = self.connection.where
        if credentials is None:
            raise XueliangError(
                Kind.AUTH, "the camera asks for user and password", where=where, fix="Enter them for this device"
            )
        login = self._answer_to(response)
        key = credentials.key(self._address)
        async with self._gate.attempt(key) as attempt:
            self._login = login
            before = self.connection
            response = await self._first_with_login(method, uri, headers)
            if response.status == 401:
                fresh = digest.parse_challenges(response.headers.get_all("WWW-Authenticate"))
                foreign = self.connection is not before  # the nonce of one connection may not count on the next
                if any((c.stale or foreign) and c.nonce != login.challenge.nonce for c in fresh):
                    self._login = self._answer_to(response)
                    response = await self.connection.ask(method, uri, self.headers(method, uri, headers))
            if response.status == 401:
                self._login = None
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

    async def _first_with_login(self, method: str, uri: str, headers: Headings) -> Response:
        """Some cameras close the connection after a 401: then once more over a new one, within the same try."""
        connection = self.connection
        replies = connection.replies
        self._tried = True
        try:
            return await connection.ask(method, uri, self.headers(method, uri, headers))
        except XueliangError:
            unheard = connection.state is State.CLOSED and connection.replies == replies
            if self._redial is None or method != "DESCRIBE" or not unheard:
                raise
        self.connection = await self._redial()
        return await self.connection.ask(method, uri, self.headers(method, uri, headers))

    async def _renew(self, method: str, uri: str, headers: Headings, response: Response) -> Response:
        """A 401 although this very connection logged in: a new nonce at most; else the camera means something else."""
        before = self._login
        login = self._answer_to(response)
        if before is None or login.challenge.nonce != before.challenge.nonce:
            self._login = login
            response = await self.connection.ask(method, uri, self.headers(method, uri, headers))
            if response.status != 401:
                return response
        raise XueliangError(
            Kind.BUSY,
            f"the camera refuses {method} after it accepted the password; a full session table does this",
            where=self.connection.where,
            fix="Close other viewers of the camera, or restart it",
        )

    def _answer_to(self, response: Response) -> digest.Login:
        credentials = self.target.credentials
        assert credentials is not None
        challenges = digest.parse_challenges(response.headers.get_all("WWW-Authenticate"))
        try:
            chosen = digest.choose(challenges, credentials)
        except XueliangError as error:
            raise XueliangError(error.kind, error.what, where=self.connection.where, fix=error.fix) from None
        return digest.Login(chosen, credentials.user, credentials.password.get_secret_value())


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
