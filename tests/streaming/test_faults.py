"""What a viewer sees when something breaks: every row of ``docs/ref/relay-faults.md``, held to its limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from camera_gateway.access_unit import Codec
from streaming.relay import RelayRules
from streaming.view_state import Role
from streaming.webrtc import ice
from tests.streaming import fault_report
from tests.streaming.trials import Outcome, Trial, path, silence
from tests.streaming.trials_service import crowd
from tests.support.relay_rig import FleetCameras, Peer, Rig, peer, rig

pytestmark = pytest.mark.usefixtures("no_leaks")


def sessions(made: Rig) -> int:
    """Connections at the first virtual device."""
    return len(made.fleet.rtsp._by_device.get(made.fleet.devices[0].id, ()))


@pytest.mark.parametrize("trial", [t for t in fault_report.ALL if not t.long], ids=lambda trial: trial.what)
async def test_what_the_viewer_sees(clips: Path, trial: Trial) -> None:
    assert trial.faults(await trial.run(clips)) == []


@pytest.mark.soak
@pytest.mark.parametrize("trial", [t for t in fault_report.ALL if t.long], ids=lambda trial: trial.what)
async def test_what_the_viewer_sees_in_longer_trials(clips: Path, trial: Trial, soak: bool) -> None:
    if not soak:
        pytest.skip("takes its time: --soak")
    assert trial.faults(await trial.run(clips)) == []


async def test_of_a_crowd_each_has_a_picture_and_whoever_is_too_many_is_told(clips: Path, soak: bool) -> None:
    count = 200 if soak else 50
    seen = await crowd(clips, count)
    assert len(seen.first) == count
    assert max(seen.first) < 15
    full = {"camera": count // 2, "account": count * 8 // 25, "service": count}
    assert [(who, open_, most) for who, open_, most, _ in seen.refused] == [(who, n, n) for who, n in full.items()]


async def test_a_viewer_that_falls_silent_is_gone_within_ten_seconds(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # At most a fifth more than 4 s and the next beat until it is asked, and three times a second for the answer.
    assert ice.CONSENT_SECONDS * 1.2 + ice.BEAT_SECONDS + ice.CONSENT_FAILURES * ice.ANSWER_SECONDS < 9
    for name, seconds in {"CONSENT_SECONDS": 0.05, "ANSWER_SECONDS": 0.05, "BEAT_SECONDS": 0.01}.items():
        monkeypatch.setattr(ice, name, seconds)
    async with path(clips) as (made, _, between):
        between.silent = True
        await made.until(lambda: made.ended != [])
        assert [reason for _, reason in made.ended] == ["silent"]
        assert made.relay.capacity.total == 0


async def test_one_session_at_the_camera_for_everybody_and_none_afterwards(clips: Path) -> None:
    async with rig(clips, rules=RelayRules(linger=0.5)) as made:
        viewers = [Peer() for _ in range(4)]
        try:
            for viewer in viewers:
                await viewer.watch(made)
            for viewer in viewers:
                await viewer.frame()
            assert sessions(made) == 1
        finally:
            for viewer in viewers:
                await viewer.close()
        await made.until(lambda: len(made.ended) == 4)
        await made.until(lambda: sessions(made) == 0)
        assert made.relay.streams() == []
        assert made.fleet.rtsp.torn_down == 1


async def test_the_sub_stream_is_taken_where_main_cannot_be_shown(clips: Path) -> None:
    async with rig(clips, codec=Codec.H265) as other, rig(clips) as made, peer() as viewer:
        cameras = made.relay._cameras
        assert isinstance(cameras, FleetCameras)
        camera_id = made.fleet.cameras[0].id
        mixed = dict(await cameras.streams(camera_id))
        theirs = other.relay._cameras
        mixed[Role.MAIN] = (await theirs.streams(other.fleet.cameras[0].id))[Role.MAIN]
        cameras.given[camera_id] = mixed
        opened = await viewer.watch(made)
        assert opened.role is Role.SUB
        assert (await viewer.frame()).width == 320
        shown = made.relay.shown()[0]
        assert (shown.role, shown.fell_back) == (Role.SUB, "H.265")


@pytest.mark.parametrize("trial", fault_report.ALL, ids=lambda trial: trial.what)
def test_the_committed_page_holds_every_trial(trial: Trial) -> None:
    """Else somebody changed the trials and did not run the report."""
    assert fault_report.PAGE.read_text("utf-8").count(f"\n| {trial.what} | ") == 1


def test_a_row_that_is_not_as_it_must_be_is_bold() -> None:
    trial = Trial("it breaks", silence, back=1.0)
    row = fault_report.Row(trial, (Outcome(("live",), 2.5, 3.0), Outcome(("live",), 0.25, 0.5, "well")))
    late = "next picture after 2.5 s, at most 1 s allowed"
    assert row.faults == [late]
    assert fault_report.line(row) == f"| it breaks | live | 2.5 s | 3.0 s | 1 s | **no**: {late} | 2 | 0.0 |"
