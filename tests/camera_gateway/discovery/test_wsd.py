"""Pure: discovery datagrams of all makes, cut and mutated."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.discovery import wsd
from camera_gateway.discovery.found import Book, Conflict, Found, How, conflicts, endpoint_conflicts, from_match
from camera_gateway.simulator.onvif_messages import probe_matches
from config.errors import Kind, XueliangError
from tests.support.onvif_rig import virtual_device

GOOD = probe_matches(virtual_device(), "urn:uuid:1", "urn:uuid:2")


def _match(inner: str, *, wrap: str = "ProbeMatches", header: str = "") -> wsd.Match:
    matched = f"<ProbeMatch>{inner}</ProbeMatch>"
    body = f"<{wrap}>{matched}</{wrap}>" if wrap else matched
    message = wsd.read(f"<Envelope>{header}<Body>{body}</Body></Envelope>".encode())
    assert isinstance(message, tuple)
    return message[0]


@pytest.mark.parametrize("kind", wsd.ProbeType)
def test_a_probe_is_read_as_it_was_meant(kind: wsd.ProbeType) -> None:
    asked = wsd.read(wsd.probe(kind, "urn:uuid:abc"))
    assert isinstance(asked, wsd.Probe)
    assert asked.message_id == "urn:uuid:abc"
    types = {"NVT": ("NetworkVideoTransmitter",), "Device": ("Device",), "any": ()}
    assert asked.types == types[kind]
    assert asked.scopes == ()


def test_a_good_match_has_no_remark() -> None:
    (match,) = wsd.read(GOOD)  # type: ignore[misc]
    assert match.said is wsd.Said.MATCH
    assert match.relates_to == "urn:uuid:1"
    assert match.types == ("NetworkVideoTransmitter", "Device")
    assert wsd.scope_value(match.scopes, "name") == "Virtual VC-1"
    assert match.remarks == ()


def test_a_match_outside_its_list_and_without_half_its_parts_still_counts() -> None:
    """ipycam and older doorbells."""
    match = _match("<XAddrs>http://10.0.0.9:8080/onvif/device_service</XAddrs>", wrap="")
    found = from_match(match, "10.0.0.9", How.MULTICAST)
    assert (found.address, found.port) == ("10.0.0.9", 8080)
    assert set(found.remarks) >= {
        "ProbeMatch stands outside ProbeMatches",
        "no endpoint id",
        "no types",
        "no metadata version",
    }


@pytest.mark.parametrize("written", ["urn:uuid:AB-1", "uuid:ab-1", "AB-1", "URN:UUID:ab-1"])
def test_endpoints_are_the_same_however_written(written: str) -> None:
    assert _match(f"<EndpointReference><Address>{written}</Address></EndpointReference>").endpoint == "ab-1"


def test_hello_and_bye() -> None:
    for said in (wsd.Said.HELLO, wsd.Said.BYE):
        name = said.value.capitalize()
        data = f"<Envelope><Body><{name}><XAddrs>http://h/</XAddrs></{name}></Body></Envelope>".encode()
        (match,) = wsd.read(data)  # type: ignore[misc]
        assert match.said is said


def test_the_host_that_answered_is_the_one_to_call() -> None:
    match = _match("<XAddrs>http://0.0.0.0/a http://169.254.2.2/b http://192.168.1.64:8000/onvif/c</XAddrs>")
    found = from_match(match, "10.0.0.9", How.UNICAST)
    assert found.xaddr == "http://10.0.0.9:8000/onvif/c"
    assert {"service addresses nobody can dial", "service addresses of another host"} <= set(found.remarks)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"<a/>",
        b"<Envelope><Body/></Envelope>",
        b"<!DOCTYPE a><a/>",
        b"<a>" + b"x" * 17_000 + b"</a>",
        b"RTSP/1.0 200",
    ],
)
def test_what_names_no_device_is_refused(data: bytes) -> None:
    with pytest.raises(XueliangError) as caught:
        wsd.read(data)
    assert caught.value.kind in (Kind.PROTOCOL, Kind.TOO_LARGE)


def test_a_flood_of_matches_in_one_datagram_is_capped() -> None:
    many = b"<ProbeMatch><XAddrs>http://h/</XAddrs></ProbeMatch>" * 200
    assert len(wsd.read(b"<Envelope><Body>" + many + b"</Body></Envelope>")) == 16  # type: ignore[arg-type]


def test_cut_at_every_byte() -> None:
    for end in range(len(GOOD)):
        with pytest.raises(XueliangError):
            wsd.read(GOOD[:end])


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 5), st.binary(max_size=8))
def test_mutated(at: int, gone: int, put: bytes) -> None:
    message: tuple[wsd.Match, ...] | wsd.Probe | Kind
    try:
        message = wsd.read(GOOD[:at] + put + GOOD[at + gone :])
    except XueliangError as error:
        message = error.kind
    assert not isinstance(message, Kind) or message in (Kind.PROTOCOL, Kind.TOO_LARGE)
    if isinstance(message, tuple):
        for match in message:
            found = from_match(match, "10.0.0.9", How.MULTICAST)
            assert found.xaddr is None or "//10.0.0.9" in found.xaddr
            assert all(s.isprintable() for s in (*found.scopes, *found.xaddrs, found.endpoint))


def _found(address: str, endpoint: str = "e", xaddr: str | None = "http://x/") -> Found:
    return Found(address, 80, How.MULTICAST, xaddr, endpoint=endpoint, types=("Device",))


def test_one_entry_per_address_and_only_news_are_told() -> None:
    book = Book()
    assert book.add(_found("10.0.0.1", endpoint="")) is not None
    assert not book.complete("10.0.0.1")
    assert book.add(_found("10.0.0.1", endpoint="")) is None
    merged = book.add(_found("10.0.0.1", endpoint="e"))
    assert merged is not None
    assert merged.endpoint == "e"
    assert book.complete("10.0.0.1")
    opened = book.add(Found("10.0.0.1", 554, How.TCP, open_ports=(554,)))
    assert opened is not None
    assert (opened.how, opened.open_ports, opened.endpoint) == (How.MULTICAST, (554,), "e")


def test_a_full_book_counts_what_it_leaves_out() -> None:
    book = Book(limit=2)
    for n in range(5):
        book.add(_found(f"10.0.0.{n}"))
    assert (len(book.entries), book.overflow) == (2, 3)


def test_addresses_with_the_same_id_stay_apart_and_are_a_conflict() -> None:
    found = [_found("10.0.0.1", "same"), _found("10.0.0.2", "SAME"), _found("10.0.0.3", "own"), _found("10.0.0.4", "")]
    assert endpoint_conflicts(found) == [Conflict("endpoint", "same", ("10.0.0.1", "10.0.0.2"))]
    claims = [("serial", "1", "a"), ("mac", "1", "b"), ("serial", "1", "a"), ("serial", "", "c"), ("serial", "", "d")]
    assert conflicts(claims) == []
