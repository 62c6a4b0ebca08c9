"""Edge: an aiortc viewer over WHEP, run as a program of its own: ``whep_viewer.py URL HOST TICKET FRAMES``.

``HOST`` is what the service calls itself, where ``URL`` is translated on the way. Prints one JSON line when FRAMES
pictures are decoded (``frames``, ``width``, ``height``, ``own``: its addresses, ``candidates``: the places it was told
of, ``ended``: what DELETE was answered).
"""

from __future__ import annotations

import asyncio
import json
import re
import sys

from tests.support.api_rig import Client
from tests.support.live_rig import SDP
from tests.support.relay_rig import peer


async def main(url: str, host: str, ticket: str, frames: int) -> None:
    client = Client(url, browser=False)
    known = {"authorization": f"Bearer {ticket}", "host": host}
    async with peer() as viewer:
        offer = await viewer.offer()
        answered = await client.send("POST", "/whep/camera-0", None, offer.encode(), content_type=SDP, **known)
        assert answered.status == 201, answered
        text = answered.body.decode()
        await viewer.answer(text)
        for _ in range(frames):
            picture = await viewer.frame(20)
        ended = await client.send("DELETE", answered.headers["location"], None, b"", **known)
    places = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ", text)
    own = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) \d+ typ", offer)
    seen = {"frames": frames, "width": picture.width, "height": picture.height, "ended": ended.status}
    print(json.dumps({**seen, "own": own, "candidates": places}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
