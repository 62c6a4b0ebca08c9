"""The relay's bench by itself: shares, costs, sections that are put together again, and the offers of its viewers."""

from __future__ import annotations

import json

import pytest

from bench.relay import result_of
from bench.relay_feed import Picture, access_units
from bench.relay_load import Load, _more, _scale_table
from bench.relay_part import Part, percentile, together
from bench.relay_peer import Peer
from bench.report import Bound, Table, markdown
from streaming.offer import parse


def load(viewers: int, cpu: float, mbit: float = 2.0) -> Load:
    return Load("ours", viewers, cpu, mbit, 1.0, 1024 * 1024, 0.0, 0.0)


def part(name: str, value: float, *, quick: bool = False) -> Part:
    table = Table(name, ("what", "ms"), (("a", "1"),))
    bounds = [Bound(name, value, "ms", most=10)]
    return Part(name, bounds, [table], [f"of {name}"], {"raw": [1]}, quick=quick, date="2026-01-01", load_before=0.1)


@pytest.mark.parametrize(
    ("values", "share", "wanted"),
    [([3, 1, 2], 0.5, 2), (range(1, 101), 0.95, 95), (range(1, 101), 0.99, 99), ([7], 0.95, 7), ([1, 2], 0.95, 2)],
)
def test_a_percentile_is_one_of_the_values(values: list[float], share: float, wanted: float) -> None:
    assert percentile(list(values), share) == wanted


def test_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_cost_is_by_what_was_delivered() -> None:
    assert load(20, 0.1).cost == pytest.approx(0.5)
    assert load(20, 0.1, mbit=1.0).cost == pytest.approx(
        1.0
    )  # half of the stream for the same work costs twice as much


def test_one_more_viewer_is_told_apart_from_the_first() -> None:
    table = _scale_table({"2000 kbit/s": [load(1, 0.02), load(11, 0.04)]})
    assert _more({1: load(1, 0.02), 11: load(11, 0.04)}) == pytest.approx(0.2)
    assert [row[2:6] for row in table.rows] == [("2.0", "2.000", "", "50"), ("4.0", "0.364", "0.200", "275")]


def test_a_part_comes_back_from_json_as_it_was() -> None:
    one = part("cpu", 5)
    assert Part.of(json.loads(json.dumps(one.document()))) == one


def test_a_fresh_part_takes_the_place_of_the_kept_one_and_try_outs_are_not_kept() -> None:
    found = together([part("wall", 1)], [part("wall", 2), part("cpu", 3), part("first", 4, quick=True)])
    assert [(one.name, one.bounds[0].value) for one in found] == [("cpu", 3), ("wall", 1)]


def test_parts_make_one_section_and_one_broken_promise_breaks_it() -> None:
    result = result_of([part("cpu", 5), part("wall", 11)])
    assert not result.held
    text = markdown(result)
    assert text.startswith("## Live pictures")
    assert "| wall | 11 ms | <= 10 | **no** |" in text
    assert "cpu 2026-01-01 (load before 0.10), wall 2026-01-01" in text


def test_a_picture_is_read_as_it_is_written() -> None:
    assert str(Picture.parse("1280x720@2000")) == "1280x720@2000"


def test_delimiters_part_the_access_units() -> None:
    stream = b"\0\0\0\1\x09\x10\0\0\0\1\x67\x01\0\0\1\x65\x02\0\0\0\1\x09\x30\0\0\0\1\x41\x03"
    assert access_units(stream) == [(b"\x67\x01", b"\x65\x02"), (b"\x41\x03",)]


async def test_the_viewers_offer_is_one_that_our_relay_takes() -> None:
    peer = Peer("127.0.0.1", controlling=True)
    try:
        offer = parse(await peer.offer())
        assert (offer.h264.payload, offer.h264.rtx, offer.dtls) == (96, 97, "actpass")
        assert [one.address for one in offer.candidates] == ["127.0.0.1"]
    finally:
        await peer.close()
