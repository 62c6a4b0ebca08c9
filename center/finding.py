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

from camera_gateway.discovery.found import Found
from camera_gateway.discovery.sweep import Network, Search, discover
from camera_gateway.onvif.client import OnvifClient
from camera_gateway.reach import Reach
from center.storage import Storage
from config.errors import XueliangError
from config.ids import new_id
from config.scope import Scope
from config.setting import Network as AnyNetwork
from config.settings_cameras import Account, Discovery
from registry.adopt import GivenCredentials, adopt
from registry.adoption_rule import AdoptionRule, decide
from registry.area import Area
from registry.area_store import add_area, list_areas
from registry.camera_list import credentials_of
from registry.camera_store import cameras_of
from registry.device_store import get_device
from registry.found_device import FoundDevice, from_report
from registry.propose import Outcome, Proposed, propose
from registry.reconcile import learn

log = logging.getLogger(__name__)

#: Devices visited at once: a visit is up to some hundred small calls, one at a time for each device.
VISITS = 32


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought: how many answered, and what became of them."""

    answered: int
    outcomes: Counter[str]


class Finding:
    """``run`` for ever, ``run_once`` for one round. Its own scope is the system's, named in the audit."""

    def __init__(self, storage: Storage, reach: Reach, onvif: OnvifClient, rng: random.Random) -> None:
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
        answered = 0
        async with asyncio.TaskGroup() as group:
            for search in self._searches():
                async for found in discover(search, self._storage.clock, self._random, self._reach):
                    answered += 1
                    await self._slots.acquire()
                    group.create_task(self._visit(found, outcomes))
        self.rounds += 1
        self.last = Round(answered, outcomes)
        log.info("- discovery: %d answered: %s", answered, dict(outcomes))
        return self.last

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

    async def _visit(self, found: Found, outcomes: Counter[str]) -> None:
        try:
            outcomes[await self._take(found)] += 1
        except XueliangError as error:
            outcomes[error.kind.value] += 1
            log.info("x discovery %s: %s", found.address, error.what)
        finally:
            self._slots.release()

    async def _take(self, found: Found) -> str:
        await self._reach.check(found.address, found.port or None)
        device = await self._bare(found)
        proposed = await propose(self._scope, self._storage.db, device)
        if proposed.outcome is Outcome.NEW or proposed.outcome is Outcome.SEEN_AGAIN:
            return await self._by_rule(proposed, device)
        if proposed.outcome is Outcome.KNOWN and proposed.device_id:
            await self._read(proposed.device_id, device, only_if_empty=True)
        return proposed.outcome.value

    async def _bare(self, found: Found) -> FoundDevice:
        """What it says to a stranger. A box that only answers a port is proposed with nothing but its address."""
        endpoint = found.endpoint
        if found.xaddr is None:
            return FoundDevice(found.address, found.port, found.how.value, endpoint_uuid=endpoint)
        report = await self._onvif.facts(found.xaddr, None)
        return from_report(report, found.port, found.how.value, endpoint)

    async def _by_rule(self, proposed: Proposed, device: FoundDevice) -> str:
        proposal = proposed.proposal
        if proposal is None or self._settings.adopt != "auto":
            return proposed.outcome.value
        area_id = await self._area()
        decision = decide(proposal, (AdoptionRule(tuple(self._settings.adopt_networks), area_id),))
        if not decision.adopt:
            return proposed.outcome.value
        account = account_for(self._settings.accounts, device.host)
        given = None
        if account is not None and account.password is not None:
            given = GivenCredentials(account.user, account.password, account.allow_clear)
        storage = self._storage
        adopted = await adopt(
            self._scope,
            storage.db,
            storage.vault,
            proposal.id,
            area_id=area_id,
            credentials=given,
            version=proposal.version,
        )
        log.info("- adopted %s by rule: %s", device.host, decision.reason)
        await self._read(adopted.device.id, device)
        return "adopted"

    async def _read(self, device_id: str, bare: FoundDevice, *, only_if_empty: bool = False) -> None:
        """Channels and streams that only answer to credentials."""
        storage = self._storage
        async with storage.db.read() as connection:
            device = await get_device(self._scope, connection, device_id)
            known = await cameras_of(self._scope, connection, device_id)
        if not bare.onvif_xaddr or device.identity_hold or (known and only_if_empty):
            return
        credentials = await credentials_of(self._scope, storage.db, storage.vault, device_id)
        report = await self._onvif.facts(bare.onvif_xaddr, credentials)
        for finding in report.findings:
            log.info("< %s %s: %s", device.host, finding.code, finding.text)
        await learn(self._scope, storage.db, device_id, from_report(report, bare.port, bare.how, bare.endpoint_uuid))

    async def _area(self) -> str:
        """The area adopted devices come into, made when the first one does."""
        if not self._area_id:
            name = self._settings.adopt_area
            async with self._storage.db.write() as connection:
                found = next((a for a in await list_areas(self._scope, connection) if a.name == name), None)
                self._area_id = (found or await add_area(self._scope, connection, Area(new_id(), name))).id
        return self._area_id


def account_for(accounts: list[Account], host: str) -> Account | None:
    """The first account whose networks hold the address."""
    try:
        address = ip_address(host)
    except ValueError:
        return None

    def holds(network: AnyNetwork) -> bool:
        return address.version == network.version and address in network

    return next((account for account in accounts if any(map(holds, account.networks))), None)
