"""No two virtual fleets on one machine live at the same addresses, unless they were told to."""

from __future__ import annotations

import random
from typing import Any

from camera_gateway.simulator.own_network import FIRST_FREE, LAST, OwnNetwork


def test_one_that_is_taken_is_not_given_again() -> None:
    first, second, third = OwnNetwork(), OwnNetwork(), OwnNetwork()
    try:
        first.take(0, random.Random(7))
        second.take(0, random.Random(7))  # would choose the same
        assert first.number != second.number
        assert all(FIRST_FREE <= one.number <= LAST for one in (first, second))
        first.close()
        third.take(0, random.Random(7))
        assert third.number == first.number
    finally:
        for one in (first, second, third):
            one.close()


def test_a_given_port_gives_the_same_addresses_whoever_lives_there() -> None:
    first, second = OwnNetwork(), OwnNetwork()
    try:
        for one in (first, second):
            one.take(8554, random.Random(1))
        assert first.address(0) == second.address(0) == "127.55.0.1"
        assert first.address(250) == "127.55.1.1"
    finally:
        first.close()
        second.close()


async def test_fleets_beside_each_other_share_no_address(make_fleet: Any) -> None:
    fleets = [await make_fleet(cameras=2, listen=listen) for listen in ("wildcard", "address", "address")]
    hosts = [device.host for fleet in fleets for device in fleet.devices]
    assert len(set(hosts)) == 6
    assert len({host.split(".")[1] for host in hosts}) == 3
