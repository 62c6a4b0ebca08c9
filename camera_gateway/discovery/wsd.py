"""Pure: WS-Discovery messages: the probes we send, the matches, hellos and byes that come back.

WS-Discovery (April 2005) sections 4 and 5, ONVIF Core Specification section 7. Read with tolerance: what a camera
gets wrong becomes a remark on the match, and only a datagram without any address or id is of no use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from camera_gateway.onvif import xml
from config.errors import Kind, XueliangError
from config.text import printable

PORT = 3702
GROUP = "239.255.255.250"
#: One datagram; the largest real match seen is 3 kB.
MAX_DATAGRAM = 16 * 1024
_MAX_MATCHES, _MAX_XADDRS, _MAX_SCOPES = 16, 16, 64

_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
_TO = "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
_TYPES = {
    "NVT": ('xmlns:dn="http://www.onvif.org/ver10/network/wsdl"', "dn:NetworkVideoTransmitter"),
    "Device": ('xmlns:tds="http://www.onvif.org/ver10/device/wsdl"', "tds:Device"),
}


class ProbeType(StrEnum):
    """Firmwares answer to one of these and stay silent to the others; so all three are sent."""

    NVT = "NVT"
    DEVICE = "Device"
    ANY = "any"


class Said(StrEnum):
    MATCH = "match"
    HELLO = "hello"
    BYE = "bye"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Match:
    """What one datagram says of one device; strings are printable. ``endpoint`` is its id, lower case, no prefix."""

    said: Said
    endpoint: str
    types: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    xaddrs: tuple[str, ...] = ()
    relates_to: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe as a responder sees it. ``types`` are local names; none asks for everything."""

    message_id: str
    types: tuple[str, ...]
    scopes: tuple[str, ...] = ()


def probe(kind: ProbeType, message_id: str) -> bytes:
    """One probe without a scope filter (firmwares disagree on matching); ``message_id`` is ``urn:uuid:...``."""
    declared, wanted = _TYPES.get(kind.value, ("", ""))
    types = f"<d:Types {declared}>{wanted}</d:Types>" if wanted else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{_SOAP}" xmlns:a="{_ADDRESSING}">'
        f'<s:Header><a:Action s:mustUnderstand="1">{_DISCOVERY}/Probe</a:Action>'
        f"<a:MessageID>{message_id}</a:MessageID>"
        "<a:ReplyTo><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>"
        f'<a:To s:mustUnderstand="1">{_TO}</a:To></s:Header>'
        f'<s:Body><d:Probe xmlns:d="{_DISCOVERY}">{types}</d:Probe></s:Body></s:Envelope>'
    ).encode()


def read(data: bytes) -> tuple[Match, ...] | Probe:
    """The matches (or hello, or bye) of a datagram, or the probe that it is.

    Raises ``TOO_LARGE`` and ``PROTOCOL`` as :func:`camera_gateway.onvif.xml.parse` does, and ``PROTOCOL`` for XML that
    is none of these.
    """
    if len(data) > MAX_DATAGRAM:
        raise XueliangError(Kind.TOO_LARGE, f"a discovery datagram of more than {MAX_DATAGRAM} bytes")
    root = xml.parse(data)
    body = xml.child(root, "Body")
    if body is None:
        raise XueliangError(Kind.PROTOCOL, "a discovery datagram without a SOAP body")
    header = xml.child(root, "Header")
    relates = printable(xml.text(header, "RelatesTo"), 100)
    if (asked := xml.child(body, "Probe")) is not None:
        types = tuple(t.rpartition(":")[2] for t in xml.text(asked, "Types").split()[:_MAX_SCOPES])
        return Probe(printable(xml.text(header, "MessageID"), 100), types, _words(asked, "Scopes", _MAX_SCOPES))
    if (hello := xml.child(body, "Hello")) is not None:
        return (_match(hello, Said.HELLO, relates),)
    if (bye := xml.child(body, "Bye")) is not None:
        return (_match(bye, Said.BYE, relates),)
    return _matches(body, relates)


def _matches(body: xml.Element, relates: str) -> tuple[Match, ...]:
    found = []
    bare = ("ProbeMatch stands outside ProbeMatches",) if xml.child(body, "ProbeMatches") is None else ()
    # Some devices put ProbeMatch straight into the body, some put ProbeMatches into a Header-less envelope.
    for element in xml.descendants(body, "ProbeMatch"):
        match = _match(element, Said.MATCH, relates, bare)
        if match.endpoint or match.xaddrs:
            found.append(match)
        if len(found) == _MAX_MATCHES:
            break
    if not found:
        raise XueliangError(Kind.PROTOCOL, "a discovery datagram that names no device")
    return tuple(found)


def _match(element: xml.Element, said: Said, relates: str, lacks: tuple[str, ...] = ()) -> Match:
    remarks = list(lacks)
    endpoint = xml.text(element, "EndpointReference", "Address")
    if not endpoint:
        remarks.append("no endpoint id")
    xaddrs = _words(element, "XAddrs", _MAX_XADDRS)
    if not xaddrs and said is Said.MATCH:
        remarks.append("no service address")
    types = tuple(t.rpartition(":")[2] for t in _words(element, "Types", _MAX_SCOPES))
    if not types and said is Said.MATCH:
        remarks.append("no types")
    if not relates and said is Said.MATCH:
        remarks.append("does not say which probe it answers")
    if said is Said.MATCH and not xml.text(element, "MetadataVersion").isdigit():
        remarks.append("no metadata version")
    scopes = _words(element, "Scopes", _MAX_SCOPES)
    return Match(said, _endpoint_id(endpoint), types, scopes, xaddrs, relates, tuple(remarks))


def _words(element: xml.Element, step: str, limit: int) -> tuple[str, ...]:
    return tuple(printable(w, 300) for w in xml.text(element, step).split()[:limit])


def _endpoint_id(address: str) -> str:
    """``urn:uuid:X``, ``uuid:X`` and bare ``X`` are the same endpoint, in any case."""
    return printable(re.sub(r"(?i)^(urn:)?(uuid:)?", "", address).lower(), 100)


def scope_value(scopes: tuple[str, ...], key: str) -> str:
    """The value of ``onvif://www.onvif.org/<key>/<value>``, or ``""``; the first non-empty one counts."""
    for scope in scopes:
        path = re.sub(r"(?i)^onvif://www\.onvif\.org/", "", scope)
        first, _, value = path.partition("/")
        if first.lower() == key and value:
            return printable(unquote(value), 100)
    return ""
