"""Fault plans: what is read, what is refused and where, and plans without end."""

from __future__ import annotations

import itertools
import json
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.simulator.ever_changing import LIVELY, ever_changing
from camera_gateway.simulator.faults import EXPECTED, Fault, Layer
from camera_gateway.simulator.fleet_spec import FleetSpec, build
from camera_gateway.simulator.plan import Step, read_plan
from config.errors import Kind, XueliangError

CAMERAS, GROUPS = {"cam-1", "cam-2"}, {"link-01"}

JSON_PLAN = """[
  {"at": 30, "camera": "cam-1", "fault": "black", "for": 60},
  {"at": 5.5, "cameras": ["cam-1", "cam-2"], "fault": "stall", "parameter": 3},

  {"at": 200, "group": "link-01", "fault": "link_lost", "on": false}
]"""

TOML_PLAN = """
[[entries]]
at = 30
camera = "cam-1"
fault = "black"
for = 60

[[entries]]
at = 5.5
cameras = ["cam-1", "cam-2"]
fault = "stall"
parameter = 3
[[entries]]
at = 200
group = "link-01"
fault = "link_lost"
on = false
"""

STEPS = [
    Step(5.5, Fault.STALL, True, ("cam-1", "cam-2"), parameter=3),
    Step(30.0, Fault.BLACK, True, ("cam-1",)),
    Step(90.0, Fault.BLACK, False, ("cam-1",)),
    Step(200.0, Fault.LINK_LOST, False, (), "link-01"),
]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (JSON_PLAN, "p.json"),
        (f'{{"entries": {JSON_PLAN}}}', "p.json"),
        (TOML_PLAN, "p.toml"),
        ("\ufeff" + JSON_PLAN, "p"),
    ],
)
def test_both_forms_say_the_same_in_order_of_time(text: str, name: str) -> None:
    assert read_plan(text.encode(), name, CAMERAS, GROUPS) == STEPS


def entry(**changes: object) -> str:
    values = {"at": 1, "camera": "cam-1", "fault": "black", **changes}
    return json.dumps(
        [{"at": 0, "camera": "cam-1", "fault": "white"}, {k: v for k, v in values.items() if v is not None}], indent=1
    )


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (entry(at=-1), 7, "at: seconds"),
        (entry(at=None), 7, "at: seconds"),
        (entry(at=True), 7, "at: seconds"),
        (entry(camera="cam-9"), 7, "camera: no camera cam-9"),
        (entry(camera=None), 7, "camera: exactly one"),
        (entry(group="link-01"), 7, "group: exactly one"),
        (entry(camera=None, group="x"), 7, "group: no group x"),
        (entry(camera=None, cameras=[]), 7, "cameras: a list"),
        (entry(camera=None, cameras=["cam-1", 3]), 7, "cameras: no camera 3"),
        (entry(fault="blak"), 7, "fault: one of refused"),
        (entry(fault=["black"]), 7, "fault: one of"),
        (entry(on=1), 7, "on: true or false"),
        (entry(on=False, **{"for": 5}), 7, "for: seconds"),
        (entry(**{"for": 0}), 7, "for: seconds"),
        (entry(fault="stall", parameter=-2), 7, "parameter: stall: -2 seconds, allowed is 0 to 3600"),
        (entry(parameter=4), 7, "parameter: black takes no parameter"),
        (entry(fault="stall", parameter="x"), 7, "parameter: "),
        (entry(colour="red"), 7, "colour: unknown; allowed are at"),
        ('[\n {"at": 1,\n  "camera" "x"}]', 3, "Expecting ':'"),
        ("[\n 5]", 2, "an entry is an object"),
        ('{"plan": []}', 1, "entries"),
        ("5", 1, "not a list"),
        ("[" * 100_000, 1, "nested too deeply"),
    ],
)
def test_a_mistake_names_line_and_key(text: str, line: int, said: str) -> None:
    with pytest.raises(XueliangError) as caught:
        read_plan(text.encode(), "plan.json", CAMERAS, GROUPS)
    assert caught.value.kind is Kind.INVALID
    assert caught.value.where == f"plan.json, line {line}"
    assert said in caught.value.what


@pytest.mark.parametrize(
    ("text", "line"),
    [("[[entries]]\nat = 1\nfault = black", 3), (TOML_PLAN.replace('"stall"', '"stal"'), 8), ("x = 1", 1)],
)
def test_toml_mistakes_name_their_line(text: str, line: int) -> None:
    with pytest.raises(XueliangError) as caught:
        read_plan(text.encode(), "p.toml", CAMERAS, GROUPS)
    assert caught.value.where == f"p.toml, line {line}"


def outcome(data: bytes, name: str) -> str:
    try:
        read_plan(data, name, CAMERAS, GROUPS)
    except XueliangError as error:
        return error.kind
    return "read"


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.integers(0, len(JSON_PLAN)).map(lambda n: JSON_PLAN[:n].encode())))
def test_anything_is_read_or_refused(data: bytes) -> None:
    for name in ("p.json", "p.toml"):
        assert outcome(data, name) in ("read", Kind.INVALID)


value = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10) | st.floats() | st.sampled_from(["cam-1", "link-01", *Fault]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["at", "camera", "cameras", "group", "fault", "on", "for", "parameter"]), value))
def test_any_entry_is_read_or_refused(values: dict[str, object]) -> None:
    assert outcome(json.dumps([values]).encode(), "p.json") in ("read", Kind.INVALID)


@pytest.mark.parametrize("draw", range(4))
def test_a_plan_without_end_keeps_its_bounds(draw: int) -> None:
    spec = FleetSpec(24, recorders=2, channels=4, group_size=4)
    devices = build(spec, lambda i: (f"127.0.0.{i + 1}", 1, 2), datetime(2026, 1, 1, tzinfo=UTC))
    cameras = [c for d in devices for c in d.channels]
    by_id = {c.id: c for c in cameras}
    groups = sorted({d.group for d in devices})
    steps = list(itertools.islice(ever_changing(cameras, groups, random.Random(draw), start=10, at_most=5), 600))
    again = list(itertools.islice(ever_changing(cameras, groups, random.Random(draw), start=10, at_most=5), 600))
    assert steps == again
    assert [s.at for s in steps] == sorted(s.at for s in steps)
    assert steps[0].at == 10
    running: dict[str, tuple[Fault, float]] = {}
    for step in steps:
        name = step.group or step.cameras[0]
        if step.on:
            assert name not in running
            running[name] = (step.fault, step.at)
            if not step.group and by_id[name].recorder:
                assert EXPECTED[step.fault].layer is not Layer.DEVICE
        else:
            fault, since = running.pop(name)
            assert fault is step.fault
            assert 45 <= step.at - since <= 90
        assert len(running) <= 5
    assert {s.fault for s in steps} == {*LIVELY, Fault.LINK_LOST}
