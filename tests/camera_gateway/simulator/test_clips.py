"""Rings of distinct keyframes, and the cache they are kept in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from camera_gateway.access_unit import Codec
from camera_gateway.simulator.camera import StreamShape
from camera_gateway.simulator.clip import RING, ClipKey, ClipMaker
from camera_gateway.simulator.clip_cache import ClipCache
from camera_gateway.simulator.clips import Clips
from camera_gateway.simulator.faults import Fault
from config.errors import Kind, XueliangError

SMALL = StreamShape("sub", 320, 180, 10, 0.5)
KEY = ClipKey(1, "day", SMALL)


def keyframe(maker: ClipMaker, key: ClipKey, look: int) -> bytes:
    return maker.gop(key, look, whole=False)[0].nals[-1]


@pytest.mark.parametrize("light", ["day", "dusk", "night", "ir"])
def test_a_ring_has_at_least_seventeen_distinct_keyframes(light: str) -> None:
    maker = ClipMaker()
    assert RING >= 17
    assert len({keyframe(maker, replace(KEY, light=light), look) for look in range(RING)}) == RING


def test_the_same_parameters_give_the_same_bytes_in_another_maker() -> None:
    assert ClipMaker().gop(KEY, 3, whole=True) == ClipMaker().gop(KEY, 3, whole=True)
    assert KEY.digest() == ClipKey(1, "day", StreamShape("sub", 320, 180, 10, 0.5)).digest()
    others = [replace(KEY, site=2), replace(KEY, still=True), replace(KEY, wrong=((Fault.BLURRED, 3.0),))]
    assert len({k.digest() for k in (KEY, *others)}) == 4


def test_a_whole_gop_begins_with_the_keyframe_that_is_sent_alone() -> None:
    maker = ClipMaker()
    whole, alone = maker.gop(KEY, 5, whole=True), maker.gop(KEY, 5, whole=False)
    assert [p.keyframe for p in whole] == [True, False, False, False, False]
    assert whole[0] == alone[0]
    assert len({p.nals for p in whole}) == 5


def test_keyframes_at_1080p_have_the_size_of_real_ones() -> None:
    maker = ClipMaker()
    for light in ("day", "night", "ir"):
        key = ClipKey(0, light, StreamShape("main", 1920, 1080, 12, 2.0))
        sizes = [len(keyframe(maker, key, look)) for look in (0, 7)]
        assert all(80_000 <= size <= 150_000 for size in sizes), (light, sizes)


def test_b_frames_are_shown_in_another_order_than_sent() -> None:
    orders = [p.order for p in ClipMaker().gop(replace(KEY, shape=replace(SMALL, b_frames=2)), 0, whole=True)]
    assert sorted(orders) == list(range(5))
    assert orders != sorted(orders)


def test_a_frozen_clip_repeats_its_keyframe() -> None:
    maker = ClipMaker()
    frozen = maker.gop(replace(KEY, still=True), 2, whole=True)
    assert frozen[0] == maker.gop(KEY, 2, whole=True)[0]
    assert sum(len(p.nals[0]) for p in frozen[1:]) < 400, "nothing but skipped blocks"


async def test_cached_on_disk_and_taken_from_there(tmp_path: Path) -> None:
    first, second = Clips(tmp_path / "c"), Clips(tmp_path / "c")
    await first.start()
    made = await first.gop(KEY, 4)
    await first.stop()
    (file,) = (tmp_path / "c").glob("*.gop")
    assert KEY.digest() in file.name
    assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o700
    before = file.stat().st_mtime_ns
    await second.start()
    assert (await second.gop(KEY, 4 + RING)).pictures[0].data.tobytes() == made.pictures[0].data.tobytes()
    await second.stop()
    assert [f.name for f in (tmp_path / "c").iterdir()] == [file.name]
    assert file.stat().st_mtime_ns >= before


async def test_those_who_ask_at_once_share_one_encoding(tmp_path: Path) -> None:
    clips = Clips()
    gops = await asyncio.gather(*(clips.gop(KEY, 1) for _ in range(20)))
    assert all(g is gops[0] for g in gops)
    await clips.stop()


async def test_memory_is_bounded() -> None:
    clips = Clips(max_memory=60_000)
    for look in range(RING):
        await clips.gop(KEY, look)
    held = [look for look in range(RING) if clips.ready(KEY, look) is not None]
    assert held
    assert held == list(range(held[0], RING)), "the oldest go first"
    assert len(held) < RING
    await clips.stop()


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path)
    tmp_path.chmod(0o700)
    cache.open()
    gop = ClipMaker().gop(KEY, 0, whole=False)
    cache.save("x", gop)
    assert cache.load("x") == gop
    file = tmp_path / "x.gop"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert cache.load("x") is None
    assert not file.exists()


def test_the_oldest_files_go_when_the_folder_is_full(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path, max_bytes=50_000)
    gop = ClipMaker().gop(KEY, 0, whole=False)
    for number in range(40):
        cache.save(f"{number:02d}", gop)
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) <= 50_000 + 50_000 // 16 + 2 * sum(map(len, gop[0].nals))


def test_a_folder_others_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(XueliangError) as caught:
        ClipCache(tmp_path).open()
    assert caught.value.kind is Kind.FORBIDDEN
    assert "--cache" in str(caught.value)


@pytest.mark.parametrize("codec", [Codec.H265, Codec.MJPEG])
async def test_other_codecs_give_clips_too(codec: Codec) -> None:
    clips = Clips()
    gop = await clips.gop(replace(KEY, shape=replace(SMALL, codec=codec)), 0, whole=True)
    assert len(gop.pictures) == 5
    assert len(gop.sets) == (3 if codec is Codec.H265 else 0)
    await clips.stop()
