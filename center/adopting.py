"""Wiring: a person adopts devices: a shared password is tried on one of them, the others follow; then all are read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pydantic import SecretStr

from camera_gateway.memory import AccountState
from camera_gateway.rtsp.client import RtspClient
from center.reading_devices import DeviceReader
from center.shared_account import SharedAccounts, Standing, Trust
from center.storage import Storage
from config.errors import Kind, XueliangError
from config.scope import Scope
from config.settings_cameras import Account
from registry import proposal_store
from registry.adopt import Adoption, GivenCredentials, adopt_all, require_like
from registry.camera_list import credentials_of
from registry.credential_store import bearers
from registry.device import Device
from registry.found_device import FoundDevice, unpack
from registry.proposal import Proposal

log = logging.getLogger(__name__)

OURS = Scope.system("discovery")
#: Readings of adopted devices under way; more of them wait for the next round of discovery.
READINGS = 8
#: For reading the one device that a password is tried on.
READ_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one proposal: the device, or why not. ``account``: whether that device took the password;
    none where it was given none, or was not asked yet."""

    proposal_id: str
    adoption: Adoption | None = None
    error: XueliangError | None = None
    account: AccountState | None = None


class Adopting:
    def __init__(self, storage: Storage, rtsp: RtspClient, reader: DeviceReader) -> None:
        self._storage = storage
        self._rtsp = rtsp
        self._reader = reader
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_by_one = asyncio.Lock()

    async def adopt(
        self,
        scope: Scope,
        ids: Sequence[str],
        *,
        area_id: str,
        unit_id: str | None = None,
        given: GivenCredentials | None = None,
    ) -> list[Outcome]:
        """In the order given. Nothing shared goes to a second device before a first one took it: whoever waits for
        that is told why, and gets no password. Raises ``NOT_FOUND`` and ``FORBIDDEN`` for the device that a password
        is taken from."""
        found, outcomes = await self._load(scope, ids)
        place = (area_id, unit_id)
        if given is None:
            outcomes |= await self._together(scope, found, place, None)
        else:
            account = await self._account(scope, given)
            async with self._one_by_one:  # two people with one password are one try, too
                outcomes |= await self._shared(scope, found, place, given, account)
        unread = [one for one in found if outcomes[one.id].account is None]
        self.read_soon(
            [(done.device.id, found_of(one)) for one in unread if (done := outcomes[one.id].adoption) is not None]
        )
        return [outcomes[one] for one in dict.fromkeys(ids)]

    def read_soon(self, devices: Sequence[tuple[str, FoundDevice]]) -> None:
        """Ask them for their channels without waiting for it; what is too much just now the next round does."""
        able = [(device_id, found) for device_id, found in devices if found.onvif_xaddr]
        if not able or len(self._tasks) >= READINGS:
            return
        task = asyncio.create_task(self._read(able), name="adopting: read")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read(self, devices: Sequence[tuple[str, FoundDevice]]) -> None:
        try:
            await self._reader.read_all(devices)
        except* XueliangError as errors:
            log.warning("x adopting: %s", errors.exceptions[0])

    async def _load(self, scope: Scope, ids: Sequence[str]) -> tuple[list[Proposal], dict[str, Outcome]]:
        found: list[Proposal] = []
        outcomes: dict[str, Outcome] = {}
        async with self._storage.db.read() as connection:
            for proposal_id in dict.fromkeys(ids):
                try:
                    found.append(await proposal_store.get_proposal(scope, connection, proposal_id))
                except XueliangError as error:
                    outcomes[proposal_id] = Outcome(proposal_id, error=error)
        return found, outcomes

    async def _account(self, scope: Scope, given: GivenCredentials) -> Account:
        """What is typed, or what the named device has: for trying, not for telling."""
        if given.like_device is None:
            return Account(user=given.account, password=given.password, allow_clear=given.allow_clear)
        async with self._storage.db.read() as connection:
            await require_like(scope, connection, given)
        held = await credentials_of(OURS, self._storage.db, self._storage.vault, given.like_device)
        if held is None:
            raise XueliangError(Kind.NOT_FOUND, "the device has no credentials to share", where="like_device")
        return Account(user=held.user, password=held.password, allow_clear=held.allow_clear)

    async def _shared(
        self,
        scope: Scope,
        found: list[Proposal],
        place: tuple[str, str | None],
        given: GivenCredentials,
        account: Account,
    ) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        waiting = list(found)
        standing = await self._standing(account)
        while standing.trust is Trust.UNTRIED and waiting:
            first = next((one for one in waiting if found_of(one).onvif_xaddr), waiting[0])
            waiting.remove(first)
            outcomes |= await self._together(scope, [first], place, given)
            adoption = outcomes[first.id].adoption
            if adoption is None:
                continue
            # One that takes its time proves nothing now; whoever waits for it waits no longer than a page does.
            with suppress(TimeoutError):
                async with asyncio.timeout(READ_SECONDS):
                    await self._reader.read_all([(adoption.device.id, found_of(first))])
            standing = await self._standing(account)
            outcomes[first.id] = Outcome(first.id, adoption, account=await self._state(adoption.device, account))
        if standing.trust is Trust.ACCEPTED:
            return outcomes | await self._together(scope, waiting, place, given)
        reason = standing.reason or f"no device has taken the account {account.user} yet"
        fix = "Find the right password, or adopt them without one"
        held = XueliangError(Kind.CONFLICT, reason, fix=fix, facts={"held": True})
        return outcomes | {one.id: Outcome(one.id, error=held) for one in waiting}

    async def _together(
        self, scope: Scope, found: Sequence[Proposal], place: tuple[str, str | None], given: GivenCredentials | None
    ) -> dict[str, Outcome]:
        storage = self._storage
        done = await adopt_all(
            scope, storage.db, storage.vault, found, area_id=place[0], unit_id=place[1], credentials=given
        )
        return {
            one.id: Outcome(one.id, error=result)
            if isinstance(result, XueliangError)
            else Outcome(one.id, adoption=result)
            for one, result in zip(found, done, strict=True)
        }

    async def _standing(self, account: Account) -> Standing:
        """Anew each time: what is remembered of an account is for those of the settings."""
        return await SharedAccounts(self._storage, self._rtsp).standing(account)

    async def _state(self, device: Device, account: Account) -> AccountState:
        """Whether this device took the password, as its memory holds it."""
        async with self._storage.db.read() as connection:
            held = await bearers(OURS, connection, self._storage.vault, account.user, account.password or SecretStr(""))
        key = next((one.key for one in held if one.device_id == device.id), None)
        return AccountState.UNTRIED if key is None else await self._storage.memory.standing(key)


def found_of(proposal: Proposal) -> FoundDevice:
    """What it said of itself without a password."""
    return unpack(proposal.facts)
