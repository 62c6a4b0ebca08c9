"""A backup has all but the master key in it, believes nobody, and comes back only where nothing was."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from center.backing_up import MANIFEST, SIGNATURE, backup
from center.backup_files import require_room
from center.cli import main
from center.control import ControlServer
from center.operations import OPERATIONS, offered
from center.restoring import check, restore
from center.storage import Storage, opened
from config.errors import Kind, XueliangError
from config.scope import Scope
from health.picture_files import PictureFiles
from registry.area import Area
from registry.area_store import add_area
from registry.audit_chain import parse_anchor
from registry.audit_store import page
from registry.backup_manifest import SQLITE
from registry.camera_list import credentials_of
from registry.master_key_file import create_master_key
from tests.support import postgres
from tests.support.api_rig import Client, Rig, served
from tests.support.api_world import JPEG, add_district
from tests.support.backup_world import (
    BANK,
    EVIDENCE,
    HELD,
    LOST,
    ONE,
    REFERENCE,
    ROWS_SINCE,
    SYSTEM,
    TAKEN,
    Original,
    build,
    names,
    refused,
    settings_in,
    silent,
)
from tests.support.databases import postgres_folder  # noqa: F401  (fixtures are found by name)

API = "/api/v1"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    with asyncio.Runner() as runner:
        return runner.run(build(tmp_path_factory.mktemp("original")))


@pytest.fixture
def made(original: Original, tmp_path: Path) -> Path:
    """A copy of the backup, to be spoilt."""
    return shutil.copytree(original.made, tmp_path / "copy")


# --- what is in it


def test_it_is_whole_private_and_without_secrets(original: Original) -> None:
    files = [path for path in original.made.rglob("*") if path.is_file()]
    names = {str(path.relative_to(original.made)) for path in files}
    assert names >= {MANIFEST, SIGNATURE, SQLITE, REFERENCE, EVIDENCE, f"evidence/good/{LOST}.jpg"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(original.made.stat().st_mode) == 0o700
    assert not [path for path in original.made.parent.iterdir() if "partial" in path.name]
    told = original.told
    assert (told["files"], told["vanished"], told["database"]) == (len(files) - 2, 0, "sqlite")
    assert told["audit"]["sound"]
    found = [(str(path), secret) for path in files for secret in original.secrets() if secret in path.read_bytes()]
    assert found == []
    # The search itself sees what is there.
    assert any(secret in original.key.read_bytes() for secret in original.secrets())


async def test_pages_of_deleted_rows_are_not_in_it(tmp_path: Path) -> None:
    """A copy of the pages would keep what went after its days for as long as the backup is kept."""
    settings = settings_in(tmp_path / "data")
    async with opened(settings):
        pass
    with closing(sqlite3.connect(tmp_path / "data" / SQLITE)) as db, db:
        rows = [(f"area-{number}", "x" * 180) for number in range(500)]
        db.executemany("INSERT INTO areas (id, name, version) VALUES (?, ?, 1)", rows)
        db.commit()
        db.execute("DELETE FROM areas")
    await backup(settings, tmp_path / "backup", silent)
    assert free_pages(tmp_path / "data" / SQLITE) > 10
    assert free_pages(tmp_path / "backup" / SQLITE) == 0


def free_pages(file: Path) -> int:
    with closing(sqlite3.connect(file)) as db:
        return int(db.execute("PRAGMA freelist_count").fetchone()[0])


@pytest.mark.usefixtures("no_leaks")
async def test_it_is_made_while_the_service_writes(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "data")
    written: list[int] = []
    enough = asyncio.Event()

    async def write(storage: Storage) -> None:
        while True:
            number = len(written)
            async with storage.db.write() as connection:
                await add_area(SYSTEM, connection, Area(f"area-{number}", f"Area {number}"))
            written.append(number)
            if number >= 10:
                enough.set()

    async with opened(settings) as storage:
        server = ControlServer(storage.folder.control, offered(storage))
        await server.start()
        writing = asyncio.create_task(write(storage))
        await asyncio.wait_for(enough.wait(), 30)
        before = len(written)
        told = await backup(settings, tmp_path / "backup", silent)
        after = len(written)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await server.close()
    assert after > before, "the writer waited for the backup"
    with closing(sqlite3.connect(tmp_path / "backup" / SQLITE)) as db:
        (areas,) = db.execute("SELECT count(*) FROM areas").fetchone()
        positions = [position for (position,) in db.execute("SELECT position FROM changes ORDER BY position")]
        acts = [act for (act,) in db.execute("SELECT act FROM audit ORDER BY seq")]
    assert before <= areas <= after
    assert positions == list(range(1, told["position"] + 1))
    assert told["audit"] == {"sound": True, "rows": len(acts), "faults": []}
    assert "backup.make" in acts, "whoever takes a copy of everything is on record in it"


async def test_a_picture_that_goes_meanwhile_is_told(original: Original, tmp_path: Path) -> None:
    data = shutil.copytree(original.data, tmp_path / "data")
    last = max((data / "evidence").rglob("*.jpg"))
    told = await backup(settings_in(data), tmp_path / "backup", lambda done, of: last.unlink(missing_ok=True))
    assert told["vanished"] == 1
    assert (await check(tmp_path / "backup", original.key, silent))["vanished"] == 1


async def test_pictures_on_another_disk_come_along(original: Original, tmp_path: Path) -> None:
    data = shutil.copytree(original.data, tmp_path / "data")
    (data / "evidence").rename(tmp_path / "disk")
    (data / "evidence").symlink_to(tmp_path / "disk")
    told = await backup(settings_in(data), tmp_path / "backup", silent)
    assert (told["files"], told["vanished"]) == (original.told["files"], 0)


async def test_where_it_cannot_go(original: Original, tmp_path: Path) -> None:
    settings = settings_in(original.data)
    stands = await refused(backup(settings, original.made, silent))
    assert (stands.kind, stands.where) == (Kind.CONFLICT, str(original.made))
    assert (await refused(backup(settings, original.data / "backup", silent))).kind is Kind.INVALID
    assert (await refused(backup(settings, tmp_path / "no" / "folder", silent))).kind is Kind.NOT_FOUND
    none = await refused(backup(settings_in(tmp_path / "nothing"), tmp_path / "backup", silent))
    assert (none.kind, none.what) == (Kind.NOT_FOUND, "there is no data folder yet")
    assert names(tmp_path) == []
    with pytest.raises(XueliangError, match="MiB left and"):
        require_room(tmp_path, 1 << 60)


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """As on a disk that is full once a file has so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_leaves_nothing(original: Original, tmp_path: Path) -> None:
    data = shutil.copytree(original.data, tmp_path / "data")
    most = len(BANK) - 1
    assert (data / SQLITE).stat().st_size < most, "the reference alone must be too large"
    with no_file_over(most):
        full = await refused(backup(settings_in(data), tmp_path / "backup", silent))
        fuller = await refused(restore(settings_in(tmp_path / "new"), original.made, original.key, None, silent))
    assert (full.kind, fuller.kind) == (Kind.UNAVAILABLE, Kind.UNAVAILABLE)
    assert REFERENCE in full.where
    assert names(tmp_path) == ["data"]


@pytest.mark.parametrize("act", ["backup", "restore"])
async def test_an_interrupted_one_leaves_nothing(act: str, original: Original, tmp_path: Path) -> None:
    """Ctrl-C is a cancellation of the command's task."""

    def interrupt(done: int, of: int) -> None:
        task.cancel()

    if act == "backup":
        work = backup(settings_in(original.data), tmp_path / "backup", interrupt)
    else:
        work = restore(settings_in(tmp_path / "new"), original.made, original.key, None, interrupt)
    task = asyncio.create_task(work)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(tmp_path) == []


# --- what is believed


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def edit(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def link(path: Path) -> None:
    kept = path.with_name("elsewhere")
    path.rename(kept)
    path.symlink_to(kept)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


SPOILT: dict[str, tuple[Callable[[Path], None], Kind, str]] = {
    "a byte of the database": (lambda b: flip(b / SQLITE), Kind.INVALID, f"{SQLITE}: .*bytes were changed"),
    "a byte of a picture": (lambda b: flip(b / EVIDENCE), Kind.INVALID, f"{EVIDENCE}: .*bytes were changed"),
    "a longer file": (lambda b: put(b / EVIDENCE, JPEG * 2), Kind.INVALID, "bytes were changed"),
    "a missing file": (lambda b: (b / REFERENCE).unlink(), Kind.NOT_FOUND, f"{REFERENCE}: the file is missing"),
    "no database": (lambda b: (b / SQLITE).unlink(), Kind.NOT_FOUND, f"{SQLITE}: the file is missing"),
    "a link": (lambda b: link(b / EVIDENCE), Kind.INVALID, "a link stands in its place"),
    "a linked folder": (lambda b: link(b / "references"), Kind.NOT_FOUND, "missing"),
    "a pipe": (lambda b: pipe(b / EVIDENCE), Kind.INVALID, "not a plain file"),
    "no manifest": (lambda b: (b / MANIFEST).unlink(), Kind.NOT_FOUND, "manifest.json: the file is missing"),
    "a cut manifest": (lambda b: cut(b / MANIFEST), Kind.INVALID, "the manifest is damaged: it is cut"),
    "an edited manifest": (lambda b: edit(b / MANIFEST, b'"vanished": 0', b'"vanished": 7'), Kind.INVALID, "signature"),
    "no signature": (lambda b: put(b / SIGNATURE, b""), Kind.INVALID, "signature does not fit"),
    "a long signature": (lambda b: put(b / SIGNATURE, bytes(65)), Kind.TOO_LARGE, "manifest.sig"),
    "a newer schema": (
        lambda b: edit(b / MANIFEST, b'"schema": "', b'"schema": "9'),
        Kind.UNAVAILABLE,
        "revision 9.* does not know",
    ),
    "a newer form": (lambda b: edit(b / MANIFEST, b"backup-1", b"backup-2"), Kind.UNAVAILABLE, "does not know"),
    "a path that leads out": (
        lambda b: edit(b / MANIFEST, EVIDENCE.encode(), b"evidence/last/../../x.jpg"),
        Kind.INVALID,
        "the manifest is damaged",
    ),
    "an absolute path": (
        lambda b: edit(b / MANIFEST, EVIDENCE.encode(), b"/etc/cron.d/x"),
        Kind.INVALID,
        "the manifest is damaged",
    ),
    "two of a name": (
        lambda b: edit(b / MANIFEST, EVIDENCE.encode(), f"evidence/good/{LOST}.jpg".encode()),
        Kind.INVALID,
        "named twice",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
async def test_what_was_changed_is_refused_by_name(name: str, original: Original, made: Path, tmp_path: Path) -> None:
    spoil, kind, text = SPOILT[name]
    spoil(made)
    error = await refused(restore(settings_in(tmp_path / "new"), made, original.key, None, silent))
    assert error.kind is kind
    with pytest.raises(XueliangError, match=text):
        raise error
    assert not (tmp_path / "new").exists()


async def test_another_master_key_is_refused_and_the_one_meant_is_named(original: Original, tmp_path: Path) -> None:
    settings, other_file = settings_in(tmp_path / "new"), tmp_path / "other.key"
    other = create_master_key(other_file)
    error = await refused(restore(settings, original.made, other_file, None, silent))
    assert error.kind is Kind.FORBIDDEN
    assert original.told["master_keys"][0] in error.what
    assert other.id in error.where
    # The right name on another key's secret opens nothing either.
    other_file.write_text(other_file.read_text().replace(other.id, original.told["master_keys"][0]))
    error = await refused(restore(settings, original.made, other_file, None, silent))
    assert "a key in it does not open" in error.what
    other_file.chmod(0o644)
    error = await refused(restore(settings, original.made, other_file, None, silent))
    assert "others may read" in error.what
    assert not (tmp_path / "new").exists()


async def test_an_installation_that_is_there_is_never_overwritten(original: Original, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    kept = tmp_path / "new" / "a file of somebody"
    kept.write_text("x")
    error = await refused(restore(settings_in(tmp_path / "new"), original.made, original.key, None, silent))
    assert (error.kind, error.where) == (Kind.CONFLICT, str(tmp_path / "new"))
    assert list((tmp_path / "new").iterdir()) == [kept]


async def test_half_a_restore_is_no_installation(original: Original, tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "new")
    (tmp_path / "new" / ".restoring").mkdir(parents=True)

    async def start() -> None:
        async with opened(settings):
            pass

    assert "not restored to its end" in (await refused(start())).what
    assert (await refused(restore(settings, original.made, original.key, None, silent))).kind is Kind.CONFLICT


async def test_settings_of_another_sort_are_refused(original: Original, tmp_path: Path) -> None:
    for url, text in (
        ("postgresql://nobody@127.0.0.1:1/none", "the backup is of SQLite"),
        ("sqlite:////x", "elsewhere"),
    ):
        settings = settings_in(tmp_path / "new", database={"url": url})
        error = await refused(restore(settings, original.made, original.key, None, silent))
        assert error.kind is Kind.INVALID
        assert text in error.what
    assert not (tmp_path / "new").exists()


# --- what comes back


async def asked(rig: Rig, client: Client, path: str) -> tuple[int, Any]:
    client.url = rig.url
    answered = await client.get(f"{API}/{path}")
    return answered.status, answered.json


@pytest.mark.usefixtures("no_leaks")
async def test_what_was_known_is_known_again(original: Original, tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "new")
    told = await restore(settings, original.made, original.key, None, silent)
    assert (told["lost_rows"], told["audit"]["sound"]) == (None, True)
    assert told["ended"] == {"sessions": 1, "views": 1}
    assert told["as_they_were"] == {"accounts": 1, "tokens": 1}
    assert told["epoch"] != original.told["epoch"]
    assert (tmp_path / "new" / REFERENCE).read_bytes() == BANK
    async with opened(settings, may_migrate=False) as storage:
        pictures = PictureFiles(storage.folder.evidence)
        at = pictures.last_at(ONE)
        assert at is not None
        assert (pictures.last(ONE), at.timestamp()) == (JPEG, TAKEN)
        found = await credentials_of(Scope.system("test"), storage.db, storage.vault, "a-nvr")
        assert found is not None
        assert found.password.get_secret_value() == "pw-a-secret"
        held = await refused(storage.memory.before_attempt(HELD))
        assert held.kind is Kind.LOCKED, "a password that was refused is not tried by the new machine"
        async with served(storage) as rig:
            await what_was_open_is_shut(original, rig)
            li = rig.client()
            assert (await li.log_in("li")).status == 201
            states = {one["id"]: one["state"] for one in (await asked(rig, li, "cameras"))[1]["items"]}
            assert (states[ONE], states[LOST]) == ("ok", "offline")
            incidents = (await asked(rig, li, "incidents"))[1]["items"]
            assert [(one["id"], one["camera_id"]) for one in incidents] == [("a-incident", LOST)]


async def what_was_open_is_shut(original: Original, rig: Rig) -> None:
    """Sessions, tickets and positions of before; a token holds, and loads everything anew."""
    status, _ = await asked(rig, Client(rig.url, cookie=original.cookie), "cameras")
    assert status == 401
    gone = await refused(rig.core.views.redeem(original.ticket, ONE))
    assert gone.kind is Kind.FORBIDDEN
    centre = Client(rig.url, token=original.token, browser=False)
    status, problem = await asked(rig, centre, f"changes?after={original.after}")
    assert (status, problem["code"]) == (410, "gone")
    status, anew = await asked(rig, centre, f"changes?after={problem['after']}" if "after" in problem else "changes")
    assert (status, anew["more"]) == (200, False)


async def test_the_log_goes_on_and_says_what_was_lost(original: Original, tmp_path: Path) -> None:
    settings, younger = settings_in(tmp_path / "new"), parse_anchor(original.younger)
    told = await restore(settings, original.made, original.key, younger, silent)
    rows = told["audit"]["rows"]
    assert rows == original.told["audit"]["rows"]
    assert told["lost_rows"] == younger.count - rows >= ROWS_SINCE
    async with opened(settings) as storage:
        report = await OPERATIONS["audit verify"](storage, {"anchor": original.told["anchor"]})
        assert (report["sound"], report["faults"]) == (True, [])
        rolled_back = await OPERATIONS["audit verify"](storage, {"anchor": original.younger})
        assert [fault["kind"] for fault in rolled_back["faults"]] == ["tail_cut"]
        async with storage.db.read() as connection:
            last = (await page(SYSTEM, connection, limit=1))[0]
    details = json.loads(last.details)
    assert (last.act, last.object_id) == ("backup.restore", original.told["id"])
    assert (details["made"], details["rows"], details["lost_rows"]) == (
        original.told["made"],
        rows,
        told["lost_rows"],
    )


async def test_an_anchor_of_somebody_else_says_nothing(original: Original, tmp_path: Path) -> None:
    async with opened(settings_in(tmp_path / "other")) as storage:
        foreign = parse_anchor((await OPERATIONS["audit anchor"](storage, {}))["anchor"])
    error = await refused(restore(settings_in(tmp_path / "new"), original.made, original.key, foreign, silent))
    assert (error.kind, error.where) == (Kind.INVALID, "--anchor")
    assert not (tmp_path / "new").exists()


def test_the_commands(original: Original, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        return code, *capsys.readouterr()

    there, key = str(tmp_path / "backup"), str(original.key)
    code, out, _ = run("backup", there, "--data", str(original.data), "--json")
    assert (code, json.loads(out)["target"]) == (0, there)
    code, _, err = run("backup", there, "--data", str(original.data))
    assert code == 1
    assert "something stands there already" in err
    code, out, _ = run("restore", there, "--key-file", key, "--check")
    assert code == 0
    assert "whole and signed" in out
    code, out, err = run("restore", there, "--key-file", key, "--data", str(tmp_path / "new"))
    assert code == 0
    assert "restored as of" in out
    assert "1 accounts and 1 tokens hold again" in err
    code, out, _ = run("restore", there, "--key-file", key, "--data", str(tmp_path / "new"), "--json")
    assert (code, json.loads(out)["error"]["kind"]) == (1, "conflict")
    anchor = tmp_path / "anchor"
    anchor.write_text(original.younger)
    assert run("restore", there, "--key-file", key, "--check", "--anchor", str(anchor))[0] == 2
    code, out, _ = run("audit", "verify", "--data", str(tmp_path / "new"), "--json")
    assert (code, json.loads(out)["sound"]) == (0, True)
    with pytest.raises(SystemExit, match="2"):
        main(["restore", there])


# --- PostgreSQL


async def test_postgresql_with_its_own_tools(postgres_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    if shutil.which("pg_dump") is None:
        pytest.skip("no pg_dump: install the package postgresql-client")
    urls = [postgres.copied_url(postgres_folder, name, "template0") for name in ("backed_up", "restored")]
    one, two = (settings_in(tmp_path / f"data{n}", database={"url": url}) for n, url in enumerate(urls))
    async with opened(one) as storage:
        await add_district(storage.db, storage.folder.evidence, "a", 1)
    told = await backup(one, tmp_path / "backup", silent)
    key = tmp_path / "data0" / "keys" / "master.key"
    assert (told["database"], told["files"]) == ("postgresql", 4)
    again = await restore(two, tmp_path / "backup", key, None, silent)
    assert again["audit"] == told["audit"]
    async with opened(two, may_migrate=False) as storage:
        found = await credentials_of(Scope.system("test"), storage.db, storage.vault, "a-nvr")
        assert found is not None
        counts = (await OPERATIONS["status"](storage, {}))["counts"]
        assert (counts["offline"], sum(counts.values())) == (1, 4)
        assert (await OPERATIONS["audit verify"](storage, {}))["sound"]
    twice = await refused(
        restore(settings_in(tmp_path / "data2", database={"url": urls[1]}), tmp_path / "backup", key, None, silent)
    )
    assert "has tables already" in twice.what
    assert not (tmp_path / "data2").exists()
    for name in ("backed_up", "restored"):
        postgres.drop_database(postgres_folder, name)
