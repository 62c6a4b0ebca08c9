"""Where a socket may be opened, and what the network's answers mean."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import pytest

from camera_gateway.reach import Reach, ReachPolicy
from config.errors import Kind, XueliangError

CAMERAS = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("2001:db8:1::/48"))


async def kind(reach: Reach, host: str, port: int | None = 554) -> Kind | None:
    try:
        await reach.check(host, port)
    except XueliangError as error:
        return error.kind
    return None


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "0.1.2.3",
        "169.254.0.1",
        "224.0.0.251",
        "239.255.255.250",
        "255.255.255.255",
        "240.0.0.1",
        "::",
        "fe80::1",
        "ff02::c",
        "::ffff:169.254.0.1",
        "::ffff:0.0.0.0",
        "64:ff9b::a9fe:1",
        "2002:a9fe:1::",
        "fe80::1%eth0",
    ],
)
async def test_always_denied(host: str) -> None:
    assert await kind(Reach(ReachPolicy.any()), host) is Kind.NOT_ALLOWED


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
async def test_loopback_only_where_listed(host: str) -> None:
    everywhere = ReachPolicy.any().networks
    assert await kind(Reach(ReachPolicy(everywhere)), host) is Kind.NOT_ALLOWED
    assert await kind(Reach(ReachPolicy(everywhere, allow_loopback=True)), host) is None
    assert await kind(Reach(ReachPolicy(CAMERAS, allow_loopback=True)), host) is Kind.NOT_ALLOWED


async def test_networks_and_ports() -> None:
    reach = Reach(ReachPolicy(CAMERAS, (range(554, 555), range(8000, 8100))))
    assert await reach.check("10.1.2.3", 554) == "10.1.2.3"
    assert await reach.check("::ffff:10.1.2.3", 8099) == "10.1.2.3"
    assert await reach.check("2001:db8:1::7", 554) == "2001:db8:1::7"
    assert await reach.check("10.1.2.3", None) == "10.1.2.3"
    assert await kind(reach, "10.2.0.1") is Kind.NOT_ALLOWED
    assert await kind(reach, "10.1.2.3", 22) is Kind.NOT_ALLOWED
    assert await kind(Reach(ReachPolicy(())), "10.1.2.3") is Kind.NOT_ALLOWED


async def test_our_own_services_are_denied() -> None:
    policy = ReachPolicy.any(deny=(("127.0.0.1", 8080), ("0.0.0.0", 9090)))
    reach = Reach(policy)
    assert await kind(reach, "127.0.0.1", 8080) is Kind.NOT_ALLOWED
    assert await kind(reach, "::ffff:127.0.0.1", 8080) is Kind.NOT_ALLOWED
    assert await kind(reach, "127.0.0.2", 8080) is None
    assert await kind(reach, "127.4.4.4", 9090) is Kind.NOT_ALLOWED, "a wildcard listener is on every address of ours"
    assert await kind(reach, "127.0.0.1", 8081) is None


async def test_names_are_resolved_once_and_the_checked_address_is_used() -> None:
    asked: list[str] = []

    async def resolver(host: str) -> list[str]:
        asked.append(host)
        return ["169.254.7.7", "not an address", "10.1.0.9"] if host == "cam" else ["192.0.2.1"]

    reach = Reach(ReachPolicy(CAMERAS), resolver)
    assert await reach.check("cam", 554) == "10.1.0.9"
    assert asked == ["cam"]
    assert await kind(reach, "elsewhere") is Kind.NOT_ALLOWED

    async def unknown(host: str) -> list[str]:
        raise socket.gaierror("no such host")

    assert await kind(Reach(ReachPolicy(CAMERAS), unknown), "cam") is Kind.UNREACHABLE
    assert await kind(Reach(ReachPolicy(CAMERAS), unknown), "x" * 300) is Kind.INVALID


async def test_connect_refused_and_timed_out() -> None:
    reach = Reach(ReachPolicy.any())
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        port = full.getsockname()[1]
        with pytest.raises(XueliangError) as refused:
            await reach.connect("127.0.0.1", port, asyncio.Protocol, deadline=1)
        assert refused.value.kind is Kind.REFUSED
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        with pytest.raises(XueliangError) as late:
            await reach.connect("127.0.0.1", port, asyncio.Protocol, deadline=0.05)
        assert late.value.kind is Kind.TIMEOUT
        for filler in fillers:
            filler.close()


async def test_datagram_port_taken() -> None:
    reach = Reach(ReachPolicy.any())
    first, _ = await reach.datagram("127.0.0.1", asyncio.DatagramProtocol, receive_buffer=65536)
    port = first.get_extra_info("sockname")[1]
    with pytest.raises(XueliangError) as taken:
        await reach.datagram("127.0.0.1", asyncio.DatagramProtocol, local_port=port)
    assert taken.value.kind is Kind.LIMIT
    first.close()
    with pytest.raises(XueliangError) as denied:
        await reach.datagram("169.254.1.1", asyncio.DatagramProtocol)
    assert denied.value.kind is Kind.NOT_ALLOWED
