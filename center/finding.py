"""Wiring: the service's own discovery: what answers becomes a proposal, a rule may adopt it, adopted ones are read.

A discovered device is asked without credentials until it is adopted; what it says then is compared with what is
written down before any password is sent.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_address

from camera_gateway.discovery.found import Found
from camera_gateway.discovery.sweep import Network, Search, discover
from camera_gateway.onvif.client import OnvifClient
from camera_gateway.reach import Reach
from camera_gateway.rtsp.client import RtspClient
from center.reading_devices import VISITS, DeviceReader, drain
from center.shared_account import SharedAccounts, Trust
from center.storage import Storage
from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Scope
from config.setting import Network as AnyNetwork
from config.settings_cameras import Account, Discovery
from registry.adopt import GivenCredentials, adopt_all, hold_back
from registry.adoption_rule import AdoptionRule, decide
from registry.area import Area
from registry.area_store import add_area, list_areas
from registry.found_device import FoundDevice, from_report
from registry.proposal import Proposal
from registry.propose import Outcome, propose_all

log = logging.getLogger(__name__)

#: Found devices that are proposed and adopted together, while the search goes on.
TOGETHER = 200
Candidate = tuple[Proposal, FoundDevice]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought: how many answered, and what became of them. ``asked``: the ranges that a person asked
    for, none for a round of the settings; ``trouble``: why it did not come to its end."""

    answered: int
    outcomes: Counter[str]
    began: datetime
    ended: datetime | None = None
    asked: tuple[Network, ...] = ()
    trouble: str = ""


class Finding:
    """``run`` for ever, ``run_once`` for one round. Its own scope is the system's, named in the audit."""

    def __init__(
        self,
        storage: Storage,
        reach: Reach,
        onvif: OnvifClient,
        rtsp: RtspClient,
        rng: random.Random,
        reader: DeviceReader | None = None,
    ) -> None:
        self.rounds = 0
        self.last: Round | None = None
        self.now: Round | None = None  # the one under way
        self._wanted: tuple[Network, ...] = ()
        self._poked = asyncio.Event()
        self._storage = storage
        self._settings: Discovery = storage.settings.discovery
        self._reach = reach
        self._onvif = onvif
        self._reader = reader or DeviceReader(storage, onvif)
        self._random = rng
        self._scope = Scope.system("discovery")
        self._slots = asyncio.Semaphore(VISITS)
        self._area_id = ""
        self._taking = asyncio.Lock()
        self._shared = SharedAccounts(storage, rtsp)

    async def run(self) -> None:
        while True:
            asked, self._wanted = self._wanted, ()
            self._poked.clear()
            trouble = ""
            try:
                await self.run_once(asked)
            except XueliangError as error:
                trouble = str(error)
            except OSError as error:  # no socket, no route: the next round may do better
                trouble = str(error.strerror or error)
            finally:
                self._over(trouble)
            await self._pause()

    def ask(self, networks: Sequence[Network]) -> None:
        """A round of these ranges as soon as the one under way is over. Raises ``CONFLICT`` while another waits."""
        if self._wanted or (self.now is not None and self.now.asked):
            raise XueliangError(Kind.CONFLICT, "a search is under way", fix="Wait until it has ended")
        self._wanted = tuple(networks)
        self._poked.set()

    @property
    def waiting(self) -> tuple[Network, ...]:
        """The ranges that were asked for and are not begun."""
        return self._wanted

    async def run_once(self, asked: Sequence[Network] = ()) -> Round:
        """Search, visit and propose, adopt by rule. Raises what the database raises; a device's faults stay its own.

        ``asked``: these ranges instead of what the settings name."""
        outcomes: Counter[str] = Counter()
        heard: list[FoundDevice] = []
        self.now = Round(0, outcomes, self._storage.clock.now(), asked=tuple(asked))
        try:
            await self._search(heard, outcomes)
        except ExceptionGroup as errors:  # several tasks may meet the same trouble; one tells of it
            raise errors.exceptions[0] from None
        await self._take(drain(heard), outcomes)
        self.rounds += 1
        self.last, self.now = replace(self.now, ended=self._storage.clock.now()), None
        log.info("- discovery: %d answered: %s", self.last.answered, dict(outcomes))
        return self.last

    def _over(self, trouble: str) -> None:
        if trouble:
            log.warning("x discovery: %s", trouble)
        if self.now is not None:
            self.last = replace(self.now, ended=self._storage.clock.now(), trouble=trouble or "ended before its time")
            self.now = None

    async def _pause(self) -> None:
        waits = [
            asyncio.create_task(self._storage.clock.sleep(self._settings.period_seconds)),
            asyncio.create_task(self._poked.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _search(self, heard: list[FoundDevice], outcomes: Counter[str]) -> None:
        async with asyncio.TaskGroup() as group:
            for search in self._searches():
                async for found in discover(search, self._storage.clock, self._random, self._reach):
                    if self.now is not None:
                        self.now = replace(self.now, answered=self.now.answered + 1)
                    await self._slots.acquire()
                    group.create_task(self._visit(found, heard, outcomes))
                    if len(heard) >= TOGETHER:
                        group.create_task(self._take(drain(heard), outcomes))

    def _searches(self) -> list[Search]:
        """Group probes on each interface, then the ranges. Who answers from outside the camera networks is told of,
        and not contacted."""
        rules = self._settings
        found: list[Search] = []
        asked = self.now.asked if self.now is not None else ()
        if asked:
            return [Search(asked, rate=float(rules.rate), wait=rules.wait_seconds, multicast=False, port=rules.port)]
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
            await self._reader.read_all(known, only_if_empty=True)

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
        await self._reader.read_all(adopted)

    async def _bare(self, found: Found) -> FoundDevice:
        """What it says to a stranger. A box that only answers a port is proposed with nothing but its address."""
        endpoint = found.endpoint
        if found.xaddr is None:
            return FoundDevice(found.address, found.port, found.how.value, endpoint_uuid=endpoint)
        report = await self._onvif.facts(found.xaddr, None)
        return from_report(report, found.port, found.how.value, endpoint)

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
