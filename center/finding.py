"""Wiring: the service's own discovery: what answers becomes a proposal, a rule may adopt it, adopted ones are read.

A discovered device is asked without credentials until it is adopted; what it says then is compared with what is
written down before any password is sent.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar

from camera_gateway.discovery.found import Found
from camera_gateway.discovery.sweep import Network, Search, discover
from camera_gateway.onvif.client import OnvifClient
from camera_gateway.reach import Reach
from camera_gateway.rtsp.client import RtspClient
from center.shared_account import SharedAccounts, Trust
from center.storage import Storage
from config.errors import XueliangError
from config.ids import new_id
from config.scope import Scope
from config.setting import Network as AnyNetwork
from config.settings_cameras import Account, Discovery
from registry.adopt import GivenCredentials, adopt_all, hold_back
from registry.adoption_rule import AdoptionRule, decide
from registry.area import Area
from registry.area_store import add_area, list_areas
from registry.camera_list import credentials_of
from registry.camera_store import cameras_of_all
from registry.device_store import get_devices
from registry.found_device import FoundDevice, from_report
from registry.proposal import Proposal
from registry.propose import Outcome, propose_all
from registry.reconcile import learn_all

log = logging.getLogger(__name__)

#: Devices visited at once: a visit is up to some hundred small calls, one at a time for each device.
VISITS = 32
#: Found devices that are proposed and adopted together, while the search goes on.
TOGETHER = 200

T = TypeVar("T")
Candidate = tuple[Proposal, FoundDevice]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought: how many answered, and what became of them."""

    answered: int
    outcomes: Counter[str]


class Finding:
    """``run`` for ever, ``run_once`` for one round. Its own scope is the system's, named in the audit."""

    def __init__(
        self, storage: Storage, reach: Reach, onvif: OnvifClient, rtsp: RtspClient, rng: random.Random
    ) -> None:
        self.rounds = 0
        self.last: Round | None = None
        self._storage = storage
        self._settings: Discovery = storage.settings.discovery
        self._reach = reach
        self._onvif = onvif
        self._random = rng
        self._scope = Scope.system("discovery")
        self._slots = asyncio.Semaphore(VISITS)
        self._area_id = ""
        self._taking = asyncio.Lock()
        self._shared = SharedAccounts(storage, rtsp)

    async def run(self) -> None:
        while True:
            try:
                await self.run_once()
            except XueliangError as error:
                log.warning("x discovery: %s", error)
            except OSError as error:  # no socket, no route: the next round may do better
                log.warning("x discovery: %s", error.strerror or error)
            await self._storage.clock.sleep(self._settings.period_seconds)

    async def run_once(self) -> Round:
        """Search, visit and propose, adopt by rule. Raises what the database raises; a device's faults stay its own."""
        outcomes: Counter[str] = Counter()
        heard: list[FoundDevice] = []
        try:
            answered = await self._search(heard, outcomes)
        except ExceptionGroup as errors:  # several tasks may meet the same trouble; one tells of it
            raise errors.exceptions[0] from None
        await self._take(_drain(heard), outcomes)
        self.rounds += 1
        self.last = Round(answered, outcomes)
        log.info("- discovery: %d answered: %s", answered, dict(outcomes))
        return self.last

    async def _search(self, heard: list[FoundDevice], outcomes: Counter[str]) -> int:
        answered = 0
        async with asyncio.TaskGroup() as group:
            for search in self._searches():
                async for found in discover(search, self._storage.clock, self._random, self._reach):
                    answered += 1
                    await self._slots.acquire()
                    group.create_task(self._visit(found, heard, outcomes))
                    if len(heard) >= TOGETHER:
                        group.create_task(self._take(_drain(heard), outcomes))
        return answered

    def _searches(self) -> list[Search]:
        """Group probes on each interface, then the ranges. Who answers from outside the camera networks is told of,
        and not contacted."""
        rules = self._settings
        found = []
        for interface in (rules.interfaces or [""]) if rules.multicast else []:
            found.append(Search(wait=rules.wait_seconds, interface=interface, port=rules.port))
        networks = tuple(n for n in rules.cidrs if isinstance(n, Network))
        if networks:
            rate, wait = float(rules.rate), rules.wait_seconds
            found.append(Search(networks, rate=rate, wait=wait, multicast=False, port=rules.port))
        return found

    async def _visit(self, found: Found, heard: list[FoundDevice], outcomes: Counter[str]) -> None:
        try:
            await self._reach.check(found.address, found.port or None)
            heard.append(await self._bare(found))
        except XueliangError as error:
            outcomes[error.kind.value] += 1
            log.info("x discovery %s: %s", found.address, error.what)
        finally:
            self._slots.release()

    async def _take(self, devices: list[FoundDevice], outcomes: Counter[str]) -> None:
        """Propose them together, adopt what the rule adopts, read those that were adopted with nothing in them."""
        async with self._taking:
            told = await propose_all(self._scope, self._storage.db, devices)
            area_id = await self._area() if self._settings.adopt == "auto" and told else ""
            rules = (AdoptionRule(tuple(self._settings.adopt_networks), area_id),) if area_id else ()
            by_rule: list[Candidate] = []
            known: list[tuple[str, FoundDevice]] = []
            for proposed, device in zip(told, devices, strict=True):
                new = proposed.outcome in (Outcome.NEW, Outcome.SEEN_AGAIN)
                if new and proposed.proposal is not None and decide(proposed.proposal, rules).adopt:
                    by_rule.append((proposed.proposal, device))
                    continue
                outcomes[proposed.outcome.value] += 1
                if proposed.outcome is Outcome.KNOWN and proposed.device_id:
                    known.append((proposed.device_id, device))
            await self._adopt(by_rule, area_id, outcomes)
            await self._read_all(known, only_if_empty=True)

    async def _adopt(self, candidates: list[Candidate], area_id: str, outcomes: Counter[str]) -> None:
        """A password shared by many goes to one device, and to the others once that one took it."""
        groups: dict[int, list[Candidate]] = {}
        accounts: dict[int, Account | None] = {}
        for candidate in candidates:
            account = account_for(self._settings.accounts, candidate[1].host)
            account = None if account is None or account.password is None else account
            accounts[id(account)] = account
            groups.setdefault(id(account), []).append(candidate)
        for key, group in groups.items():
            account = accounts[key]
            if account is None:
                await self._adopt_with(group, area_id, None, outcomes)
            else:
                await self._adopt_shared(group, area_id, account, outcomes)

    async def _adopt_shared(
        self, group: list[Candidate], area_id: str, account: Account, outcomes: Counter[str]
    ) -> None:
        given = GivenCredentials(account.user, account.password, account.allow_clear)
        standing = await self._shared.standing(account)
        # What speaks no ONVIF has told of no stream yet: nothing could be tried on it.
        able = [one for one in group if one[1].onvif_xaddr]
        while standing.trust is Trust.UNTRIED and able:
            first = able.pop(0)
            group.remove(first)
            await self._adopt_with([first], area_id, given, outcomes)
            standing = await self._shared.standing(account)
        if standing.trust is Trust.ALONE:
            await self._adopt_with(group, area_id, given, outcomes)
        elif standing.trust is Trust.ACCEPTED:
            await self._adopt_with(group, area_id, GivenCredentials(like_device=standing.like_device), outcomes)
        elif group:
            reason = standing.reason or f"no device has taken the account {account.user} yet"
            log.warning("x discovery: %d devices wait: %s", len(group), reason)
            await hold_back(self._scope, self._storage.db, [proposal for proposal, _ in group], reason)
            outcomes["held"] += len(group)

    async def _adopt_with(
        self, group: list[Candidate], area_id: str, given: GivenCredentials | None, outcomes: Counter[str]
    ) -> None:
        storage = self._storage
        wanted = [proposal for proposal, _ in group]
        done = await adopt_all(self._scope, storage.db, storage.vault, wanted, area_id=area_id, credentials=given)
        adopted: list[tuple[str, FoundDevice]] = []
        for result, (_, device) in zip(done, group, strict=True):
            if isinstance(result, XueliangError):
                outcomes[result.kind.value] += 1
                log.info("x discovery %s: %s", device.host, result.what)
            else:
                outcomes["adopted"] += 1
                adopted.append((result.device.id, device))
        await self._read_all(adopted)

    async def _read_all(self, devices: list[tuple[str, FoundDevice]], *, only_if_empty: bool = False) -> None:
        """Read them, and write down together what has been read while the last of it was written."""
        told: list[tuple[str, FoundDevice]] = []
        writing, places = asyncio.Lock(), asyncio.Semaphore(VISITS)

        async def read(device_id: str, bare: FoundDevice) -> None:
            try:
                async with places:
                    told.append((device_id, await self._read(device_id, bare)))
            except XueliangError as error:
                log.info("x discovery %s: %s", bare.host, error.what)
                return
            async with writing:
                await self._learn(_drain(told))

        async with asyncio.TaskGroup() as group:
            for device_id, bare in await self._readable(devices, only_if_empty=only_if_empty):
                group.create_task(read(device_id, bare))

    async def _readable(
        self, devices: list[tuple[str, FoundDevice]], *, only_if_empty: bool
    ) -> list[tuple[str, FoundDevice]]:
        ids = list(dict.fromkeys(device_id for device_id, _ in devices))
        async with self._storage.db.read() as connection:
            stand = await get_devices(self._scope, connection, ids)
            known = await cameras_of_all(self._scope, connection, ids) if only_if_empty else {}
        able = {id_ for id_, device in stand.items() if not device.identity_hold and not known.get(id_)}
        # One device may be found at two of its ports.
        once = {device_id: bare for device_id, bare in devices if device_id in able and bare.onvif_xaddr}
        return list(once.items())

    async def _learn(self, told: list[tuple[str, FoundDevice]]) -> None:
        for (_, device), done in zip(told, await learn_all(self._scope, self._storage.db, told), strict=True):
            if isinstance(done, XueliangError):
                log.info("x discovery %s: %s", device.host, done.what)

    async def _bare(self, found: Found) -> FoundDevice:
        """What it says to a stranger. A box that only answers a port is proposed with nothing but its address."""
        endpoint = found.endpoint
        if found.xaddr is None:
            return FoundDevice(found.address, found.port, found.how.value, endpoint_uuid=endpoint)
        report = await self._onvif.facts(found.xaddr, None)
        return from_report(report, found.port, found.how.value, endpoint)

    async def _read(self, device_id: str, bare: FoundDevice) -> FoundDevice:
        """With the channels and streams that only answer to credentials."""
        storage = self._storage
        credentials = await credentials_of(self._scope, storage.db, storage.vault, device_id)
        report = await self._onvif.facts(bare.onvif_xaddr, credentials)
        for finding in report.findings:
            log.info("< %s %s: %s", bare.host, finding.code, finding.text)
        return from_report(report, bare.port, bare.how, bare.endpoint_uuid)

    async def _area(self) -> str:
        """The area adopted devices come into, made when the first one does."""
        if not self._area_id:
            name = self._settings.adopt_area
            async with self._storage.db.write() as connection:
                found = next((a for a in await list_areas(self._scope, connection) if a.name == name), None)
                self._area_id = (found or await add_area(self._scope, connection, Area(new_id(), name))).id
        return self._area_id


def _drain(heard: list[T]) -> list[T]:
    taken = heard[:]
    heard.clear()
    return taken


def account_for(accounts: list[Account], host: str) -> Account | None:
    """The first account whose networks hold the address."""
    try:
        address = ip_address(host)
    except ValueError:
        return None

    def holds(network: AnyNetwork) -> bool:
        return address.version == network.version and address in network

    return next((account for account in accounts if any(map(holds, account.networks))), None)
