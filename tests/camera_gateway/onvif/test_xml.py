"""Pure: what XML from strangers may and may not be."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.onvif import envelope, xml
from camera_gateway.onvif.faults import fault_of
from config.errors import Kind, XueliangError

GOOD = envelope.envelope(
    envelope.INFORMATION.body, envelope.security("a", "b", datetime(2026, 1, 1, tzinfo=UTC), b"n" * 16)
)

BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;">
<!ENTITY lol3 "&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;">]><lolz>&lol3;</lolz>"""

REFUSED = {
    "billion laughs": BOMB,
    "external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "doctype alone": b"<!DOCTYPE html><html/>",
    "doctype in small letters": b"<!doctype html><html/>",
    "doctype after the root": b"<a/><!DOCTYPE a>",
    "UTF-16": '<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"),
    "UTF-16 without mark": "<a/>".encode("utf-16-le"),
    "UTF-32": "<a/>".encode("utf-32"),
    "latin-1": '<?xml version="1.0" encoding="latin-1"?><a>é</a>'.encode("latin-1"),
    "undefined entity": b"<a>&nbsp;</a>",
    "empty": b"",
    "spaces": b"   ",
    "garbage": bytes(range(1, 256)),
    "HTML": b"<html><body><p>404<br></body></html>",
    "not closed": b"<a><b>",
    "two roots": b"<a/><b/>",
}
TOO_LARGE = {
    "2 MiB": b"<a>" + b"x" * (2 * 1024 * 1024) + b"</a>",
    "deep": b"<a>" * 100 + b"</a>" * 100,
    "many elements": b"<a>" + b"<b/>" * 200_000 + b"</a>",
    "many attributes": b"<a " + b" ".join(b'b%d=""' % i for i in range(70_000)) + b"/>",
    "many namespaces": b"<a " + b" ".join(b'xmlns:n%d="u"' % i for i in range(5_000)) + b"/>",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    with pytest.raises(XueliangError) as caught:
        xml.parse(REFUSED[name])
    assert caught.value.kind is Kind.PROTOCOL
    assert "root:" not in str(caught.value)


@pytest.mark.parametrize("name", TOO_LARGE)
def test_refuses_what_grows_at_once(name: str) -> None:
    began = time.process_time()
    with pytest.raises(XueliangError) as caught:
        xml.parse(TOO_LARGE[name])
    assert caught.value.kind is Kind.TOO_LARGE
    assert time.process_time() - began < 0.5


def test_the_declared_encoding_is_not_believed_over_the_bytes() -> None:
    root = xml.parse('<?xml version="1.0" encoding="gb2312"?><a>村口</a>'.encode())
    assert root.text == "村口"


def test_names_are_compared_without_their_namespaces() -> None:
    root = xml.parse(b'<a xmlns="urn:1"><n:b xmlns:n="urn:2"> x </n:b><!-- c --><?p i?></a>')
    assert xml.text(root, "b") == "x"
    assert xml.text(root, "b", "c") == ""
    assert len(root) == 1


def test_cut_at_every_byte_it_is_refused_and_nothing_else() -> None:
    for end in range(len(GOOD)):
        with pytest.raises(XueliangError):
            xml.parse(GOOD[:end])
    assert xml.name(xml.parse(GOOD)) == "Envelope"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_it_parses_or_is_refused(data: st.DataObject) -> None:
    mutated = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        mutated[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    try:
        fault = fault_of(envelope.body_of(bytes(mutated)))
    except XueliangError as error:
        kind = error.kind
    else:
        kind = Kind.PROTOCOL
        assert fault is None or fault.reason.isprintable()
    assert kind in (Kind.PROTOCOL, Kind.TOO_LARGE)
