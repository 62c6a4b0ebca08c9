"""Our client before the ``ipycam`` package's camera: no login on its RTSP side, nothing over UDP, WS-Security only,
a clock only for who logs in, a bare ProbeMatch."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from camera_gateway.discovery import wsd
from config.errors import Kind, XueliangError
from tests.interop.look import faults, look
from tests.interop.matrix import IPYCAM_CASES, Case
from tests.interop.onvif_rows import facts

pytestmark = pytest.mark.peer

SOUND = [case for case in IPYCAM_CASES if not case.defect]
DEFECTIVE = [case for case in IPYCAM_CASES if case.defect]
MESSAGE_ID = "urn:uuid:11111111-2222-3333-4444-555555555555"


def port(ipycam: dict[str, Any]) -> int:
    found = urlsplit(str(ipycam["rtsp"])).port
    assert found is not None
    return found


@pytest.mark.parametrize("case", SOUND, ids=lambda case: case.name)
async def test_one_keyframe(ipycam: dict[str, Any], case: Case) -> None:
    assert faults(case, await look(port(ipycam), case)) == []


@pytest.mark.parametrize("case", DEFECTIVE, ids=lambda case: case.name)
async def test_a_defect_of_the_camera_is_a_finding_with_its_cause(ipycam: dict[str, Any], case: Case) -> None:
    with pytest.raises(XueliangError) as raised:
        await look(port(ipycam), case)
    assert raised.value.kind in (Kind.NO_STREAM, Kind.STALLED, Kind.NO_KEYFRAME)


async def test_its_facts_over_onvif(ipycam: dict[str, Any]) -> None:
    report = await facts(str(ipycam["onvif"]))
    assert report.rung == "wsse"
    assert (report.identity.manufacturer, report.identity.serial) == ("PythonCam", "PY-000001")
    (channel,) = report.channels
    assert [(p.stream_url, p.width, p.height) for p in channel.profiles] == [
        (ipycam["rtsp"], 640, 360),
        (ipycam["sub"], 320, 180),
    ]
    assert {finding.code for finding in report.findings} >= {"clock_unknown", "network", "no_digest"}


async def test_without_a_password_it_says_what_is_missing(ipycam: dict[str, Any]) -> None:
    report = await facts(str(ipycam["onvif"]), login=False)
    assert report.channels == ()
    assert "auth" in {finding.code for finding in report.findings}


@pytest.mark.parametrize("kind", list(wsd.ProbeType))
def test_its_bare_probe_match_is_read(ipycam: dict[str, Any], kind: wsd.ProbeType) -> None:
    """It answers with one ProbeMatch straight in the body, under an Action that the standard does not know."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(10)
        asker.bind(("127.0.0.1", 0))
        asker.sendto(wsd.probe(kind, MESSAGE_ID), ("127.0.0.1", wsd.PORT))
        answer = asker.recv(wsd.MAX_DATAGRAM)
    assert b"ProbeMatches" not in answer
    found = wsd.read(answer)
    assert isinstance(found, tuple)
    (match,) = found
    assert match.xaddrs == (ipycam["onvif"],)
    assert match.relates_to == MESSAGE_ID
    assert "NetworkVideoTransmitter" in match.types
    assert "ProbeMatch stands outside ProbeMatches" in match.remarks
