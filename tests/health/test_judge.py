"""Wiring: real keyframes of virtual cameras, judged as a worker does it: every picture fault its class, no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.job import Answer, Job
from camera_gateway.media.encode import encode_jpeg
from camera_gateway.media.pool import DecodePool
from camera_gateway.simulator.distort import DISTORTIONS
from camera_gateway.simulator.faults import EXPECTED, Fault
from config.clock import SystemClock
from config.thresholds import Thresholds
from health.classes import CannotJudge, VerdictClass
from health.detectors import Value
from health.evidence import MAX_EVIDENCE, MAX_THUMBNAIL
from health.judge import judge
from health.reference import Learning
from health.request import Command, JudgeRequest
from health.verdict import Verdicts, conclude
from tests.support.pictures import blocks, flat, unit

FAST = Learning(write_every=0.0, warm_up=0.0)
START = 1_700_000_000.0


class Camera:
    """A camera's reference file and last signature, as the service keeps them."""

    def __init__(self, path: Path, **site: Any) -> None:
        self.path, self.site = path, site
        self.at, self.signature = START, b""

    def ask(self, wanted: AccessUnit, **changes: Any) -> tuple[Verdicts, Answer]:
        self.at += 5
        request = replace(JudgeRequest(self.at, self.signature, learning=FAST), **changes)
        answer = judge(Job("camera", wanted, reference_path=str(self.path), parameters=request.to_parameters()))
        self.signature = answer.numbers["signature"]
        return conclude(answer.numbers, request.thresholds), answer

    def look(self, look: int, wrong: Fault | None = None, **changes: Any) -> tuple[Verdicts, Answer]:
        faults = () if wrong is None else ((wrong, EXPECTED[wrong].default),)
        return self.ask(unit(look, wrong=faults, **self.site), **changes)

    def learn(self) -> None:
        for look in range(6):
            assert self.look(look)[0].cause is CannotJudge.LEARNING


CAMERAS = [
    {"site": 0, "light": "day"},
    {"site": 1, "light": "dusk"},
    {"site": 2, "light": "night"},
    {"site": 3, "light": "ir", "codec": Codec.H265},
    {"site": 4, "light": "day", "codec": Codec.MJPEG, "width": 704, "height": 576},
]
FAULTS = sorted(f for f in DISTORTIONS if EXPECTED[f].classes and EXPECTED[f].certain)


@pytest.mark.parametrize("site", CAMERAS, ids=lambda s: f"{s['site']}-{s['light']}")
def test_every_picture_fault_gets_its_class_and_no_healthy_picture_one(site: dict[str, Any], tmp_path: Path) -> None:
    camera = Camera(tmp_path / "camera.bank", **site)
    camera.learn()
    for look in range(6, 17):
        assert camera.look(look)[0].value is Value.GOOD
    for fault in FAULTS:
        found, answer = camera.look(3, fault, learning=replace(FAST, allowed=False))
        assert found.cause in [VerdictClass(c) for c in EXPECTED[fault].classes], (fault, found)
        assert 0 < len(answer.evidence) <= MAX_EVIDENCE
        assert camera.look(5)[0].value is Value.GOOD


def test_a_fault_that_lasts_is_never_learned_as_normal(tmp_path: Path) -> None:
    camera = Camera(tmp_path / "camera.bank", site=0)
    camera.learn()
    for fault in (Fault.MOVED, Fault.COVERED_70, Fault.BLURRED):
        for look in range(12):
            assert camera.look(look, fault)[0].value is Value.BAD
        assert camera.look(2)[0].value is Value.GOOD


def test_a_person_approves_a_new_view_or_has_everything_forgotten(tmp_path: Path) -> None:
    camera = Camera(tmp_path / "camera.bank", site=0)
    camera.learn()
    for look in range(6):
        moved, answer = camera.look(look, Fault.MOVED)
        assert moved.cause is VerdictClass.MOVED
    assert (answer.numbers["bank"]["in_use"], answer.numbers["bank"]["proposed"]) == (1, 1)
    found, answer = camera.look(7, Fault.MOVED, command=Command.APPROVE)
    assert found.value is Value.GOOD
    assert answer.numbers["bank"]["approved"] == 1
    assert camera.look(8)[0].value is Value.GOOD
    found, answer = camera.look(9, command=Command.RESET)
    assert found.cause is CannotJudge.LEARNING
    assert answer.numbers["bank"]["in_use"] == 0


@pytest.mark.parametrize("fault", [Fault.BLACK, Fault.WHITE, Fault.SIGNAL_LOST, Fault.COVERED_100])
def test_a_camera_bad_from_the_start_is_noticed_and_not_learned(fault: Fault, tmp_path: Path) -> None:
    camera = Camera(tmp_path / "camera.bank", site=0)
    for look in range(8):
        found, answer = camera.look(look, fault)
        assert found.cause in [VerdictClass(c) for c in EXPECTED[fault].classes]
        assert answer.numbers["bank"]["in_use"] == answer.numbers["bank"]["samples"] == 0


def test_the_same_picture_again_is_frozen_unless_the_source_clock_stands(tmp_path: Path) -> None:
    camera = Camera(tmp_path / "camera.bank", site=0)
    camera.learn()
    camera.look(6)
    assert camera.look(6, advanced=False)[0].value is Value.GOOD
    assert camera.look(6, advanced=True)[0].cause is VerdictClass.FROZEN
    assert camera.look(6)[0].cause is VerdictClass.FROZEN
    assert camera.look(7)[0].value is Value.GOOD


def test_under_a_privacy_mask_nothing_leaves_the_worker(tmp_path: Path) -> None:
    scene = blocks(5)
    coded = AccessUnit(Codec.MJPEG, True, (jpeg(scene),), 0, 0.0)
    left = (((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)),)
    request = JudgeRequest(START, learning=FAST)
    answer = judge(Job("camera", coded, left, str(tmp_path / "x.bank"), request.to_parameters()))
    assert 0 < len(answer.thumbnail) <= MAX_THUMBNAIL
    seen = cv2.imdecode(np.frombuffer(answer.thumbnail, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert seen is not None
    assert seen.shape == (180, 320)
    assert seen[:, :155].std() < 3
    assert seen[:, 165:].std() > 20
    points = np.frombuffer(answer.numbers["signature"][16:], np.uint8).reshape(-1, 80)
    assert points[:, :39].std() == 0


def test_a_broken_reference_file_is_told_and_learned_anew(tmp_path: Path) -> None:
    camera = Camera(tmp_path / "camera.bank", site=0)
    camera.path.write_bytes(b"x" * 1000)
    found, answer = camera.look(0)
    assert found.cause is CannotJudge.LEARNING
    assert "not a reference file" in answer.numbers["bank"]["broken"]
    assert camera.look(1)[1].numbers["bank"]["broken"] == ""


def test_without_a_reference_file_one_picture_is_judged_by_absolute_rules() -> None:
    request = JudgeRequest(START)
    answer = judge(Job("probe", unit(0), parameters=request.to_parameters()))
    assert conclude(answer.numbers, Thresholds()).cause is CannotJudge.LEARNING
    dark = AccessUnit(Codec.MJPEG, True, (jpeg(flat(4).y),), 0, 0.0)
    answer = judge(Job("probe", dark, parameters=request.to_parameters()))
    assert conclude(answer.numbers, Thresholds()).cause is VerdictClass.BLACK


async def test_the_pool_runs_it_in_a_worker(tmp_path: Path) -> None:
    pool = DecodePool("health.judge:judge", 1, SystemClock())
    try:
        path = tmp_path / "references" / "camera.bank"
        for look in range(7):
            request = JudgeRequest(START + look, learning=FAST)
            answer = await pool.run(Job("camera", unit(look), (), str(path), request.to_parameters()), 60)
        assert conclude(answer.numbers, Thresholds()).value is Value.GOOD
        assert path.stat().st_size < 130_000
    finally:
        await pool.close()


def test_a_request_travels_whole() -> None:
    request = JudgeRequest(
        START,
        signature=b"x",
        advanced=True,
        latitude=30.0,
        longitude=120.0,
        learning=FAST,
        thresholds=Thresholds.of({"covered_patch": 0.5}),
        command=Command.APPROVE,
        thumbnail=False,
        evidence=False,
    )
    assert JudgeRequest.from_parameters(request.to_parameters()) == request


def jpeg(y: np.typing.NDArray[np.uint8]) -> bytes:
    grey = np.full((y.shape[0] // 2, y.shape[1]), 128, np.uint8)
    return encode_jpeg(np.concatenate([y, grey]))
