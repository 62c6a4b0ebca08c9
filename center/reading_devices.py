"""Wiring: adopted devices are asked, with their credentials, for the channels and streams they tell no stranger."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TypeVar

from camera_gateway.onvif.client import OnvifClient
from center.storage import Storage
from config.errors import XueliangError
from config.scope import Scope
from registry.camera_list import credentials_of
from registry.camera_store import cameras_of_all
from registry.device_store import get_devices
from registry.found_device import FoundDevice, from_report
from registry.reconcile import learn_all

log = logging.getLogger(__name__)

#: Devices visited at once: a visit is up to some hundred small calls, one at a time for each device.
VISITS = 32

T = TypeVar("T")


class DeviceReader:
    """Its own scope is the system's, named in the audit. A device's faults stay its own."""

    def __init__(self, storage: Storage, onvif: OnvifClient) -> None:
        self._storage = storage
        self._onvif = onvif
        self._scope = Scope.system("discovery")

    async def read_all(self, devices: Sequence[tuple[str, FoundDevice]], *, only_if_empty: bool = False) -> None:
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
                await self._learn(drain(told))

        async with asyncio.TaskGroup() as group:
            for device_id, bare in await self._readable(devices, only_if_empty=only_if_empty):
                group.create_task(read(device_id, bare))

    async def _readable(
        self, devices: Sequence[tuple[str, FoundDevice]], *, only_if_empty: bool
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

    async def _read(self, device_id: str, bare: FoundDevice) -> FoundDevice:
        """With the channels and streams that only answer to credentials."""
        storage = self._storage
        credentials = await credentials_of(self._scope, storage.db, storage.vault, device_id)
        report = await self._onvif.facts(bare.onvif_xaddr, credentials)
        for finding in report.findings:
            log.info("< %s %s: %s", bare.host, finding.code, finding.text)
        return from_report(report, bare.port, bare.how, bare.endpoint_uuid)


def drain(heard: list[T]) -> list[T]:
    taken = heard[:]
    heard.clear()
    return taken
