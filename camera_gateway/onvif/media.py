"""Pure: profiles of both media services, read by hand.

Media section 5.2, Media2 section 5.3. A 64-channel recorder's profiles keep zeep eight times as long on the one event
loop as these functions, and firmwares leave out so much of the schema that tolerance is wanted anyway.
"""

from __future__ import annotations

from camera_gateway.onvif import xml
from camera_gateway.onvif.report import Profile, codec_of
from config.text import printable

#: A 64-channel recorder with three streams each has 192.
MAX_PROFILES = 512
_MAX_TOKEN = 256


def profiles(body: xml.Element, media: str) -> tuple[list[Profile], int]:
    """The profiles of a GetProfiles answer (``media``: ``media1`` or ``media2``) and how many had to be left out.

    One without a token cannot be asked about, and what is beyond the cap is not read.
    """
    found: dict[str, Profile] = {}
    left_out = 0
    for element in xml.children(xml.child(body, "GetProfilesResponse"), "Profiles"):
        token = element.get("token", "")
        if not token or len(token) > _MAX_TOKEN or token in found or len(found) == MAX_PROFILES:
            left_out += 1
            continue
        if media == "media2":
            found[token] = _profile2(element, token)
        else:
            found[token] = _profile1(element, token)
    return list(found.values()), left_out


def _profile1(element: xml.Element, token: str) -> Profile:
    encoder = xml.child(element, "VideoEncoderConfiguration")
    gop = _number(xml.text(encoder, "H264", "GovLength")) or _number(xml.text(encoder, "H265", "GovLength"))
    return _profile(element, token, "media1", xml.child(element, "VideoSourceConfiguration"), encoder, gop)


def _profile2(element: xml.Element, token: str) -> Profile:
    configurations = xml.child(element, "Configurations")
    encoder = xml.child(configurations, "VideoEncoder")
    gop = _number(encoder.get("GovLength", "")) if encoder is not None else 0
    return _profile(element, token, "media2", xml.child(configurations, "VideoSource"), encoder, gop)


def _profile(
    element: xml.Element, token: str, media: str, source: xml.Element | None, encoder: xml.Element | None, gop: float
) -> Profile:
    encoding = printable(xml.text(encoder, "Encoding"), 20)
    return Profile(
        token=token,
        name=printable(xml.text(element, "Name"), 100),
        source_token=xml.text(source, "SourceToken")[:_MAX_TOKEN],
        media=media,
        codec=codec_of(encoding),
        encoding=encoding,
        width=int(_number(xml.text(encoder, "Resolution", "Width"))),
        height=int(_number(xml.text(encoder, "Resolution", "Height"))),
        frames_per_second=_number(xml.text(encoder, "RateControl", "FrameRateLimit")),
        kilobits_per_second=int(_number(xml.text(encoder, "RateControl", "BitrateLimit"))),
        gop_frames=int(gop),
    )


def _number(text: str) -> float:
    """Non-negative and at most 1e6; anything else is 0, the value for "not said"."""
    try:
        value = float(text[:20])
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1e6 else 0.0


def uri2(body: xml.Element, operation: str) -> str:
    return xml.text(body, f"{operation}Response", "Uri")
