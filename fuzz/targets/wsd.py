"""Pure: WS-Discovery datagrams, from the wire to what is found."""

from __future__ import annotations

from camera_gateway.discovery import wsd
from camera_gateway.discovery.found import Book, How, from_match
from config.errors import XueliangError

_MATCH = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="urn:a" xmlns:d="urn:d"><s:Header>'
    b"<a:RelatesTo>urn:uuid:1</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch><a:EndpointReference>"
    b"<a:Address>urn:uuid:2</a:Address></a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>"
    b"<d:Scopes>onvif://www.onvif.org/name/A%20B</d:Scopes><d:XAddrs>http://10.0.0.9/onvif/device_service "
    b"http://[fe80::1]/x</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches>"
    b"</s:Body></s:Envelope>"
)
SEEDS = [
    _MATCH,
    _MATCH.replace(b"ProbeMatches", b"Hello").replace(b"ProbeMatch", b"X"),
    *(wsd.probe(kind, "urn:uuid:3") for kind in wsd.ProbeType),
]


def one(data: bytes) -> None:
    try:
        message = wsd.read(data)
    except XueliangError:
        return
    if isinstance(message, wsd.Probe):
        assert message.message_id.isprintable()
        return
    book = Book()
    for match in message:
        found = from_match(match, "10.0.0.9", How.MULTICAST)
        assert found.xaddr is None or "//10.0.0.9" in found.xaddr
        assert found.name.isprintable()
        book.add(found)
