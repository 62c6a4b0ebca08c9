"""Edge: the client against true virtual devices, right and spoilt."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from camera_gateway.access_unit import Codec
from camera_gateway.onvif.report import DeviceReport
from camera_gateway.simulator.camera import StreamShape, VirtualDevice, set_fault
from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.http_server import Request, Response
from config.errors import Kind, XueliangError
from tests.support.onvif_rig import GOOD, MAIN, SUB, WRONG, Rig, onvif_rig, utc, virtual_device


def codes(report: DeviceReport) -> set[str]:
    return {f.code for f in report.findings}


def skewed(seconds: float, **changes: object) -> VirtualDevice:
    device = virtual_device(**changes)  # type: ignore[arg-type]
    set_fault(device.channels[0], Fault.CLOCK_SKEW, True, utc(), parameter=seconds)
    return device


async def test_the_clock_is_asked_without_credentials() -> None:
    async with onvif_rig(skewed(-30, auth_mode="digest")) as rig:
        answer = await rig.client.clock(rig.xaddr())
        assert answer.offset is not None
        assert abs(answer.offset + 30) <= 1
        assert len(rig.requests) == 1
        assert "authorization" not in rig.requests[0].headers
        assert b"Security" not in rig.requests[0].body


@pytest.mark.parametrize("mode", ["both", "wsse", "digest"])
@pytest.mark.parametrize("algorithms", [("MD5",), ("SHA-256", "MD5")])
async def test_facts_of_a_camera(mode: str, algorithms: tuple[str, ...]) -> None:
    async with onvif_rig(virtual_device(auth_mode=mode, algorithms=algorithms, strict=True)) as rig:
        report = await rig.client.facts(rig.xaddr(), GOOD)
        assert report.rung == ("wsse" if mode == "wsse" else "digest")
        assert (report.identity.manufacturer, report.identity.serial) == ("Virtual", "SN1")
        assert report.identity.hardware == "rev <A>"
        assert (report.mac, report.name, report.video_sources) == ("02:00:00:00:00:01", "Virtual VC-1", 1)
        (channel,) = report.channels
        assert [(p.width, p.codec, p.media) for p in channel.profiles] == [
            (1920, Codec.H264, "media2"),
            (640, Codec.H264, "media2"),
        ]
        assert channel.main.stream_url == "rtsp://127.0.5.1:554/ch1/main"
        assert channel.main.snapshot_url.endswith("/onvif/snapshot/1")
        assert (channel.main.gop_frames, channel.main.frames_per_second) == (50, 25)
        assert [finding.code for finding in report.findings] == (["no_digest"] if mode == "wsse" else [])
        assert rig.refused == 0


@pytest.mark.parametrize("seconds", [7200.0, -7200.0, 86_400.0 * 400])
@pytest.mark.parametrize("mode", ["wsse", "both", "digest"])
async def test_a_strict_device_with_a_wrong_clock_lets_us_in(seconds: float, mode: str) -> None:
    async with onvif_rig(skewed(seconds, auth_mode=mode, strict=True)) as rig:
        report = await rig.client.facts(rig.xaddr(), GOOD)
        assert report.identity.model == "VC-1"
        assert len(report.profiles) == 2
        assert report.clock is not None
        assert report.clock.offset == pytest.approx(seconds, abs=1)
        assert rig.refused == 0
        assert codes(report) <= {"clock_drift", "clock_local_as_utc", "no_digest"}


async def test_a_stopped_clock_answer_costs_the_account_nothing_but_one_try() -> None:
    """The device hides its clock and is two hours off: the token is refused once, then nobody tries again."""

    def spoil(request: Request, response: Response) -> Response:
        return Response(400) if b"GetSystemDateAndTime" in request.body else response

    async with onvif_rig(skewed(7200, auth_mode="wsse", strict=True), wrap=spoil) as rig:
        for _ in range(5):
            report = await rig.client.facts(rig.xaddr(), GOOD)
        assert rig.refused == 1
        assert {"clock_unknown", "locked"} <= codes(report)


@pytest.mark.parametrize("mode", ["both", "wsse", "digest"])
async def test_a_recorder_lists_all_its_channels(mode: str) -> None:
    async with onvif_rig(virtual_device(channels=64, auth_mode=mode)) as rig:
        report = await rig.client.facts(rig.xaddr(), GOOD)
        assert [c.number for c in report.channels] == list(range(1, 65))
        assert [c.source_token for c in report.channels] == [f"VideoSource_{n}" for n in range(1, 65)]
        assert len({p.stream_url for p in report.profiles}) == 128
        assert all(c.main.snapshot_url for c in report.channels)
        assert codes(report) == ({"no_digest"} if mode == "wsse" else set())


@pytest.mark.parametrize("mode", ["both", "wsse", "digest"])
async def test_a_wrong_password_is_one_try_over_twenty_visits(mode: str) -> None:
    async with onvif_rig(virtual_device(channels=64, auth_mode=mode)) as rig:
        first = await rig.client.facts(rig.xaddr(), WRONG)
        assert "auth" in codes(first)
        for _ in range(19):
            again = await rig.client.facts(rig.xaddr(), WRONG)
            assert "locked" in codes(again)
        assert rig.refused == 1
        assert (await rig.client.facts(rig.xaddr(), GOOD)).rung in ("digest", "wsse")
        assert rig.refused == 1


async def test_the_rung_is_remembered() -> None:
    async with onvif_rig(virtual_device(auth_mode="wsse")) as rig:
        await rig.client.facts(rig.xaddr(), GOOD)
        before = len(rig.requests)
        await rig.client.information(await rig.client.visit(rig.xaddr(), GOOD))
        assert len(rig.requests) == before + 1
        assert b"UsernameToken" in rig.requests[-1].body


async def test_a_device_that_went_over_to_digest_is_followed() -> None:
    device = virtual_device(auth_mode="wsse")
    async with onvif_rig(device) as rig:
        await rig.client.facts(rig.xaddr(), GOOD)
        device.auth_mode = "digest"
        report = await rig.client.facts(rig.xaddr(), GOOD)
        assert report.rung == "digest"
        assert report.findings == ()
        assert rig.refused == 0


async def test_without_credentials_what_is_open_is_told_and_the_rest_named() -> None:
    async with onvif_rig(virtual_device(auth_mode="both")) as rig:
        report = await rig.client.facts(rig.xaddr())
        assert report.clock is not None
        assert report.services
        assert report.channels == ()
        assert {"auth", "no_profiles"} <= codes(report)
        assert "no_digest" not in codes(report)
        assert rig.refused == 0


async def test_a_stranger_is_told_too_that_there_is_no_digest() -> None:
    async with onvif_rig(virtual_device(auth_mode="wsse")) as rig:
        report = await rig.client.facts(rig.xaddr())
        assert [finding.code for finding in report.findings].count("no_digest") == 1


def _open(body: bytes) -> str:
    name = re.search(rb"<(?:\w+:)?(Get\w+)", body)
    return name.group(1).decode() if name else ""


async def test_another_device_at_the_address_gets_no_credentials() -> None:
    device = virtual_device(auth_mode="wsse")
    answers = {"serial": b"SN1"}

    def spoil(request: Request, response: Response) -> Response:
        # A device that tells strangers what it is.
        if _open(request.body) != "GetDeviceInformation":
            return response
        told = (
            b'<Envelope><Body><GetDeviceInformationResponse xmlns="http://www.onvif.org/ver10/device/wsdl">'
            b"<Manufacturer>M</Manufacturer><Model>X</Model><SerialNumber>"
            + answers["serial"]
            + b"</SerialNumber></GetDeviceInformationResponse></Body></Envelope>"
        )
        return Response(200, {}, told)

    async with onvif_rig(device, wrap=spoil) as rig:
        assert (await rig.client.facts(rig.xaddr(), GOOD)).channels
        answers["serial"] = b"SN-other"
        sent = len(rig.requests)
        report = await rig.client.facts(rig.xaddr(), GOOD)
        assert "identity_changed" in codes(report)
        assert report.channels == ()
        assert not any(b"UsernameToken" in r.body or "authorization" in r.headers for r in rig.requests[sent:])
        await rig.memory.remember("127.0.5.1", identity="M X SN-other")  # a person accepted it
        assert (await rig.client.facts(rig.xaddr(), GOOD)).channels


async def test_addresses_of_other_hosts_are_never_used() -> None:
    def spoil(request: Request, response: Response) -> Response:
        body = response.body.replace(b"http://127.0.5.1:", b"http://user:pw@203.0.113.7:")
        return replace(response, body=body.replace(b"rtsp://127.0.5.1", b"rtsp://169.254.1.1"))

    async with onvif_rig(virtual_device(), wrap=spoil) as rig:
        report = await rig.client.facts(rig.xaddr(), GOOD)
        assert len(report.profiles) == 2
        assert {p.stream_url for p in report.profiles} == {
            "rtsp://127.0.5.1:554/ch1/main",
            "rtsp://127.0.5.1:554/ch1/sub",
        }
        assert all("127.0.5.1" in url and "@" not in url for url in report.services.values())
        assert {"service_address", "service_address_user", "stream_address", "snapshot_address"} <= codes(report)
        assert "pw" not in str(report.findings)


async def test_without_media2_media1_is_asked() -> None:
    def spoil(request: Request, response: Response) -> Response:
        if _open(request.body) == "GetServices":
            return Response(500, {}, response.body.replace(b"GetServicesResponse", b"Fault"))
        return response

    async with onvif_rig(virtual_device(streams=(MAIN, SUB)), wrap=spoil) as rig:
        report = await rig.client.facts(rig.xaddr(), GOOD)
        assert {p.media for p in report.profiles} == {"media1"}
        assert report.channels[0].main.stream_url == "rtsp://127.0.5.1:554/ch1/main"
        assert report.channels[0].main.kilobits_per_second == 4096


async def test_h265_is_found_through_media2() -> None:
    streams = (StreamShape("main", 2560, 1440, 25, 2.0, Codec.H265), SUB)
    async with onvif_rig(virtual_device(streams=streams)) as rig:
        report = await rig.client.facts(rig.xaddr(), GOOD)
        assert report.channels[0].main.codec is Codec.H265


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda body: b"",
    "garbage": lambda body: b"\x01\x02garbage",
    "cut": lambda body: body[: len(body) // 2],
    "doctype": lambda body: b"<!DOCTYPE a>" + body,
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "another answer": lambda body: re.sub(rb"Get\w+Response", b"Something", body),
    "no namespaces": lambda body: re.sub(rb"(</?)\w+:", rb"\1", re.sub(rb' xmlns:\w+="[^"]*"', b"", body)),
    "SOAP 1.1": lambda body: body.replace(
        b"http://www.w3.org/2003/05/soap-envelope", b"http://schemas.xmlsoap.org/soap/envelope/"
    ),
    "emptied": lambda body: re.sub(rb">[^<>]+<", b"><", body),
    "numbers are words": lambda body: re.sub(rb">\d+<", b">many<", body),
    "2 MiB": lambda body: body + b" " * (2 * 1024 * 1024),
}


@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("mode", ["wsse", "digest"])
async def test_spoilt_answers_are_findings_not_failures(how: str, mode: str) -> None:
    def spoil(request: Request, response: Response) -> Response:
        return replace(response, body=SPOILT[how](response.body)) if response.status == 200 else response

    async with onvif_rig(virtual_device(auth_mode=mode, channels=2), wrap=spoil) as rig:
        report = await rig.client.facts(rig.xaddr(), GOOD)
        if how in ("SOAP 1.1", "no namespaces"):
            assert len(report.channels) == 2
        elif how != "numbers are words":
            assert report.findings
        assert "\x01" not in str(report)


async def test_lost_in_the_middle_the_report_holds_what_was_learned() -> None:
    device = virtual_device()

    def spoil(request: Request, response: Response) -> Response:
        if _open(request.body) == "GetScopes":
            set_fault(device.channels[0], Fault.REFUSED, True, utc())
        return response

    async with onvif_rig(device, wrap=spoil) as rig:
        report = await rig.client.facts(rig.xaddr(), GOOD)
        assert report.identity.serial == "SN1"
        assert "refused" in codes(report)


@pytest.mark.parametrize(("fault", "kind"), [(Fault.REFUSED, Kind.REFUSED), (Fault.HANGS, Kind.TIMEOUT)])
async def test_nothing_at_all_is_an_error(fault: Fault, kind: Kind) -> None:
    device = virtual_device()
    async with onvif_rig(device, answer=0.2) as rig:
        set_fault(device.channels[0], fault, True, utc())
        for asking in (rig.client.clock(rig.xaddr()), rig.client.facts(rig.xaddr(), GOOD)):
            with pytest.raises(XueliangError) as caught:
                await asking
            assert caught.value.kind is kind
        assert rig.memory.accounts == {}


async def test_a_visit_is_broken_off_in_time() -> None:
    device = virtual_device()
    async with onvif_rig(device) as rig:
        set_fault(device.channels[0], Fault.HANGS, True, utc())
        rig.client._visit_seconds = 0.1
        report = await rig.client.facts(rig.xaddr(), GOOD)
        assert "slow" in codes(report)


async def test_only_busy_is_not_auth() -> None:
    def spoil(request: Request, response: Response) -> Response:
        return Response(503) if _open(request.body) == "GetDeviceInformation" else response

    async with onvif_rig(virtual_device(), wrap=spoil) as rig:
        with pytest.raises(XueliangError) as caught:
            await rig.client.information(await rig.client.visit(rig.xaddr(), GOOD))
        assert caught.value.kind is Kind.BUSY
        assert rig.memory.accounts == {}


async def _refused_then_waited(rig: Rig) -> None:
    await rig.client.facts(rig.xaddr(), WRONG)
    for account in rig.memory.accounts.values():
        assert account.until is not None
        account.until -= timedelta(hours=2)


async def test_after_the_hold_one_more_try_is_made() -> None:
    async with onvif_rig(virtual_device(auth_mode="digest")) as rig:
        await _refused_then_waited(rig)
        await rig.client.facts(rig.xaddr(), WRONG)
        assert rig.refused == 2
