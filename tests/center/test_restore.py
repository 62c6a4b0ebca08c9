"""A backup is believed only when it is signed and whole, and comes back only where nothing was."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from center.backing_up import MANIFEST, SIGNATURE, backup
from center.cli import main
from center.operations import OPERATIONS
from center.restoring import restore
from center.storage import opened
from config.errors import Kind, XueliangError
from config.scope import Scope
from health.picture_files import PictureFiles
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
    refused,
    settings_in,
    silent,
)
from tests.support.databases import postgres_folder  # noqa: F401  (fixtures are found by name)

API = "/api/v1"


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
