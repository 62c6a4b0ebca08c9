"""A view that never came about leaves one line in the log: whose, and why; and nothing that would let anybody in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aioice import Candidate

from streaming.relay import RelayRules
from streaming.session import SessionRules
from tests.support.light_viewer import Light
from tests.support.relay_rig import Rig, peer, rig

pytestmark = pytest.mark.usefixtures("no_leaks")

#: A DTLS record of epoch 0 with a fatal alert: handshake failure (RFC 6347 section 4.1, RFC 5246 section 7.2).
ALERT = bytes.fromhex("15 fefd 0000 000000000000 0002 0228")


def of_another(offer: str) -> str:
    """The same offer with the fingerprints of a certificate that nobody has."""
    changed = re.sub(r"(?m)^(a=fingerprint:\S+ )(\S+)", lambda m: m[1] + re.sub("[0-9A-F]", "A", m[2]), offer)
    assert changed != offer
    return changed


def secrets_of(*descriptions: str) -> list[str]:
    return [found for text in descriptions for found in re.findall(r"a=(?:ice-pwd|ice-ufrag):(\S+)", text)]


def told(caplog: pytest.LogCaptureFixture, made: Rig) -> str:
    """The one line about the one view that ended."""
    ((view_id, reason),) = made.ended
    (line,) = (record.getMessage() for record in caplog.records if view_id in record.getMessage())
    assert line.startswith(f"- view {view_id}: {reason} (")
    return line


@pytest.fixture(autouse=True)
def _as_shipped(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


async def test_another_certificate_than_the_offers(clips: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with rig(clips) as made:
        viewer = Light()
        offer = of_another(await viewer.offer())
        opened = await made.relay.open(made.asked(), offer)
        await viewer.connect(opened.answer)
        await made.until(lambda: bool(made.ended))
        await viewer.close(silently=False)
    line = told(caplog, made)
    assert "no way through (dtls: the viewer's secure channel could not be made: its certificate is not the one" in line
    assert not [secret for secret in secrets_of(offer, opened.answer) if secret in caplog.text]


async def test_a_handshake_that_the_viewer_breaks_off(clips: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with rig(clips) as made:
        viewer = Light()
        opened = await made.relay.open(made.asked(), await viewer.offer())
        said = dict(re.findall(r"(?m)^a=(ice-ufrag|ice-pwd):(\S+)", opened.answer))
        viewer.ice.remote_username, viewer.ice.remote_password = said["ice-ufrag"], said["ice-pwd"]
        for one in re.findall(r"(?m)^a=candidate:(.+?)\r?$", opened.answer):
            await viewer.ice.add_remote_candidate(Candidate.from_sdp(one))
        await viewer.ice.add_remote_candidate(None)
        await viewer.ice.connect()
        await viewer.ice.send(ALERT)
        await made.until(lambda: bool(made.ended))
        await viewer.close(silently=False)
    assert "(dtls: the viewer's secure channel could not be made: the handshake broke off" in told(caplog, made)


async def test_a_viewer_that_cannot_be_reached(clips: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with rig(clips, rules=RelayRules(session=SessionRules(connect=0.2))) as made, peer() as viewer:
        await made.relay.open(made.asked(), await viewer.offer())
        await made.until(lambda: bool(made.ended))
    assert "no way through (ice: no video path (UDP) from the viewer" in told(caplog, made)
