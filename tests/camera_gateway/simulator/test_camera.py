"""Faults of devices and channels, and the truth about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from camera_gateway.simulator.camera import MAX_CHANGES, VirtualCamera, set_fault, truth
from camera_gateway.simulator.faults import EXPECTED, MEANING, Fault, check_parameter
from camera_gateway.simulator.fleet_spec import FleetSpec, build
from camera_gateway.simulator.gate import Gate
from config.errors import Kind, XueliangError

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def fleet(cameras: int = 4, **fields: int) -> list[VirtualCamera]:
    devices = build(FleetSpec(cameras, **fields), lambda i: (f"127.0.1.{i + 1}", 8554, 8080), NOW)  # type: ignore[arg-type]
    return [c for d in devices for c in d.channels]


def test_every_fault_is_explained() -> None:
    assert set(EXPECTED) == set(MEANING) == set(Fault)


def test_the_truth_names_the_fault_that_hides_the_others() -> None:
    (camera,) = fleet(1)
    assert truth(camera, NOW)["healthy"] is True
    set_fault(camera, Fault.BLURRED, True, NOW)
    assert truth(camera, NOW)["expected"] == ["blurred"]
    set_fault(camera, Fault.REFUSED, True, NOW)
    assert truth(camera, NOW)["expected"] == ["refused"]
    assert [f["fault"] for f in truth(camera, NOW)["faults"]] == ["refused", "blurred"]  # type: ignore[attr-defined]
    set_fault(camera, Fault.REFUSED, False, NOW)
    set_fault(camera, Fault.BLURRED, False, NOW)
    assert truth(camera, NOW)["expected"] == []


def test_clock_skew_is_a_finding_not_a_fault_of_the_picture() -> None:
    (camera,) = fleet(1)
    set_fault(camera, Fault.CLOCK_SKEW, True, NOW, parameter=-7200)
    told = truth(camera, NOW)
    assert (told["healthy"], told["findings"], told["clock_skew"]) == (True, ["clock"], -7200.0)
    assert camera.device.clock(NOW) == NOW - timedelta(hours=2)


def test_a_change_is_stamped_once_and_history_is_bounded() -> None:
    (camera,) = fleet(1)
    assert set_fault(camera, Fault.NOISE, True, NOW, parameter=20, by="plan")
    assert not set_fault(camera, Fault.NOISE, True, NOW + timedelta(seconds=1), parameter=20)
    assert set_fault(camera, Fault.NOISE, True, NOW + timedelta(seconds=2), parameter=30)
    assert not set_fault(camera, Fault.BLACK, False, NOW)
    changes = truth(camera, NOW, history=True)["changes"]
    assert changes == [
        {"at": NOW.isoformat(), "fault": "noise", "on": True, "parameter": 20.0, "by": "plan"},
        {"at": (NOW + timedelta(seconds=2)).isoformat(), "fault": "noise", "on": True, "parameter": 30.0, "by": "code"},
    ]
    for number in range(500):
        set_fault(camera, Fault.BLACK, number % 2 == 0, NOW)
    assert camera.changes is not None
    assert len(camera.changes) == MAX_CHANGES


def test_device_faults_hold_for_every_channel_and_picture_faults_for_one() -> None:
    one, two, single = fleet(3, recorders=1, channels=2)
    set_fault(one, Fault.HANGS, True, NOW)
    set_fault(two, Fault.BLACK, True, NOW)
    assert [sorted(c.faults) for c in (one, two, single)] == [["hangs"], ["black", "hangs"], []]
    assert one.changes is not None
    assert two.changes is not None
    assert [c.fault for c in two.changes] == [Fault.HANGS, Fault.BLACK]


@pytest.mark.parametrize(
    ("fault", "gate"),
    [
        (Fault.HANGS, Gate.SILENT),
        (Fault.UNREACHABLE, Gate.SILENT),
        (Fault.LINK_LOST, Gate.SILENT),
        (Fault.REFUSED, Gate.RESET),
        (Fault.REBOOT, Gate.RESET),
        (Fault.BLACK, Gate.SERVE),
    ],
)
def test_gates(fault: Fault, gate: Gate) -> None:
    (camera,) = fleet(1)
    set_fault(camera, fault, True, NOW)
    assert camera.device.gate() is gate


def test_a_reboot_moves_the_boot_time() -> None:
    (camera,) = fleet(1)
    set_fault(camera, Fault.REBOOT, True, NOW)
    set_fault(camera, Fault.REBOOT, False, NOW + timedelta(seconds=45))
    assert camera.device.started == NOW + timedelta(seconds=45)


def test_passwords() -> None:
    (camera,) = fleet(1)
    assert camera.device.secret("operator") == camera.password
    assert camera.device.secret("admin") is None
    set_fault(camera, Fault.WRONG_PASSWORD, True, NOW)
    assert camera.device.secret("operator") != camera.password
    assert camera.password not in repr(camera.device)


@pytest.mark.parametrize(("fault", "value"), [(Fault.BLACK, 1.0), (Fault.MOVED, 0.9), (Fault.STALL, float("nan"))])
def test_parameters_out_of_range_are_refused(fault: Fault, value: float) -> None:
    with pytest.raises(ValueError, match=str(fault)):
        check_parameter(fault, value)


def test_the_same_seed_builds_the_same_fleet() -> None:
    first, second = fleet(40, recorders=2), fleet(40, recorders=2)
    assert [(c.id, c.password, c.identity, c.step) for c in first] == [
        (c.id, c.password, c.identity, c.step) for c in second
    ]
    other = fleet(40, recorders=2, seed=2)
    assert all(a.password != b.password for a, b in zip(first, other, strict=True))
    for values in (
        {d.identity.serial for d in {c.device for c in first}},
        {d.identity.mac for d in {c.device for c in first}},
        {d.identity.endpoint for d in {c.device for c in first}},
    ):
        assert len(values) == len({c.device for c in first})
    assert {c.auth_mode for c in first} == {"both", "digest", "wsse"}


@pytest.mark.parametrize(
    "fields",
    [
        {"cameras": 0},
        {"cameras": 70_000},
        {"cameras": 4, "recorders": 2, "channels": 4},
        {"cameras": 4, "listen": "all"},
        {"cameras": 4, "lights": ("noon",)},
        {"cameras": 4, "fps": 0},
        {"cameras": 4, "main": (1921, 1080)},
    ],
)
def test_a_spec_that_cannot_be_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(XueliangError) as caught:
        FleetSpec(**fields).check()  # type: ignore[arg-type]
    assert caught.value.kind is Kind.INVALID


def test_the_reference_names_every_fault_and_its_default() -> None:
    text = (Path(__file__).parents[3] / "docs" / "ref" / "virtual-fleet.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `") and line.count("|") == 5]
    for fault, expectation in EXPECTED.items():
        (row,) = [line for line in rows if f"`{fault}`" in line]
        assert not expectation.unit or f"({expectation.default:g})" in row
