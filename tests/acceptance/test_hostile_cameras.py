"""Cameras that attack: each is a finding on itself, in bounded memory and time, and nobody else notices."""

from __future__ import annotations

import base64
import csv
import io
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from center.demo_fleet import command, fleet
from center.demo_settings import demo_settings
from center.operations import perform
from center.serving import Service, running
from config.ids import new_id
from config.scope import Scope
from config.settings import Settings
from health.observation import Tier
from health.state import State
from registry import nouns_store, rows_store
from registry.area import Area
from registry.area_store import add_area
from registry.camera import Camera
from registry.camera_store import add_camera
from registry.device import Device, DeviceKind
from registry.device_store import add_device
from registry.lifecycle import Lifecycle
from registry.proposal_store import list_proposals
from tests.support import process_memory as memory
from tests.support.hostile_camera import NETWORK, HostileFleet, hostile_fleet
from tests.support.hostile_talk import EVIL
from tests.support.udp_ports import free_port
from tests.support.watching import Watching

HEALTHY = 5
EVERY = 3.0
#: What the service and its workers may grow by, at their worst moment, with all of them attacking at once.
GROWTH = 128 * 1024 * 1024
#: What stays of that, as PSS; the peak above is of resident memory, for the kernel keeps no peak of PSS.
LEFT = 64 * 1024 * 1024
LEARN, CONCLUDE = 90.0, 60.0
#: Looks at every healthy camera while the attacks go on, and by how much one may be late.
LOOKS, LATE = 4, 2.0

#: Name -> what it is found to be, and a word of the text that a technician reads.
EXPECTED: dict[str, tuple[str, str]] = {
    "sdp garbage": ("no_stream", "no video track"),
    "sdp endless": ("too_large", "262144 bytes"),
    "sdp tracks": ("too_large", "2000 lines"),
    "names": ("protocol", "answers SETUP with 500"),
    "rtsp garbage": ("protocol", "not RTSP"),
    "http": ("protocol", "speaks HTTP, not RTSP"),
    "headers endless": ("too_large", "16384 bytes"),
    "drip": ("timeout", "no answer to DESCRIBE"),
    "flood": ("protocol", "not RTSP"),
    "asks": ("protocol", "asks without end"),
    "hangs up": ("protocol|refused", "the connection"),
    "silence": ("timeout", "no answer to DESCRIBE"),
    "redirects": ("protocol", "redirects are not followed"),
    "rtp garbage": ("too_large", "pixels"),  # among the noise there is a parameter set
    "rtp flood": ("no_keyframe", "packets flow"),
    "rtp not rtp": ("no_stream|no_keyframe", "packet"),
    "other stream": ("no_stream", "no packet"),
    "huge keyframe": ("too_large", "8388608 bytes"),
    "many pieces": ("too_large", "2048 pieces"),
    "huge picture": ("too_large", "16000x16000 pixels"),
    "noise keyframe": ("undecodable", "could not make a picture"),
    "xml bomb": ("protocol", "document type declaration"),
    "xml dtd": ("protocol", "document type declaration"),
    "xml deep": ("protocol", "depth"),
    "xml cut": ("protocol", "not well-formed XML"),
    "soap body endless": ("too_large", "1048576 bytes"),
    "http garbage": ("protocol", "not HTTP"),
    "soap silence": ("timeout", "no whole HTTP answer"),
}


@dataclass
class World:
    service: Service
    watch: Watching
    hostile: HostileFleet
    settings: Settings
    healthy: list[str]


def settings_with(base: Settings) -> Settings:
    reach = base.reach.model_copy(
        update={"networks": [*base.reach.networks, ip_network(NETWORK)], "ports": ["1024-65535"]}
    )
    discovery = base.discovery.model_copy(
        update={
            "cidrs": [*base.discovery.cidrs, ip_network("127.77.0.0/28")],
            "adopt_networks": [*base.discovery.adopt_networks, ip_network(NETWORK)],
        }
    )
    checks = base.checks.model_copy(update={"picture_seconds": EVERY, "liveness_seconds": EVERY})
    cameras = base.cameras.model_copy(update={"keyframe_extra_seconds": 1.0, "total_seconds": 7.0})
    return base.model_copy(update={"reach": reach, "discovery": discovery, "checks": checks, "cameras": cameras})


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    port, watch = free_port(), Watching()
    async with fleet(command(HEALTHY, port, None)) as found, hostile_fleet(port) as hostile:
        settings = settings_with(demo_settings(found, folder, port))
        async with running(settings, hears=watch.hear) as service:
            assert await watch.until(lambda: list(map(watch.shown, watch.states)).count(("ok", "")) == HEALTHY, LEARN)
            yield World(service, watch, hostile, settings, [c for c in watch.states if watch.shown(c)[0] == "ok"])


async def bring_in(one: World) -> dict[str, str]:
    """RTSP cameras by an inventory, as a person would; ONVIF ones that no stream is known of by the registry. Camera
    id -> name."""
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["点位名称", "IP地址", "主码流地址", "行政区划"])
    for name, url in one.hostile.rtsp.items():
        rows.writerow([f"{name} {EVIL}", url.split("/")[2].split(":")[0], url, "敌营"])
    data = base64.b64encode(table.getvalue().encode()).decode()
    answer = await perform(one.settings, "import", {"data": data})
    assert answer["counts"]["add"] == len(one.hostile.rtsp), answer["findings"]
    await add_onvif(one)
    names = {url: name for name, url in one.hostile.rtsp.items()}
    names.update({xaddr: name for name, xaddr in one.hostile.onvif.items()})
    brought: dict[str, str] = {}

    def known() -> bool:
        for camera in one.service.app.book.cameras():
            name = names.get(camera.main.url if camera.main else camera.onvif_xaddr or "")
            if name:
                brought[camera.camera_id] = name
        return len(brought) == len(names)

    assert await one.watch.until(known, 30), sorted(set(names.values()) - set(brought.values()))
    return brought


async def add_onvif(one: World) -> None:
    scope, area = Scope.system("test"), Area(new_id(), "敌营2")
    async with one.service.app.storage.db.write() as connection:
        await add_area(scope, connection, area)
        for name, xaddr in one.hostile.onvif.items():
            host, _, port = xaddr.split("/")[2].partition(":")
            device = Device(new_id(), name, DeviceKind.CAMERA, host, int(port), area.id, onvif_xaddr=xaddr)
            await add_device(scope, connection, device)
            camera = Camera(new_id(), device.id, "1", name, area.id, lifecycle=Lifecycle.IN_USE)
            await add_camera(scope, connection, camera)


def strings(of: Any) -> Iterator[str]:
    if isinstance(of, str):
        yield of
    elif isinstance(of, dict):
        for key, value in of.items():
            yield str(key)
            yield from strings(value)
    elif isinstance(of, list | tuple):
        for value in of:
            yield from strings(value)


async def all_texts(one: World) -> list[str]:
    """Every string that a person may be shown: states, inventory, proposals."""
    found = list(strings(await perform(one.settings, "status", {})))
    for camera in one.service.app.book.cameras():
        found += [camera.camera_name, camera.device_name, camera.point_name or ""]
    scope = Scope.system("test")
    async with one.service.app.storage.db.read() as connection:
        proposals = (await list_proposals(scope, connection)).items
        device_rows = await rows_store.every(scope, connection, nouns_store.DEVICE)
    assert one.hostile.discovered in {proposal.host for proposal in proposals}
    evil = next(d for d in device_rows if d.host == one.hostile.discovered)
    assert evil.make is not None
    assert "<script>" in evil.make, "the evil device was not read"
    for proposal in proposals:
        found += [*strings(proposal.facts), *strings(proposal.conflicts)]
    for device in device_rows:
        found += list(strings([device.name, device.make, device.model, device.firmware, device.serial]))
    return found


def wrong(one: World, names: dict[str, str]) -> list[str]:
    """Hostile cameras that are not what they should be found to be, in words."""
    found = []
    for camera_id, name in names.items():
        causes, words = EXPECTED[name]
        state, cause = one.watch.shown(camera_id)
        told = [seen.detail for seen in one.watch.seen.get(camera_id, [])]
        if state != State.OFFLINE or cause not in causes.split("|") or not any(words in text for text in told):
            found.append(f"{name}: {state} {cause}, {set(told)}")
    return found


def latest_pause(watch: Watching, camera_id: str) -> float:
    """The longest time between two pictures of a camera, seconds."""
    at = [seen.at for seen in watch.seen[camera_id] if seen.tier is Tier.PICTURE]
    return max((later - earlier).total_seconds() for earlier, later in pairwise(at))


async def test_an_attack_stays_with_its_camera(no_leaks: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder)) as one:
            watch, begun = one.watch, len(one.watch.changes)
            pids = memory.service_and_workers()
            before, pss = sum(map(memory.resident, pids)), sum(map(memory.shared_fairly, pids))
            for pid in pids:
                memory.forget_peak(pid)
            for camera_id in one.healthy:
                del watch.seen[camera_id][:-1]

            names = await bring_in(one)
            await watch.until(lambda: not wrong(one, names), CONCLUDE)
            assert wrong(one, names) == []
            looks = dict(watch.pictures)
            assert await watch.until(
                lambda: all(watch.pictures[c] >= looks[c] + LOOKS for c in one.healthy), LOOKS * EVERY * LATE
            ), "the healthy cameras are not looked at in time"

            assert max(latest_pause(watch, camera_id) for camera_id in one.healthy) <= EVERY * LATE
            assert [c for c in watch.changes[begun:] if c.camera_id in one.healthy] == []
            assert set(map(watch.shown, one.healthy)) == {("ok", "")}
            after = sum(map(memory.peak, memory.service_and_workers()))
            assert after - before <= GROWTH, f"{before} bytes before, {after} at the worst moment"
            left = sum(map(memory.shared_fairly, memory.service_and_workers()))
            assert left - pss <= LEFT, f"{pss} bytes PSS before, {left} while the attack goes on"
            assert one.service.app.engine.counts["failed_internally"] == 0
            assert [text for text in await all_texts(one) if not text.isprintable()] == []
    said = [record.getMessage() for record in caplog.records]
    assert [text for text in said if not text.replace("\n", "").isprintable()] == []
    assert any("<script>" in text for text in said), "what the device said is told, without its teeth"
