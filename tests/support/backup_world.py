"""Wiring: an installation with something of everything, the backup that was made of it, and what happened after.

A room's conftest imports the fixtures ``original`` and ``made``.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from camera_gateway.memory import AccountKey
from center.backing_up import backup
from center.operations import OPERATIONS
from center.storage import opened
from config.errors import XueliangError
from config.scope import Role, Scope
from config.settings import Settings
from health.bank_file import MAX_FILE
from health.picture_files import PictureFiles
from registry.area import Area
from registry.area_store import add_area
from registry.master_key_file import read_master_keys
from tests.support.api_rig import PASSWORD, served
from tests.support.api_world import JPEG, add_district, camera_id
from tests.support.canaries import forms

SYSTEM = Scope.system("test")
ONE, LOST = camera_id("a", 1), camera_id("a", 2)
REFERENCE = f"references/{ONE}.bank"
EVIDENCE = f"evidence/last/{ONE}.jpg"
#: Larger than an empty database: a limit between the two is met by this file.
BANK = os.urandom(MAX_FILE)
#: A password that this device refused before the backup.
HELD = AccountKey("127.1.0.1", "admin", "secret:1")
#: Pictures are as old as their files.
TAKEN = 1_700_000_000
ROWS_SINCE = 30


@dataclass(frozen=True, slots=True)
class Original:
    """``told`` is what the command said; the rest are keys of people and programs from before it."""

    data: Path
    made: Path
    told: dict[str, Any]
    cookie: str
    token: str
    after: str
    ticket: str
    younger: str

    @property
    def key(self) -> Path:
        return self.data / "keys" / "master.key"

    def secrets(self) -> list[bytes]:
        """All that may be in no backup in clear, in every coding that is none."""
        words = (PASSWORD, "pw-a-secret", self.cookie.partition("=")[2], self.token, self.ticket)
        (master,) = read_master_keys(self.key)
        return [master.secret, *(form for word in words for form in forms(word)), *forms(_key_text(self.key))]


def settings_in(folder: Path, **more: Any) -> Settings:
    return Settings.model_validate({"service": {"data_dir": str(folder), "listen": "127.0.0.1:0"}, **more})


def silent(done: int, of: int) -> None: ...


async def build(base: Path) -> Original:
    """Made once, copied by whoever spoils it."""
    settings = settings_in(base / "data")
    async with opened(settings) as storage:
        await add_district(storage.db, storage.folder.evidence, "a", 1)
        PictureFiles(storage.folder.evidence).put_good(LOST, JPEG)
        (storage.folder.path / REFERENCE).write_bytes(BANK)
        os.utime(storage.folder.path / EVIDENCE, (TAKEN, TAKEN))
        await storage.memory.before_attempt(HELD)
        await storage.memory.attempt_failed(HELD)
        async with served(storage) as rig:
            li = await rig.user("li", Role.OPERATOR)
            centre = await rig.token("centre")
            after = (await centre.get("/api/v1/changes")).json["after"]
            ticket = (await li.post(f"/api/v1/cameras/{ONE}/views", {})).json["ticket"]
    told = await backup(settings, base / "backup", silent)
    async with opened(settings) as storage:
        for number in range(ROWS_SINCE):
            async with storage.db.write() as connection:
                await add_area(SYSTEM, connection, Area(f"later-{number}", f"Later {number}"))
        younger = (await OPERATIONS["audit anchor"](storage, {}))["anchor"]
    return Original(base / "data", base / "backup", told, li.cookie, centre.token, after, ticket, younger)


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    with asyncio.Runner() as runner:
        return runner.run(build(tmp_path_factory.mktemp("original")))


@pytest.fixture
def made(original: Original, tmp_path: Path) -> Path:
    """A copy of the backup, to be spoilt."""
    return shutil.copytree(original.made, tmp_path / "copy")


async def refused(work: Any) -> XueliangError:
    """What ``work`` raises; it must raise."""
    try:
        await work
    except XueliangError as error:
        return error
    raise AssertionError("it was not refused")


def _key_text(file: Path) -> str:
    return file.read_text("ascii").split()[2]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
