"""Wiring: viewers in a process of their own: true ICE, DTLS and reports; pictures are read and dropped undecoded.

``python -m bench.relay_viewers ADDRESS`` prints ``{}`` and then answers each JSON line with another: ``whep`` and
``janus`` open views, ``count`` tells packets and bytes since the last count, ``close`` ends all.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import uvloop

from bench.fleet import raise_file_limit
from bench.relay_janus import JanusViews
from bench.relay_peer import Peer
from tests.support.api_rig import Client

#: Handshakes at once; more would only wait for each other.
AT_ONCE = 8


class Viewers:
    def __init__(self, address: str) -> None:
        self._address = address
        self._peers: list[Peer] = []
        self._janus: JanusViews | None = None

    async def answer(self, question: dict[str, Any]) -> Any:
        match question["ask"]:
            case "whep":
                return await self._all([self._whep(one["url"], one.get("ticket", "")) for one in question["views"]])
            case "janus":
                self._janus = self._janus or JanusViews(question["url"])
                await self._janus.begin()
                return await self._all([self._watch(question["stream"]) for _ in range(question["count"])])
            case "count":
                found = [peer.counted() for peer in self._peers]
                return {"viewers": len(found), "packets": [p for p, _ in found], "bytes": [b for _, b in found]}
            case "close":
                await asyncio.gather(*(peer.close() for peer in self._peers))
                self._peers.clear()
                if self._janus is not None:
                    await self._janus.close()
                    self._janus = None
                return {}
            case _:
                raise ValueError(question["ask"])

    async def _all(self, opening: list[Any]) -> dict[str, int]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(act: Any) -> None:
            async with gate:
                await act

        await asyncio.gather(*(one(act) for act in opening))
        return {"viewers": len(self._peers)}

    async def _whep(self, url: str, ticket: str) -> None:
        peer = Peer(self._address, controlling=True)
        self._peers.append(peer)
        base, _, path = url.removeprefix("http://").partition("/")
        headers = {"content_type": "application/sdp", "authorization": f"Bearer {ticket}" if ticket else None}
        offer = (await peer.offer()).encode()
        answered = await Client(f"http://{base}", browser=False).send("POST", f"/{path}", None, offer, **headers)
        if answered.status != 201:
            raise RuntimeError(f"no view: {answered.status} {answered.body[:300]!r}")
        await peer.connect(answered.body.decode())

    async def _watch(self, stream: int) -> None:
        assert self._janus is not None
        peer = Peer(self._address, controlling=False)
        self._peers.append(peer)
        handle, offer = await self._janus.watch(stream)
        await self._janus.start(handle, await peer.answer(offer))
        await peer.connect(offer)


async def _serve(address: str) -> None:
    viewers = Viewers(address)
    print("{}", flush=True)
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await viewers.answer(json.loads(line))), flush=True)
    finally:
        await viewers.answer({"ask": "close"})


if __name__ == "__main__":
    raise_file_limit()
    uvloop.run(_serve(sys.argv[1]))
