"""Our client before MediaMTX and go2rtc, where Go is: what others put between cameras and those who look at them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.errors import Kind
from tests.interop.look import faults, look, watch, wrong_password
from tests.interop.matrix import GO2RTC_CASES, MEDIAMTX, MEDIAMTX_CASES, PLAIN_PASSWORD, USER, Case
from tests.support.go_servers import Servers, go_servers
from tests.support.peers import PeerMissing

pytestmark = pytest.mark.peer

CASES = MEDIAMTX_CASES + GO2RTC_CASES


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    try:
        with go_servers(tmp_path_factory.mktemp("go"), USER, PLAIN_PASSWORD) as running:
            yield running
    except PeerMissing as reason:  # there need be no Go
        pytest.skip(str(reason))


def port(servers: Servers, case: Case) -> int:
    return servers.mediamtx if case.server == MEDIAMTX else servers.go2rtc


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_one_keyframe(servers: Servers, case: Case) -> None:
    assert faults(case, await look(port(servers, case), case)) == []


@pytest.mark.parametrize("case", [CASES[0], GO2RTC_CASES[0]], ids=lambda case: case.name)
async def test_a_stream_joined_in_the_middle_of_a_gop(servers: Servers, case: Case) -> None:
    facts = await watch(port(servers, case), case)
    assert facts.b_frames is False
    assert facts.fps == pytest.approx(20, rel=0.25)


async def test_a_wrong_password_is_tried_once(servers: Servers) -> None:
    case = next(case for case in MEDIAMTX_CASES if case.login == "digest" and case.transport == "tcp")
    wire, errors = await wrong_password(servers.mediamtx, case)
    assert [error.kind for error in errors] == [Kind.AUTH, Kind.LOCKED, Kind.LOCKED]
    assert wire.answers_to_challenges == 1
