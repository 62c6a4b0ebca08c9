"""Wiring: a client with deadlines short enough for tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from camera_gateway.memory import DeviceMemory, InMemoryDeviceMemory
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.rtsp.timing import Deadlines
from config.clock import SystemClock

SHORT = Deadlines(connect=1.0, reply=0.3, stall=0.25, keyframe=0.2, total=3.0, teardown=0.3)

MakeClient = Callable[..., RtspClient]


@pytest.fixture
def make_client() -> MakeClient:
    def make(memory: DeviceMemory | None = None, deadlines: Deadlines = SHORT) -> RtspClient:
        clock = SystemClock()
        return RtspClient(Reach(ReachPolicy.any()), memory or InMemoryDeviceMemory(clock), clock, deadlines)

    return make
