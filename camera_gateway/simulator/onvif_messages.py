"""Pure: what a virtual ONVIF device says, as XML; each function is one operation's answer.

ONVIF Core Specification section 8, Media section 5, Media2 section 5, in the shapes that real devices send.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import quote
from xml.sax.saxutils import escape

from camera_gateway.access_unit import Codec
from camera_gateway.onvif.envelope import DEVICE, MEDIA1, MEDIA2, SCHEMA, SOAP12
from camera_gateway.simulator.camera import StreamShape, VirtualCamera, VirtualDevice

DEVICE_PATH = "/onvif/device_service"
MEDIA1_PATH = "/onvif/media_service"
MEDIA2_PATH = "/onvif/media2_service"
SNAPSHOT_PATH = "/onvif/snapshot/"
PATHS = {DEVICE: DEVICE_PATH, MEDIA1: MEDIA1_PATH, MEDIA2: MEDIA2_PATH}

ERROR = "http://www.onvif.org/ver10/error"
_BITRATE = {True: 4096, False: 512}  # kbit/s of a main and a sub stream


def envelope(body: str, soap: str = SOAP12) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{soap}" xmlns:tt="{SCHEMA}" xmlns:tds="{DEVICE}" '
        f'xmlns:trt="{MEDIA1}" xmlns:tr2="{MEDIA2}" xmlns:ter="{ERROR}"><s:Body>{body}</s:Body></s:Envelope>'
    ).encode()


def fault(subcode: str, reason: str, soap: str = SOAP12, *, detail: str = "", receiver: bool = False) -> bytes:
    """A fault with ``ter:`` subcodes; in SOAP 1.1, which has none, the innermost one is the code."""
    if soap != SOAP12:
        text = f"<faultcode>ter:{detail or subcode}</faultcode><faultstring>{escape(reason)}</faultstring>"
        return envelope(f"<s:Fault>{text}</s:Fault>", soap)
    inner = f"<s:Subcode><s:Value>ter:{detail}</s:Value></s:Subcode>" if detail else ""
    code = (
        f"<s:Code><s:Value>s:{'Receiver' if receiver else 'Sender'}</s:Value>"
        f"<s:Subcode><s:Value>ter:{subcode}</s:Value>{inner}</s:Subcode></s:Code>"
    )
    return envelope(f'<s:Fault>{code}<s:Reason><s:Text xml:lang="en">{escape(reason)}</s:Text></s:Reason></s:Fault>')


def profile_token(camera: VirtualCamera, stream: StreamShape) -> str:
    return f"ch{camera.number}_{stream.name}"


def find_profile(device: VirtualDevice, token: str) -> tuple[VirtualCamera, StreamShape] | None:
    return next(((c, s) for c in device.channels for s in device.streams if profile_token(c, s) == token), None)


def base_url(device: VirtualDevice) -> str:
    return f"http://{device.host}:{device.onvif_port}"


def clock(device: VirtualDevice, now: datetime) -> str:
    utc = device.clock(now)
    local = utc + timedelta(minutes=device.utc_offset_minutes)
    hours = device.utc_offset_minutes / 60
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
        "<tt:DaylightSavings>false</tt:DaylightSavings>"
        f"<tt:TimeZone><tt:TZ>CST{-hours:g}</tt:TZ></tt:TimeZone>"
        f"<tt:UTCDateTime>{_date_time(utc)}</tt:UTCDateTime><tt:LocalDateTime>{_date_time(local)}</tt:LocalDateTime>"
        "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def _date_time(t: datetime) -> str:
    return (
        f"<tt:Time><tt:Hour>{t.hour}</tt:Hour><tt:Minute>{t.minute}</tt:Minute><tt:Second>{t.second}</tt:Second></tt:Time>"
        f"<tt:Date><tt:Year>{t.year}</tt:Year><tt:Month>{t.month}</tt:Month><tt:Day>{t.day}</tt:Day></tt:Date>"
    )


def information(device: VirtualDevice) -> str:
    i = device.identity
    return (
        f"<tds:GetDeviceInformationResponse><tds:Manufacturer>{escape(i.manufacturer)}</tds:Manufacturer>"
        f"<tds:Model>{escape(i.model)}</tds:Model><tds:FirmwareVersion>{escape(i.firmware)}</tds:FirmwareVersion>"
        f"<tds:SerialNumber>{escape(i.serial)}</tds:SerialNumber><tds:HardwareId>{escape(i.hardware)}</tds:HardwareId>"
        "</tds:GetDeviceInformationResponse>"
    )


def capabilities(device: VirtualDevice) -> str:
    base = base_url(device)
    return (
        "<tds:GetCapabilitiesResponse><tds:Capabilities>"
        f"<tt:Device><tt:XAddr>{base}{DEVICE_PATH}</tt:XAddr></tt:Device>"
        f"<tt:Media><tt:XAddr>{base}{MEDIA1_PATH}</tt:XAddr><tt:StreamingCapabilities>"
        "<tt:RTPMulticast>false</tt:RTPMulticast><tt:RTP_TCP>true</tt:RTP_TCP><tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP>"
        "</tt:StreamingCapabilities></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>"
    )


def services(device: VirtualDevice) -> str:
    base = base_url(device)
    entries = "".join(
        f"<tds:Service><tds:Namespace>{namespace}</tds:Namespace><tds:XAddr>{base}{path}</tds:XAddr>"
        f"<tds:Version><tt:Major>{20 if namespace == MEDIA2 else 2}</tt:Major><tt:Minor>6</tt:Minor></tds:Version>"
        "</tds:Service>"
        for namespace, path in PATHS.items()
    )
    return f"<tds:GetServicesResponse>{entries}</tds:GetServicesResponse>"


def scope_list(device: VirtualDevice) -> list[str]:
    root = "onvif://www.onvif.org/"
    kind = "type/Network_Video_Recorder" if device.recorder else "type/video_encoder"
    return [
        f"{root}{kind}",
        f"{root}Profile/Streaming",
        f"{root}Profile/T",
        f"{root}name/{quote(device.identity.manufacturer + ' ' + device.identity.model)}",
        f"{root}hardware/{quote(device.identity.hardware)}",
        f"{root}location/{quote(device.group or 'unset')}",
    ]


def scopes(device: VirtualDevice) -> str:
    entries = "".join(
        f"<tds:Scopes><tt:ScopeDef>Fixed</tt:ScopeDef><tt:ScopeItem>{escape(s)}</tt:ScopeItem></tds:Scopes>"
        for s in scope_list(device)
    )
    return f"<tds:GetScopesResponse>{entries}</tds:GetScopesResponse>"


def hostname(device: VirtualDevice) -> str:
    return (
        "<tds:GetHostnameResponse><tds:HostnameInformation><tt:FromDHCP>false</tt:FromDHCP>"
        f"<tt:Name>{escape(device.id)}</tt:Name></tds:HostnameInformation></tds:GetHostnameResponse>"
    )


def network_interfaces(device: VirtualDevice) -> str:
    return (
        '<tds:GetNetworkInterfacesResponse><tds:NetworkInterfaces token="eth0"><tt:Enabled>true</tt:Enabled>'
        f"<tt:Info><tt:Name>eth0</tt:Name><tt:HwAddress>{device.identity.mac}</tt:HwAddress><tt:MTU>1500</tt:MTU></tt:Info>"
        "<tt:IPv4><tt:Enabled>true</tt:Enabled><tt:Config><tt:Manual>"
        f"<tt:Address>{device.host}</tt:Address><tt:PrefixLength>8</tt:PrefixLength></tt:Manual><tt:DHCP>false</tt:DHCP>"
        "</tt:Config></tt:IPv4></tds:NetworkInterfaces></tds:GetNetworkInterfacesResponse>"
    )


def default_gateway(device: VirtualDevice) -> str:
    return (
        "<tds:GetNetworkDefaultGatewayResponse><tds:NetworkGateway><tt:IPv4Address>127.0.0.1</tt:IPv4Address>"
        "</tds:NetworkGateway></tds:GetNetworkDefaultGatewayResponse>"
    )


def dns(device: VirtualDevice) -> str:
    return (
        "<tds:GetDNSResponse><tds:DNSInformation><tt:FromDHCP>false</tt:FromDHCP><tt:DNSManual><tt:Type>IPv4</tt:Type>"
        "<tt:IPv4Address>127.0.0.1</tt:IPv4Address></tt:DNSManual></tds:DNSInformation></tds:GetDNSResponse>"
    )


def ntp(device: VirtualDevice) -> str:
    return (
        "<tds:GetNTPResponse><tds:NTPInformation><tt:FromDHCP>false</tt:FromDHCP><tt:NTPManual><tt:Type>IPv4</tt:Type>"
        "<tt:IPv4Address>127.0.0.1</tt:IPv4Address></tt:NTPManual></tds:NTPInformation></tds:GetNTPResponse>"
    )


def video_sources(device: VirtualDevice) -> str:
    top = device.streams[0]
    entries = "".join(
        f'<trt:VideoSources token="VideoSource_{c.number}"><tt:Framerate>{top.fps}</tt:Framerate><tt:Resolution>'
        f"<tt:Width>{top.width}</tt:Width><tt:Height>{top.height}</tt:Height></tt:Resolution></trt:VideoSources>"
        for c in device.channels
    )
    return f"<trt:GetVideoSourcesResponse>{entries}</trt:GetVideoSourcesResponse>"


def source_configuration(camera: VirtualCamera, tag: str) -> str:
    top = camera.device.streams[0]
    return (
        f'<{tag} token="SourceConfig_{camera.number}"><tt:Name>channel {camera.number}</tt:Name>'
        f"<tt:UseCount>{len(camera.device.streams)}</tt:UseCount>"
        f"<tt:SourceToken>VideoSource_{camera.number}</tt:SourceToken>"
        f'<tt:Bounds x="0" y="0" width="{top.width}" height="{top.height}"></tt:Bounds></{tag}>'
    )


def encoder1(camera: VirtualCamera, stream: StreamShape, tag: str) -> str:
    """Media 1 knows no H.265: devices leave such an encoder out of it."""
    if stream.codec is Codec.H265:
        return ""
    gop = max(1, round(stream.gop_seconds * stream.fps))
    h264 = (
        f"<tt:H264><tt:GovLength>{gop}</tt:GovLength><tt:H264Profile>{stream.profile.capitalize()}</tt:H264Profile></tt:H264>"
        if stream.codec is Codec.H264
        else ""
    )
    return (
        f'<{tag} token="Encoder_{camera.number}_{stream.name}"><tt:Name>{stream.name}</tt:Name>'
        "<tt:UseCount>1</tt:UseCount>"
        f"<tt:Encoding>{'H264' if stream.codec is Codec.H264 else 'JPEG'}</tt:Encoding>"
        f"<tt:Resolution><tt:Width>{stream.width}</tt:Width><tt:Height>{stream.height}</tt:Height></tt:Resolution>"
        f"<tt:Quality>5</tt:Quality><tt:RateControl><tt:FrameRateLimit>{stream.fps}</tt:FrameRateLimit>"
        f"<tt:EncodingInterval>1</tt:EncodingInterval>"
        f"<tt:BitrateLimit>{_BITRATE[stream.name == 'main']}</tt:BitrateLimit>"
        f"</tt:RateControl>{h264}<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address>"
        "</tt:Address><tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
        f"<tt:SessionTimeout>PT60S</tt:SessionTimeout></{tag}>"
    )


def encoder_options1(device: VirtualDevice) -> str:
    """What each encoder is set to is also all that it can be set to: nobody writes to a virtual camera."""
    sizes = "".join(
        f"<tt:ResolutionsAvailable><tt:Width>{s.width}</tt:Width><tt:Height>{s.height}</tt:Height>"
        "</tt:ResolutionsAvailable>"
        for s in device.streams
    )
    fps = [s.fps for s in device.streams]
    gops = [max(1, round(s.gop_seconds * s.fps)) for s in device.streams]

    def span(tag: str, values: list[int]) -> str:
        return f"<tt:{tag}><tt:Min>{min(values)}</tt:Min><tt:Max>{max(values)}</tt:Max></tt:{tag}>"

    return (
        f"<trt:GetVideoEncoderConfigurationOptionsResponse><trt:Options>{span('QualityRange', [5])}<tt:H264>{sizes}"
        f"{span('GovLengthRange', gops)}{span('FrameRateRange', fps)}{span('EncodingIntervalRange', [1])}"
        "<tt:H264ProfilesSupported>Main</tt:H264ProfilesSupported></tt:H264></trt:Options>"
        "</trt:GetVideoEncoderConfigurationOptionsResponse>"
    )


def encoder2(camera: VirtualCamera, stream: StreamShape, tag: str) -> str:
    gop = max(1, round(stream.gop_seconds * stream.fps))
    encoding = {Codec.H264: "H264", Codec.H265: "H265", Codec.MJPEG: "JPEG"}[stream.codec]
    return (
        f'<{tag} token="Encoder_{camera.number}_{stream.name}" GovLength="{gop}" '
        f'Profile="{stream.profile.capitalize()}">'
        f"<tt:Name>{stream.name}</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>{encoding}</tt:Encoding>"
        f"<tt:Resolution><tt:Width>{stream.width}</tt:Width><tt:Height>{stream.height}</tt:Height></tt:Resolution>"
        f'<tt:RateControl ConstantBitRate="false"><tt:FrameRateLimit>{stream.fps}</tt:FrameRateLimit>'
        f"<tt:BitrateLimit>{_BITRATE[stream.name == 'main']}</tt:BitrateLimit></tt:RateControl>"
        f"<tt:Quality>5</tt:Quality></{tag}>"
    )


def profiles1(chosen: Iterable[tuple[VirtualCamera, StreamShape]], tag: str = "trt:Profiles") -> str:
    return "".join(
        f'<{tag} token="{profile_token(c, s)}" fixed="true"><tt:Name>{c.number} {s.name}</tt:Name>'
        f"{source_configuration(c, 'tt:VideoSourceConfiguration')}"
        f"{encoder1(c, s, 'tt:VideoEncoderConfiguration')}</{tag}>"
        for c, s in chosen
    )


def profiles2(chosen: Iterable[tuple[VirtualCamera, StreamShape]], parts: frozenset[str]) -> str:
    """``parts`` are the configuration types asked for; without any the profiles come bare (Media2 section 5.3.2)."""
    everything = "All" in parts
    source, encoder = everything or "VideoSource" in parts, everything or "VideoEncoder" in parts
    entries = []
    for c, s in chosen:
        inner = source_configuration(c, "tr2:VideoSource") if source else ""
        inner += encoder2(c, s, "tr2:VideoEncoder") if encoder else ""
        inner = f"<tr2:Configurations>{inner}</tr2:Configurations>" if inner else ""
        entries.append(
            f'<tr2:Profiles token="{profile_token(c, s)}" fixed="true"><tr2:Name>{c.number} {s.name}</tr2:Name>{inner}'
            "</tr2:Profiles>"
        )
    return "".join(entries)


def stream_url(camera: VirtualCamera, stream: StreamShape) -> str:
    return escape(camera.rtsp_url(stream.name))


def snapshot_url(camera: VirtualCamera) -> str:
    return f"{base_url(camera.device)}{SNAPSHOT_PATH}{camera.number}"


def media1_uri(operation: str, url: str) -> str:
    return (
        f"<trt:{operation}Response><trt:MediaUri><tt:Uri>{url}</tt:Uri>"
        "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
        f"<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:{operation}Response>"
    )


def media2_uri(operation: str, url: str) -> str:
    return f"<tr2:{operation}Response><tr2:Uri>{url}</tr2:Uri></tr2:{operation}Response>"


def probe_matches(device: VirtualDevice, relates_to: str, message_id: str) -> bytes:
    """WS-Discovery section 5.3; the address is the device's own, whoever asked on whichever address."""
    wsd = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
    wsa = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP12}" xmlns:a="{wsa}" xmlns:d="{wsd}" '
        f'xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="{DEVICE}"><s:Header>'
        f"<a:MessageID>{message_id}</a:MessageID><a:RelatesTo>{escape(relates_to)}</a:RelatesTo>"
        f"<a:To>{wsa}/role/anonymous</a:To><a:Action>{wsd}/ProbeMatches</a:Action></s:Header><s:Body><d:ProbeMatches>"
        f"<d:ProbeMatch><a:EndpointReference><a:Address>{device.identity.endpoint}</a:Address></a:EndpointReference>"
        f"<d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types>"
        f"<d:Scopes>{escape(' '.join(scope_list(device)))}</d:Scopes>"
        f"<d:XAddrs>{base_url(device)}{DEVICE_PATH}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>"
        "</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
    ).encode()
