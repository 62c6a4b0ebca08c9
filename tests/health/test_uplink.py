"""Is it the cameras, or is it us?"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path

from camera_gateway.reach import Reach, ReachPolicy
from health.observation import Layer, Link, Observation, Picture, Tier
from health.own_network import Anchors, own_network
from health.uplink import OWN_UPLINK, OwnNetwork, UplinkGuard, UplinkSettings, as_unknown, evidence, network_failure


def guard(settings: UplinkSettings | None = None) -> UplinkGuard:
    return UplinkGuard(settings or UplinkSettings())


def heard(guard: UplinkGuard, begin: float, cameras: range, *, failed: bool, zones: int = 4) -> float:
    for i in cameras:
        begin += 0.1
        guard.note(f"c{i}", f"z{i % zones}", begin, failed=failed)
    return begin


def test_a_healthy_fleet_is_not_suspected() -> None:
    g = guard()
    now = heard(g, 0, range(400), failed=False)
    assert not g.suspected(now)


def test_a_few_dead_cameras_are_their_own_fault() -> None:
    g = guard()
    now = heard(g, 0, range(300), failed=False)
    now = heard(g, now, range(10), failed=True)
    now = heard(g, now, range(10, 40), failed=False)
    assert not g.suspected(now)


def test_when_all_go_silent_it_is_noticed_within_seconds() -> None:
    g = guard()
    now = heard(g, 0, range(480), failed=False)
    lost = now
    for i in range(480):
        now += 0.125  # 480 cameras a minute
        g.note(f"c{i}", f"z{i % 4}", now, failed=True)
        if g.suspected(now):
            break
    assert now - lost < 5.0


def test_one_lost_zone_is_not_our_uplink() -> None:
    g = guard()
    now = heard(g, 0, range(40), failed=False)
    for i in range(40):
        now += 0.1
        g.note(f"c{i}", f"z{i % 4}", now, failed=i % 4 == 0)
    assert not g.suspected(now)


def test_of_too_few_nothing_can_be_said() -> None:
    g = guard()
    heard(g, 0, range(2), failed=True)
    assert g.suspected(1.0)  # both of two
    g = guard()
    now = heard(g, 0, range(20), failed=False)
    now = heard(g, now, range(2), failed=True)
    assert not g.suspected(now)


def test_one_camera_that_fails_again_and_again_is_suspicious_only_while_nobody_answers() -> None:
    g = guard()
    now = heard(g, 0, range(6), failed=False)
    for second in (1.0, 11.0, 21.0):  # a slot of each kind and the first of the burst; no neighbour was due
        assert not g.suspected(now + second)
        g.note("c0", "z0", now + second, failed=True)
    assert g.suspected(now + 21.0)
    g.note("c1", "z1", now + 22.0, failed=False)
    assert not g.suspected(now + 22.0)


def test_old_results_are_forgotten() -> None:
    g = guard()
    heard(g, 0, range(100), failed=True)
    assert not g.suspected(1000.0)
    g.note("c0", "z", 1000.0, failed=False)
    assert not g.suspected(1000.0)


def test_evidence_is_what_was_there_and_is_gone() -> None:
    before = OwnNetwork(frozenset({"eth0", "eth1"}), frozenset({"0.0.0.0/0 on eth0"}))
    assert evidence(before, before, {}) is None
    assert evidence(before, before, {"10.0.0.1": True, "10.0.0.2": False}) is None
    assert evidence(before, before, {"10.0.0.1": False}) == "10.0.0.1 beyond our uplink does not answer either"
    down = OwnNetwork(frozenset({"eth1"}), before.routes)
    assert evidence(before, down, {"10.0.0.1": True}) == "our network interface eth0 is down"
    unrouted = OwnNetwork(before.interfaces, frozenset())
    assert evidence(before, unrouted, {}) == "our route 0.0.0.0/0 on eth0 is gone"
    assert evidence(OwnNetwork(), OwnNetwork(), {}) is None


def test_only_network_causes_count_and_the_check_then_says_nothing() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    seen = Observation("c", "p", Tier.PICTURE, at, Link.DOWN, Layer.STREAM, None, "timeout")
    assert network_failure(seen)
    assert not network_failure(Observation("c", "p", Tier.PICTURE, at, Link.DOWN, Layer.STREAM, None, "auth"))
    assert not network_failure(Observation("c", "p", Tier.PICTURE, at, Link.UP, Layer.PICTURE, Picture.BAD, "black"))
    unknown = as_unknown(seen, "our network interface eth0 is down")
    assert (unknown.link, unknown.cause, unknown.probe_id) == (Link.UNKNOWN, OWN_UPLINK, "p")


def test_the_kernel_s_files_are_read(tmp_path: Path) -> None:
    for name, state in (("lo", "unknown"), ("eth0", "up"), ("eth1", "down"), ("wg0", "unknown")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "operstate").write_text(f"{state}\n")
    routes = tmp_path / "route"
    routes.write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
        "eth1\t0000010A\t00000000\t0000\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    )
    seen = own_network(tmp_path, routes)
    assert seen.interfaces == frozenset({"eth0", "wg0"})
    assert seen.routes == frozenset({"0.0.0.0/0 on eth0", "10.0.0.0/16 on eth0"})
    nothing = own_network(tmp_path / "none", tmp_path / "none")
    assert nothing == OwnNetwork(None, None)
    assert isinstance(own_network(), OwnNetwork)


async def test_an_anchor_that_refuses_has_answered() -> None:
    class Taker(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transport.close()

    server = await asyncio.get_running_loop().create_server(Taker, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    policy = ReachPolicy((IPv4Network("127.0.0.0/24"),), allow_loopback=True)
    anchors = Anchors(Reach(policy), [("127.0.0.1", port)])
    assert await anchors.ask() == {"127.0.0.1": True}
    server.close()
    await server.wait_closed()
    assert await anchors.ask() == {"127.0.0.1": True}
    outside = Anchors(Reach(policy), [("10.255.255.1", 9)])
    assert await outside.ask() == {"10.255.255.1": False}
