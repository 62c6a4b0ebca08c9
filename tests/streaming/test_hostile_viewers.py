"""Viewers that mean harm: candidates that lead to cameras, too many of them, names, checks from elsewhere, garbage."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from aioice import stun

from streaming.candidate import MAX_CANDIDATES
from tests.support.live_rig import SDP, LiveRig, live
from tests.support.relay_rig import peer
from tests.support.udp_ports import own_ports

FRAGMENT = "application/trickle-ice-sdpfrag"
VIEWERS, CAMERAS = "127.0.8.0/24", "127.0.8.128/25"
#: ICE is given up after so long; by then everything that is ever contacted has been.
RULES = {"viewer_networks": [VIEWERS], "connect_seconds": 2}


@contextmanager
def listening(addresses: Sequence[str]) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        found = []
        for address in addresses:
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.setblocking(False)
            sock.bind((address, 0))
            found.append(sock)
        yield found


def reached(sock: socket.socket) -> bool:
    try:
        sock.recvfrom(2048)
    except BlockingIOError:
        return False
    return True


def lines(sockets: Sequence[socket.socket], first: int = 0) -> list[str]:
    """Each a candidate, the most wanted first."""
    found = []
    for number, sock in enumerate(sockets, first):
        address, port = sock.getsockname()
        found.append(f"a=candidate:{number} 1 udp {2_130_000_000 - number} {address} {port} typ host")
    return found


async def offer_with(candidates: Sequence[str]) -> str:
    """A true offer with other candidates than its own."""
    async with peer() as viewer:
        text = await viewer.offer()
    kept = [line for line in text.splitlines() if not line.startswith(("a=candidate", "a=end-of"))]
    return "\r\n".join([*kept, *candidates, ""])


async def given_up(town: LiveRig, text: str) -> None:
    answered = await town.whep("POST", "/whep/camera-0", await town.ticket(), text)
    assert answered.status == 201
    await town.until(town.ends)
    assert await town.ends() == ["no way through"]


async def test_no_packet_goes_to_a_camera_that_a_viewer_names(tmp_path: Path, clips: Path) -> None:
    with listening(["127.0.8.129", "127.0.9.1", "127.0.8.1"]) as (camera, elsewhere, viewer):
        async with live(tmp_path, clips, streaming=RULES, camera_networks=[CAMERAS]) as town:
            await given_up(town, await offer_with(lines([camera, elsewhere, viewer])))
        assert reached(viewer)
        assert not reached(camera)
        assert not reached(elsewhere)


async def test_of_many_candidates_sixteen_are_tried(tmp_path: Path, clips: Path) -> None:
    """Those of the offer and those that come later, together."""
    with listening([f"127.0.8.{number}" for number in range(1, 31)]) as sockets:
        async with live(tmp_path, clips, streaming=RULES) as town:
            ticket = await town.ticket()
            answered = await town.whep("POST", "/whep/camera-0", ticket, await offer_with(lines(sockets[:10])))
            later = "\r\n".join([*lines(sockets[10:], 10), ""])
            for _ in range(2):
                place = answered.headers["location"]
                assert (await town.whep("PATCH", place, ticket, later, FRAGMENT)).status == 204
            await town.until(town.ends)
        assert [reached(sock) for sock in sockets] == [True] * MAX_CANDIDATES + [False] * (30 - MAX_CANDIDATES)


async def test_names_are_never_resolved(tmp_path: Path, clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by the system nor by a question to the neighbours (mDNS, which would be one more socket)."""
    asked: list[object] = []
    true = socket.getaddrinfo

    def noted(host: object, *rest: object, **more: object) -> object:
        asked.append(host)
        return true(host, *rest, **more)  # type: ignore[arg-type]

    async with live(tmp_path, clips, streaming=RULES) as town:
        names = ("4f2c6d0e-5b1a-4f9c-8e57-aa01bb02cc03.local", "camera.example", "localhost")
        text = await offer_with([f"a=candidate:1 1 udp 2130000000 {name} 5000 typ host" for name in names])
        ticket, before = await town.ticket(), own_ports()
        monkeypatch.setattr(socket, "getaddrinfo", noted)
        answered = await town.whep("POST", "/whep/camera-0", ticket, text)
        assert len(own_ports() - before) == 1
        await town.until(town.ends)
        assert answered.status == 201
        assert await town.ends() == ["no way through"]
    assert not {str(host) for host in asked} & set(names)


async def test_a_check_from_outside_the_viewers_networks_is_not_answered(tmp_path: Path, clips: Path) -> None:
    """Even one with the right password."""
    with listening(["127.0.7.1", "127.0.8.1"]) as (outside, inside):
        async with live(tmp_path, clips, streaming=RULES) as town:
            text = await offer_with([])
            answered = (await town.whep("POST", "/whep/camera-0", await town.ticket(), text)).body.decode()
            user = f"{_value(answered, 'ice-ufrag')}:{_value(text, 'ice-ufrag')}"
            check = _check(user, _value(answered, "ice-pwd"))
            port = int(re.findall(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+) typ host", answered)[0])
            for sock in (outside, inside):
                sock.sendto(check, ("127.0.0.1", port))
            await town.until(lambda: reached(inside))
            assert not reached(outside)


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        ("", SDP, {(400, "offer")}),
        ("v=0\r\n" + "a=\n" * 2500, SDP, {(400, "offer")}),
        ("v=0\r\n" + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 100, SDP, {(400, "offer")}),
        ("v=0\r\na=" + "x" * 300_000, SDP, {(400, "offer"), (413, "too_large")}),
        ("v=0\r\n" + "\0\x1b[2J" * 50, SDP, {(400, "offer")}),
        ("{}", "application/json", {(415, "media_type")}),
        ("v=0\r\n", "", {(415, "media_type")}),
    ],
    ids=["empty", "many lines", "many sections", "long", "control characters", "JSON", "no type"],
)
async def test_garbage_is_a_bounded_refusal(
    town: LiveRig, body: str, kind: str, expected: set[tuple[int, str]]
) -> None:
    before = own_ports()
    answered = await town.whep("POST", "/whep/camera-0", await town.ticket(), body, kind)
    assert (answered.status, answered.code) in expected
    assert len(answered.body) < 4096
    assert not any(character in answered.body for character in b"\0\x1b")
    assert town.views.relay.capacity.total == 0
    assert own_ports() == before


def _value(text: str, name: str) -> str:
    found = re.search(rf"a={name}:(\S+)", text)
    assert found is not None
    return found[1]


def _check(user: str, password: str) -> bytes:
    """A binding request as a controlling viewer sends it (RFC 8445 section 7.2.2)."""
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = user
    request.attributes["PRIORITY"] = 1_862_270_975
    request.attributes["ICE-CONTROLLING"] = 7
    request.add_message_integrity(password.encode())
    return bytes(request)
