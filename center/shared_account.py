"""Wiring: an account of many devices is tried on one of them first; the others get it once that one took it.

What the database and the device memory hold decides, so that a restart does not try a refused password anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import SecretStr

from camera_gateway.memory import AccountState
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.target import StreamTarget
from center.storage import Storage
from config.errors import XueliangError
from config.scope import Scope
from config.settings_cameras import Account
from registry.camera_list import credentials_of
from registry.camera_store import cameras_of
from registry.credential_store import Bearer, bearers
from registry.stream_store import streams_of


class Trust(StrEnum):
    ALONE = "alone"  # an account of one address: nothing is shared
    UNTRIED = "untried"  # the next device may be the one it is tried on
    ACCEPTED = "accepted"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Standing:
    """``like_device`` bears the secret that others share; ``reason`` says why they are held."""

    trust: Trust
    like_device: str | None = None
    reason: str = ""


class SharedAccounts:
    def __init__(self, storage: Storage, rtsp: RtspClient) -> None:
        self._storage = storage
        self._rtsp = rtsp
        self._scope = Scope.system("discovery")
        self._accepted: dict[int, Standing] = {}
        self._open: set[str] = set()  # devices that asked for no password at all

    async def standing(self, account: Account) -> Standing:
        if sum(network.num_addresses for network in account.networks) == 1:
            return Standing(Trust.ALONE)
        if id(account) in self._accepted:  # settings live as long as the process
            return self._accepted[id(account)]
        storage = self._storage
        async with storage.db.read() as connection:
            bear = await bearers(
                self._scope, connection, storage.vault, account.user, account.password or SecretStr("")
            )
        found = await self._by_memory(bear)
        for bearer in bear:
            if found.trust is not Trust.UNTRIED:
                break
            if bearer.device_id in self._open:
                continue
            if await self._ask(bearer):
                self._open.add(bearer.device_id)
            found = await self._by_memory(bear)
            if found.trust is Trust.UNTRIED and bearer.device_id not in self._open:
                found = Standing(
                    Trust.HELD, reason=f"the account {account.user} is not yet proved on {bearer.key.host}"
                )
        if found.trust is Trust.ACCEPTED:
            self._accepted[id(account)] = found
        return found

    async def _by_memory(self, bear: list[Bearer]) -> Standing:
        states = [(bearer, await self._storage.memory.standing(bearer.key)) for bearer in bear]
        for bearer, state in states:
            if state is AccountState.PROVED:
                return Standing(Trust.ACCEPTED, bearer.device_id)
        for bearer, state in states:
            if state is not AccountState.UNTRIED:
                said = "refused" if state is AccountState.REFUSED else "did not answer for"
                user, host = bearer.key.user, bearer.key.host
                return Standing(Trust.HELD, reason=f"{host} {said} the account {user}; it is tried on no other device")
        return Standing(Trust.UNTRIED)

    async def _ask(self, bearer: Bearer) -> bool:
        """Have its stream described with the account; true where it asked for none. What a try proved is in the
        memory afterwards."""
        storage = self._storage
        async with storage.db.read() as connection:
            cameras = await cameras_of(self._scope, connection, bearer.device_id)
            streams = await streams_of(self._scope, connection, cameras[0].id) if cameras else []
        if not streams:
            return False
        credentials = await credentials_of(self._scope, storage.db, storage.vault, bearer.device_id)
        try:
            await self._rtsp.describe(StreamTarget(streams[0].url, credentials, streams[0].transport.value))
        except XueliangError:
            return False
        return await storage.memory.standing(bearer.key) is AccountState.UNTRIED
