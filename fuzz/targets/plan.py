"""Pure: fault plans, as JSON and as TOML."""

from __future__ import annotations

from camera_gateway.simulator.plan import read_plan

SEEDS = [
    b'[{"at": 10, "camera": "cam-0003", "fault": "black", "for": 60}, {"at": 1, "cameras": ["a", "b"], '
    b'"fault": "clock_skew", "parameter": 120}]',
    b'{"entries": [{"at": 0.5, "group": "g1", "fault": "refused", "on": false},\n {"at": 2e1, "camera": "a", '
    b'"fault": "covered_50"}]}',
    b'[[entries]]\nat = 3\ncamera = "a"\nfault = "stall"\nparameter = 2.5\n\n[[entries]]\nat = 4\ngroup = "g1"\n'
    b'fault = "reboot"\nfor = 30\n',
]
_CAMERAS, _GROUPS = {"a", "b", "cam-0003"}, {"g1"}


def one(data: bytes) -> None:
    name = "plan.toml" if data[:2] == b"[[" else "plan.json"
    steps = read_plan(data, name, _CAMERAS, _GROUPS)
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    for step in steps:
        assert set(step.cameras) <= _CAMERAS
        assert step.group in _GROUPS or not step.group
