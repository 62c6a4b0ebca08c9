"""Our client before Debian's RTSP::Server, which passes on what FFmpeg pushes: UDP alone, joined in mid-GOP."""

from __future__ import annotations

from typing import Any

import pytest

from config.errors import Kind, XueliangError
from tests.interop.look import faults, look, watch
from tests.interop.matrix import PERL_CASES, Case

pytestmark = pytest.mark.peer

SOUND = [case for case in PERL_CASES if not case.defect]
DEFECTIVE = [case for case in PERL_CASES if case.defect]


@pytest.mark.parametrize("case", SOUND, ids=lambda case: case.name)
async def test_one_keyframe(pushed: dict[str, Any], case: Case) -> None:
    assert faults(case, await look(int(pushed["viewers"]), case)) == []


@pytest.mark.parametrize("case", DEFECTIVE, ids=lambda case: case.name)
async def test_a_defect_of_the_server_is_a_finding_with_its_cause(pushed: dict[str, Any], case: Case) -> None:
    with pytest.raises(XueliangError) as raised:
        await look(int(pushed["viewers"]), case)
    assert raised.value.kind is Kind.PROTOCOL
    assert "400" in raised.value.what


@pytest.mark.parametrize("case", SOUND, ids=lambda case: case.name)
async def test_a_stream_joined_in_the_middle_of_a_gop(pushed: dict[str, Any], case: Case) -> None:
    """The encoder does not know of us: what comes first is whatever it is at."""
    facts = await watch(int(pushed["viewers"]), case)
    assert facts.b_frames is False
    assert facts.fps == pytest.approx(20, rel=0.25)
