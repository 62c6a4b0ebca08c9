"""Which pair of places a viewer's pictures go to: it may choose again, also one whose check was given up before."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from aioice import stun
from aioice.candidate import candidate_priority

from streaming.webrtc.ice import ViewerConnection
from streaming.webrtc.network import IceNetwork

UFRAG, PASSWORD = "viewer", "a" * 22


class Place(asyncio.DatagramProtocol):
    """One of a viewer's places: answers checks only when told to, and makes its own."""

    def __init__(self, to: tuple[str, int], name: str, key: str) -> None:
        self.to, self.name, self.key = to, name, key.encode()
        self.answers = False
        self.asked = asyncio.Event()
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = stun.parse_message(data)
        if message.message_class is not stun.Class.REQUEST:
            return
        self.asked.set()
        if self.answers:
            answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
            answer.attributes["XOR-MAPPED-ADDRESS"] = addr
            answer.add_message_integrity(PASSWORD.encode())
            self.transport.sendto(bytes(answer), addr)

    def check(self, *, choose: bool = False) -> None:
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = self.name
        request.attributes["PRIORITY"] = candidate_priority(1, "prflx")
        request.attributes["ICE-CONTROLLING"] = 1
        if choose:
            request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self.key)
        self.transport.sendto(bytes(request), self.to)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)


def chosen_again(ours: ViewerConnection, place: Place, own: tuple[str, int]) -> bool:
    place.check(choose=True)
    way = ours.way()
    return way is not None and way[2] == own


async def test_a_viewer_may_choose_a_pair_whose_check_was_given_up() -> None:
    ours = ViewerConnection(IceNetwork(("127.0.0.1",)), random.Random(1), lambda: None)
    ours.remote_username, ours.remote_password = UFRAG, PASSWORD
    await ours.gather_candidates()
    (told,) = ours.told()
    places: list[Place] = []
    loop = asyncio.get_running_loop()
    name = f"{ours.local_username}:{UFRAG}"
    for _ in range(2):
        _, place = await loop.create_datagram_endpoint(
            lambda: Place((told.address, told.port), name, ours.local_password), local_addr=("127.0.0.1", 0)
        )
        places.append(place)
    late, first = places
    own = [place.transport.get_extra_info("sockname") for place in places]
    connecting = asyncio.create_task(ours.connect())
    try:
        late.check()
        await asyncio.wait_for(late.asked.wait(), 5)  # ours to it is under way, and is not answered
        first.answers = True
        first.check(choose=True)
        await until(lambda: ours.way() is not None)
        await asyncio.wait_for(connecting, 5)
        way = ours.way()
        assert way is not None
        assert way[2] == own[1]
        assert ours.knows(ours._protocols[0], own[0])

        late.answers = True
        await until(lambda: chosen_again(ours, late, own[0]))
    finally:
        await ours.close()
        await asyncio.gather(connecting, return_exceptions=True)
        for place in places:
            place.transport.close()
