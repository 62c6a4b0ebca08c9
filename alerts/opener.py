"""Edge: the only place that opens a connection to a receiver of messages; only the address that was checked is used.

Receivers come from the configuration alone. No proxies are read from the environment; link-local addresses (where
clouds keep their metadata), wildcards and multicast are refused always, our own ports too, and loopback unless allowed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from config.address import NAT64, Address, unwrap
from config.errors import Kind, XueliangError
from config.text import printable

Resolver = Callable[[str], Awaitable[list[str]]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_NOWHERE = ipaddress.IPv4Network("0.0.0.0/8")
_READ = 64 * 1024


async def resolve(host: str) -> list[str]:
    """The system's resolver, as addresses without duplicates."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


@dataclass(frozen=True, slots=True)
class OpenerPolicy:
    """``deny`` names our own listeners and database; a wildcard address there stands for every loopback address."""

    allow_loopback: bool = False
    deny: tuple[tuple[str, int], ...] = ()

    def refusal(self, address: Address, port: int) -> str | None:
        """Why this address must not be contacted, or ``None``."""
        inner = unwrap(address)
        if any(_never(a) for a in (address, inner)):
            return "a wildcard, link-local, multicast or reserved address"
        if inner.is_loopback and not self.allow_loopback:
            return "an address of this machine itself"
        for host, denied in self.deny:
            own = ipaddress.ip_address(host)
            if denied == port and (unwrap(own) == inner or (own.is_unspecified and inner.is_loopback)):
                return f"port {port} there is a service of our own"
        return None


@dataclass(frozen=True, slots=True)
class Opener:
    policy: OpenerPolicy
    resolver: Resolver = resolve

    async def check(self, host: str, port: int) -> str:
        """The address to connect to. Raises ``NOT_ALLOWED`` (no socket was opened) and ``UNREACHABLE``."""
        where = f"{printable(host, 100)}:{port}"
        try:
            found: list[Address] = [ipaddress.ip_address(host)]
        except ValueError:
            found = await self._resolve(host, where)
        reason = "no address"
        for address in found:
            refusal = self.policy.refusal(address, port)
            if refusal is None:
                return str(unwrap(address) if address.version == 6 and address.ipv4_mapped else address)
            reason = refusal
        raise XueliangError(
            Kind.NOT_ALLOWED, f"not contacted: {reason}", where=where, fix="Look at alerts.destinations"
        )

    @asynccontextmanager
    async def opened(self, url: str, ca_file: Path | None) -> AsyncIterator[Streams]:
        """A connection to the host of ``url``, with TLS for https, closed at the end.

        The caller bounds the time. Raises ``NOT_ALLOWED``, ``UNREACHABLE``, ``REFUSED`` and ``PROTOCOL`` (TLS).
        """
        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        where = f"{printable(host, 100)}:{port}"
        address = await self.check(host, port)
        context = await asyncio.to_thread(_context, ca_file) if secure else None
        try:
            reader, writer = await asyncio.open_connection(
                address, port, ssl=context, server_hostname=host if secure else None, limit=_READ
            )
        except ssl.SSLError as error:
            what = f"no trusted TLS connection: {printable(error.reason or type(error).__name__, 100)}"
            raise XueliangError(Kind.PROTOCOL, what, where=where, fix="Look at its certificate, or ca_file") from error
        except ConnectionRefusedError as error:
            raise XueliangError(Kind.REFUSED, "nobody listens there", where=where) from error
        except OSError as error:
            what = f"no way to the receiver: {printable(error.strerror or type(error).__name__, 80)}"
            raise XueliangError(Kind.UNREACHABLE, what, where=where) from error
        try:
            yield reader, writer
        finally:
            # Whatever is still to be said, nobody waits for it: a receiver that does not read must not hold us.
            writer.transport.abort()

    async def _resolve(self, host: str, where: str) -> list[Address]:
        try:
            names = await self.resolver(host)
        except (OSError, UnicodeError) as error:
            raise XueliangError(Kind.UNREACHABLE, "nobody knows a host of this name", where=where) from error
        return [ipaddress.ip_address(name.partition("%")[0]) for name in names[:32]]


def _context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 and newer, certificate and name checked; ``ca_file`` instead of the system's authorities."""
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:
        raise XueliangError(
            Kind.INVALID, f"the certificate file cannot be used: {error.strerror}", where=str(ca_file or "")
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _never(address: Address) -> bool:
    bad = address.is_unspecified or address.is_link_local or address.is_multicast
    reserved = address.is_reserved and not (isinstance(address, ipaddress.IPv6Address) and address in NAT64)
    nowhere = isinstance(address, ipaddress.IPv4Address) and address in _NOWHERE
    return bad or nowhere or (reserved and not address.is_loopback and unwrap(address) == address)
