"""Edge: an aiortc viewer over WHEP, run as a program of its own: ``whep_viewer.py URL HOST TICKET FRAMES [CAMERA]``.

``HOST`` is what the service calls itself, where ``URL`` is translated on the way. Prints one JSON line when FRAMES
pictures are decoded (``frames``, ``width``, ``height``, ``own``: its addresses, ``candidates``: the places it was told
of, ``ended``: what DELETE was answered). Imports nothing of the project: it starts in a second.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import urllib.request
from urllib.parse import urljoin

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from av import VideoFrame

SECONDS = 20


def _ask(method: str, url: str, host: str, ticket: str, body: str = "") -> tuple[int, str, str]:
    """(status, place, text)"""
    headers = {"Authorization": f"Bearer {ticket}", "Content-Type": "application/sdp", "Host": host}
    request = urllib.request.Request(url, body.encode() or None, headers, method=method)
    with urllib.request.urlopen(request, timeout=SECONDS) as answered:
        return answered.status, urljoin(url, answered.headers.get("Location", "")), answered.read().decode()


async def main(url: str, host: str, ticket: str, frames: int, camera: str = "camera-0") -> None:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        receiver = connection.addTransceiver("video", direction="recvonly").receiver
        await connection.setLocalDescription(await connection.createOffer())
        offer = connection.localDescription.sdp
        _, place, text = await asyncio.to_thread(_ask, "POST", f"{url}/whep/{camera}", host, ticket, offer)
        await connection.setRemoteDescription(RTCSessionDescription(text, "answer"))
        async with asyncio.timeout(SECONDS):
            for _ in range(frames):
                picture = await receiver.track.recv()
                assert isinstance(picture, VideoFrame)
                width, height = picture.width, picture.height
        ended, _, _ = await asyncio.to_thread(_ask, "DELETE", place, host, ticket)
    finally:
        await connection.close()
    places = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ", text)
    own = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) \d+ typ", offer)
    seen = {"frames": frames, "width": width, "height": height, "ended": ended}
    print(json.dumps({**seen, "own": own, "candidates": places}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), *sys.argv[5:6]))
