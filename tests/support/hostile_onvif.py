"""Edge: devices that speak HTTP, ONVIF and discovery wrongly, each a function."""

from __future__ import annotations

import asyncio
import random
import re
from typing import cast

from tests.support.hostile_talk import Behaviour, Talk, silence


def _http_answer(body: bytes, more: str = "") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _envelope(body: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>{body}</s:Body></s:Envelope>'.encode()
    )


_ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
_BOMB = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "lol">{_ENTITIES}]>'.encode() + _envelope("&e9;")
_DTD = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + _envelope("<t>&f;</t>")
_DEEP = _envelope("<a>" * 20_000 + "</a>" * 20_000)


def _answers(answer: bytes) -> Behaviour:
    async def behave(talk: Talk) -> None:
        await talk.request()
        await talk.send(answer)
        await talk.silence()

    return behave


async def _body_endless(talk: Talk) -> None:
    await talk.request()
    await talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await talk.for_ever(lambda: b"1000\r\n" + b"<a></a>." * 512 + b"\r\n")


async def _http_garbage(talk: Talk) -> None:
    await talk.request()
    await talk.for_ever(lambda: random.Random(3).randbytes(4000))


ONVIF: dict[str, Behaviour] = {
    "xml bomb": _answers(_http_answer(_BOMB)),
    "xml dtd": _answers(_http_answer(_DTD)),
    "xml deep": _answers(_http_answer(_DEEP)),
    "xml cut": _answers(_http_answer(_envelope("<a>")[:-30])),
    "soap body endless": _body_endless,
    "http garbage": _http_garbage,
    "soap silence": silence,
}


async def named_device(talk: Talk) -> None:
    """A device whose every name is an attack. XML carries no ESC, but C1 controls and overrides."""
    name = "\u009b31m&lt;script&gt;alert(1)&lt;/script&gt;\u202egpj.exe\u0085\u2028"
    fields = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber", "HardwareId")
    told = "".join(f"<tds:{field}>{name}</tds:{field}>" for field in fields)
    space = 'xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
    information = _envelope(f"<tds:GetDeviceInformationResponse {space}>{told}</tds:GetDeviceInformationResponse>")
    fault = _envelope(
        f"<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>{name}</s:Text></s:Reason></s:Fault>"
    )
    while True:
        head = (await talk.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = re.search(r"content-length:\s*(\d+)", head)
        body = await talk.reader.readexactly(int(length[1]) if length else 0)
        await talk.send(_http_answer(information if b"GetDeviceInformation" in body else fault))


class Discovered(asyncio.DatagramProtocol):
    """Answers every probe with matches: one full of evil names, one that is no XML, one that is a bomb."""

    def __init__(self, xaddr: str) -> None:
        self.xaddr = xaddr
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = re.search(rb"MessageID>([^<]+)<", data)
        relates = asked[1].decode() if asked else ""
        match = (
            '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
            'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
            'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">'
            f"<s:Header><a:RelatesTo>{relates}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>"
            "<a:EndpointReference><a:Address>urn:uuid:77777777-0000-4000-8000-\u009b31m\u202e</a:Address>"
            "</a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>"
            "<d:Scopes>onvif://www.onvif.org/name/%1b%5b2J%3Cscript%3E onvif://www.onvif.org/hardware/\u009b\u202e</d:Scopes>"
            f"<d:XAddrs>{self.xaddr} file:///etc/passwd http://127.0.0.1:22/</d:XAddrs>"
            "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
        )
        for answer in (match.encode(), b"\xff\x00<" * 100, _BOMB):
            self.transport.sendto(answer, addr)
