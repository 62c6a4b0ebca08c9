"""The ring: what is kept from the last keyframe on, and where every packet is found."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from streaming import packet_ring
from streaming.numbering import BURST_STEP, Numbering
from streaming.packet_ring import PacketRing


def filled(groups: int, pictures: int, packets: int = 3, step: float = 0.04) -> PacketRing:
    ring, at = PacketRing(), 0.0
    for number in range(groups * pictures):
        pieces = [bytes((number & 0xFF, piece)) for piece in range(packets)]
        ring.append(pieces, number * 3600, number % pictures == 0, at)
        at += step
    return ring


def test_all_since_the_last_keyframe_is_kept_and_two_seconds_before() -> None:
    ring = filled(groups=5, pictures=100)
    assert ring.keyframe is not None
    assert ring.keyframe.number == 400
    assert ring.begin <= 400
    assert ring.entry(499).received - ring.entry(ring.begin).received >= 2.0
    assert ring.begin > 300


def test_a_group_that_never_ends_is_not_kept_for_ever() -> None:
    ring = PacketRing()
    for number in range(3000):
        ring.append([bytes(1000)] * 20, number, number == 0, number / 25)
    assert ring.bytes <= packet_ring.MAX_BYTES
    assert ring.keyframe is None
    assert ring.end == 3000


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 4), st.integers(1, 60), st.integers(1, 5), st.floats(0, 0.5))
def test_every_packet_that_is_kept_is_found(groups: int, pictures: int, packets: int, step: float) -> None:
    ring = filled(groups, pictures, packets, step)
    for number in range(ring.begin, ring.end):
        entry = ring.entry(number)
        for index in range(entry.first, entry.stop):
            found = ring.packet(index)
            assert found is not None
            (payload, marker), of = found
            assert of == entry
            assert payload == bytes((number & 0xFF, index - entry.first))
            assert bool(marker) == (index == entry.stop - 1)
    assert ring.packet(ring.packet_base - 1) is None
    assert ring.packet(ring.entry(ring.end - 1).stop) is None


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 0xFFFF), st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(0, 2**31))
def test_numbers_go_on_over_skips_and_are_found_again(start: int, runs: list[int], stamp: int) -> None:
    numbering, sent, last, now = Numbering(start, stamp), {}, -1, 100.0
    for length in runs:
        ring = filled(1, length + 5)
        keyframe = ring.keyframe
        assert keyframe is not None
        run = numbering.begin(ring, keyframe, now)
        for number in range(length):
            entry = ring.entry(number)
            time = run.time(entry)
            assert time > last
            last = time
            for index in range(entry.first, entry.stop):
                sent[(run.offset + index) & 0xFFFF] = (ring, index)
            numbering.sent(time, 3, now)
        now += 1.0
    for sequence, (ring, index) in list(sent.items())[-200:]:
        found = numbering.find(sequence)
        assert found is not None
        assert (found[0].ring, found[1]) == (ring, index)


def test_the_burst_is_close_and_the_live_pictures_keep_their_pace() -> None:
    ring, numbering = filled(1, 50), Numbering(1, 1)
    assert ring.keyframe is not None
    run = numbering.begin(ring, ring.keyframe, 2.0)
    times = [run.time(ring.entry(number)) for number in range(50)]
    assert {b - a for a, b in itertools.pairwise(times)} == {BURST_STEP}
    live = ring.append([b"x"], 50 * 3600, False, 2.0)
    assert run.time(live) - times[-1] == 3600
    assert run.live_time(2.5) == run.time(live) + 45_000
