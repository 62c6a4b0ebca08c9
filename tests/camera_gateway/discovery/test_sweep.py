"""Edge: searches over loopback for virtual devices, and what must not be asked or heard."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace

import pytest

from camera_gateway.discovery import wsd
from camera_gateway.discovery.found import Found, How
from camera_gateway.discovery.listener import Listener
from camera_gateway.discovery.sweep import Search, addresses, discover, parse_networks
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.simulator.camera import VirtualDevice, set_fault
from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.onvif_discovery import DiscoveryResponder
from camera_gateway.simulator.onvif_messages import probe_matches
from config.clock import SystemClock
from config.errors import Kind, XueliangError
from tests.support.onvif_rig import utc, virtual_device

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def responder(*devices: VirtualDevice) -> AsyncIterator[tuple[DiscoveryResponder, int]]:
    by_host = {d.host: d for d in devices}
    answering = DiscoveryResponder(by_host.get, lambda: devices, SystemClock(), random.Random(1))
    port = await answering.start(0)
    try:
        yield answering, port
    finally:
        await answering.stop()


async def search(what: Search, reach: Reach | None = None) -> list[Found]:
    what.wait = min(what.wait, 0.2)
    async with asyncio.timeout(20):
        return [f async for f in discover(what, SystemClock(), random.Random(2), reach)]


async def test_a_group_probe_finds_every_device_from_its_own_address() -> None:
    devices = [virtual_device(f"127.0.6.{n}") for n in range(1, 101)]
    async with responder(*devices) as (_, port):
        found = await search(Search(interface=LOOPBACK, port=port, rounds=1))
    assert {f.address for f in found} == {d.host for d in devices}
    assert {f.how for f in found} == {How.MULTICAST}
    assert all(f.xaddr == f"http://{f.address}:80/onvif/device_service" for f in found)
    assert len(found) == 100


async def test_a_sweep_asks_each_address_of_the_range_and_no_other() -> None:
    inside, outside = virtual_device("127.0.7.9"), virtual_device("127.0.8.9")
    async with responder(inside, outside) as (answering, port):
        found = await search(Search(parse_networks(["127.0.7.0/28"]), multicast=False, port=port, rate=5000))
        assert [(f.address, f.how) for f in found] == [("127.0.7.9", How.UNICAST)]
        assert answering.answered == 1


async def test_answers_from_outside_the_ranges_are_not_heard() -> None:
    devices = [virtual_device("127.0.7.9"), virtual_device("127.0.8.9")]
    async with responder(*devices) as (_, port):
        what = Search(parse_networks(["127.0.7.0/28"]), interface=LOOPBACK, port=port, rounds=1)
        found = await search(what)
    assert [f.address for f in found] == ["127.0.7.9"]
    assert what.stats.foreign >= 1


async def test_devices_that_are_away_do_not_answer() -> None:
    device = virtual_device("127.0.7.9")
    set_fault(device.channels[0], Fault.LINK_LOST, True, utc())
    async with responder(device) as (_, port):
        assert await search(Search(parse_networks(["127.0.7.8/30"]), interface=LOOPBACK, port=port)) == []


async def test_two_devices_with_one_id_are_two_finds() -> None:
    first = virtual_device("127.0.7.9")
    second = virtual_device("127.0.7.10")
    second.identity = replace(second.identity, serial=first.identity.serial)
    async with responder(first, second) as (_, port):
        found = await search(Search(interface=LOOPBACK, port=port, rounds=1))
    assert len({f.endpoint for f in found}) == 1
    assert len(found) == 2


async def test_the_rate_is_held() -> None:
    async with responder(virtual_device("127.0.7.9")) as (_, port):
        began = time.monotonic()
        await search(Search(parse_networks(["127.0.7.0/26"]), multicast=False, port=port, rate=200, rounds=1))
        assert time.monotonic() - began >= 61 / 200


async def test_open_ports_are_found_through_the_reach_only() -> None:
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.7.9", 0)
    port = server.sockets[0].getsockname()[1]
    what = Search(parse_networks(["127.0.7.8/30"]), multicast=False, ports=(port,), rate=5000, rounds=0)
    with pytest.raises(XueliangError) as caught:
        await search(what)
    assert caught.value.kind is Kind.NOT_ALLOWED
    found = await search(what, Reach(ReachPolicy.any()))
    assert [(f.address, f.port, f.how, f.xaddr) for f in found] == [("127.0.7.9", port, How.TCP, None)]
    assert await search(what, Reach(ReachPolicy(()))) == []
    server.close()
    await server.wait_closed()


async def test_floods_and_garbage_are_counted_and_bounded() -> None:
    clock = random.Random(3)
    async with Listener(clock) as listener:
        assert listener.transport is not None
        to = (LOOPBACK, listener.transport.get_extra_info("sockname")[1])
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
            for data in (
                b"",
                b"garbage",
                b"<a/>",
                b"<!DOCTYPE a><a/>",
                b"x" * 60_000,
                wsd.probe(wsd.ProbeType.ANY, "m"),
            ):
                sock.sendto(data, to)
            good = probe_matches(virtual_device(LOOPBACK), "urn:uuid:1", "urn:uuid:2")
            for _ in range(500):
                sock.sendto(good, to)
        await _until(lambda: listener.stats.received >= 506)
        assert listener.stats.refused == 5
        assert [f.address for f in listener.waiting] == [LOOPBACK]


async def test_the_granted_buffer_is_told() -> None:
    async with Listener(random.Random(1)) as listener:
        assert listener.stats.granted_buffer > 0
        assert bool(listener.advice) == (listener.stats.granted_buffer < 4 * 1024 * 1024)
        assert not listener.advice or "sysctl -w net.core.rmem_max=" in listener.advice


async def test_a_search_given_up_leaves_nothing_behind() -> None:
    async with responder(virtual_device("127.0.7.9"), virtual_device("127.0.7.10")) as (_, port):
        found = discover(Search(interface=LOOPBACK, port=port), SystemClock(), random.Random(1))
        await anext(found)
        await found.aclose()  # type: ignore[attr-defined]
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("text", ["", "x", "10.0.0.0/33", "fd00::/64", "10.0.0.0/8", "10.0.0.1-9"])
def test_ranges_that_are_none(text: str) -> None:
    with pytest.raises(XueliangError) as caught:
        parse_networks([text])
    assert caught.value.kind is Kind.INVALID


def test_ranges_are_walked_in_turn_without_repeats() -> None:
    networks = parse_networks(["10.0.0.0/30", "10.0.1.0/30", "10.0.0.0/30", "10.0.2.7"])
    assert list(addresses(networks)) == ["10.0.0.1", "10.0.1.1", "10.0.2.7", "10.0.0.2", "10.0.1.2"]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - datagrams are counted, not signalled
            await asyncio.sleep(0)
