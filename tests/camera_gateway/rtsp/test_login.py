"""Logging in: the strongest way offered, and never a second try with a refused password."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from pydantic import SecretStr

from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.rtsp.digest import Challenge
from camera_gateway.rtsp.message import Headers, Request, Response
from camera_gateway.rtsp.timing import Deadlines
from camera_gateway.target import Credentials
from config.clock import SystemClock
from config.errors import Kind, XueliangError
from tests.support.rtsp_cases import GOOD, MakeClient, failure, said, target
from tests.support.rtsp_server import Peer, RtspTestServer

CHALLENGES = {
    "basic first, then MD5": (Challenge("basic", "cam"), Challenge("digest", "cam", "n1")),
    "MD5 and SHA-256": (
        Challenge("digest", "cam", "n1", algorithm="MD5", qop=("auth",)),
        Challenge("digest", "cam", "n1", algorithm="SHA-256", qop=("auth",)),
    ),
    "SHA-256-sess": (Challenge("digest", "cam", "n1", opaque="o", algorithm="SHA-256-sess", qop=("auth",)),),
    "no qop": (Challenge("digest", 'IP "Camera"', "n1"),),
}


@pytest.mark.parametrize("name", CHALLENGES)
async def test_login(make_client: MakeClient, name: str) -> None:
    script = replace(GOOD, user="admin", password="pä:ss", challenges=CHALLENGES[name])
    async with RtspTestServer(script) as server:
        result = await make_client().keyframe(target(server, "admin", "pä:ss"))
        assert result.login == {"MD5 and SHA-256": "digest SHA-256", "SHA-256-sess": "digest SHA-256-sess"}.get(
            name, "digest MD5"
        )
        assert result.timings.auth is not None
        assert server.wrong == 0
        assert server.methods() == ["DESCRIBE", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
        assert not any("pä:ss" in v for r in server.requests for _, v in r.headers.items)


async def test_basic_only_where_allowed(make_client: MakeClient) -> None:
    script = replace(GOOD, user="u", password="p", challenges=(Challenge("basic", "cam"),))
    async with RtspTestServer(script) as server:
        error = await failure(make_client(), target(server, "u", "p"))
        assert error.kind is Kind.AUTH
        assert "clear" in error.what
        assert not any(r.headers.get("Authorization") for r in server.requests)
        allowed = Credentials("u", SecretStr("p"), allow_clear=True)
        assert (await make_client().keyframe(replace(target(server), credentials=allowed))).login == "basic"


async def test_no_credentials(make_client: MakeClient) -> None:
    async with RtspTestServer(replace(GOOD, user="u", password="p")) as server:
        assert (await failure(make_client(), target(server))).kind is Kind.AUTH


async def test_stale_nonce_is_no_failure(make_client: MakeClient) -> None:
    nonces = iter(["old", "old", "new", "new", "new", "new", "new"])

    def describe(peer: Peer, request: Request) -> Response:
        nonce = next(nonces)
        given = "Authorization" in dict(request.headers.items)
        peer.script.challenges = (Challenge("digest", "cam", nonce, stale=given and nonce == "new"),)
        if given and 'nonce="old"' in request.headers.get("Authorization"):
            peer.script.challenges = (Challenge("digest", "cam", "new", stale=True),)
        return peer.reply(request)

    memory = InMemoryDeviceMemory(SystemClock())
    async with RtspTestServer(replace(GOOD, user="u", password="p", answers={"DESCRIBE": describe})) as server:
        await make_client(memory).keyframe(target(server, "u", "p"))
        assert [a.state.value for a in memory.accounts.values()] == ["proved"]


@pytest.mark.parametrize("bound", [False, True])
async def test_a_camera_that_hangs_up_after_its_401(make_client: MakeClient, bound: bool) -> None:
    """Dialled once more and asked with the credentials; also where its nonces count on one connection only."""

    def describe(peer: Peer, request: Request) -> Response | None:
        if bound:
            peer.script.challenges = (Challenge("digest", "cam", f"nonce-{len(peer.server.peers)}"),)
        answer = peer.reply(request)
        if answer.status == 401 and not request.headers.get("Authorization"):
            cseq = Headers((("CSeq", request.headers.get("CSeq")), *answer.headers.items))
            peer.send(Response(401, "Unauthorized", cseq).encode())
            peer.transport.close()
            return None
        return answer

    memory = InMemoryDeviceMemory(SystemClock())
    async with RtspTestServer(replace(GOOD, user="u", password="p", answers={"DESCRIBE": describe})) as server:
        result = await make_client(memory).keyframe(target(server, "u", "p"))
        assert result.unit.keyframe
        assert len(server.peers) == 2
        assert [a.state.value for a in memory.accounts.values()] == ["proved"]


async def test_a_camera_that_always_hangs_up_after_its_401_is_tried_once(make_client: MakeClient) -> None:
    def describe(peer: Peer, request: Request) -> None:
        challenge = ("WWW-Authenticate", peer.script.challenges[0].header())
        peer.send(Response(401, "no", Headers((("CSeq", request.headers.get("CSeq")), challenge))).encode())
        peer.transport.close()

    memory = InMemoryDeviceMemory(SystemClock())
    async with RtspTestServer(replace(GOOD, user="u", password="wrong", answers={"DESCRIBE": describe})) as server:
        client = make_client(memory)
        assert (await failure(client, target(server, "u", "p"))).kind is Kind.AUTH
        assert len(server.peers) == 2
        assert (await failure(client, target(server, "u", "p"))).kind is Kind.LOCKED
        assert sum(bool(r.headers.get("Authorization")) for r in server.requests) == 1


async def test_401_after_login_means_busy(make_client: MakeClient) -> None:
    script = replace(GOOD, user="u", password="p")
    challenge = script.challenges[0].header()
    script.answers = {"SETUP": said(401, "Unauthorized", ("WWW-Authenticate", challenge))}
    memory = InMemoryDeviceMemory(SystemClock())
    async with RtspTestServer(script) as server:
        assert (await failure(make_client(memory), target(server, "u", "p"))).kind is Kind.BUSY
        assert [a.state.value for a in memory.accounts.values()] == ["proved"]
    script.answers = {}


async def test_64_channels_20_restarts_one_attempt(make_client: MakeClient) -> None:
    memory = InMemoryDeviceMemory(SystemClock())
    async with RtspTestServer(replace(GOOD, user="u", password="right")) as server:
        kinds: list[Kind] = []
        for restart in range(20):
            client = make_client(memory, Deadlines())
            channels = 64 if restart == 0 else 4
            at = [
                replace(target(server), url=f"{server.url}/{n}", credentials=Credentials("u", SecretStr("wrong"), "v1"))
                for n in range(channels)
            ]
            errors = await asyncio.gather(*(client.keyframe(t) for t in at), return_exceptions=True)
            kinds += [e.kind for e in errors if isinstance(e, XueliangError)]
        assert server.wrong == 1
        assert kinds.count(Kind.AUTH) == 1
        assert kinds.count(Kind.LOCKED) == 64 + 19 * 4 - 1
        right = Credentials("u", SecretStr("right"), "v2")
        assert (await make_client(memory).keyframe(replace(target(server), credentials=right))).unit.keyframe
        assert server.wrong == 1
