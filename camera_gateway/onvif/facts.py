"""Pure: the device's other answers, from zeep's values (or, for the hot path, from XML) to ours.

ONVIF Core Specification section 8. Values may be missing anywhere: ``strict`` is off because firmwares leave out
what the schema demands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from camera_gateway.discovery.wsd import scope_value
from camera_gateway.onvif import xml
from camera_gateway.onvif.envelope import DEVICE, MEDIA1
from camera_gateway.onvif.report import Identity
from config.text import printable

#: Services, interfaces and sources beyond these are not read; a 64-channel recorder has 64 sources.
MAX_ITEMS = 128
_MAC = re.compile(r"[0-9a-fA-F]{2}([:-]?[0-9a-fA-F]{2}){5}")


def identity(body: xml.Element) -> Identity:
    answer = xml.child(body, "GetDeviceInformationResponse")
    return Identity(
        *(
            printable(xml.text(answer, part), 100)
            for part in ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber", "HardwareId")
        )
    )


def identity_mark(who: Identity) -> str:
    """What is compared before credentials are sent; firmware changes with every update and is left out."""
    return " ".join(part for part in (who.manufacturer, who.model, who.serial) if part) or "unnamed"


def services(reply: Any) -> dict[str, str]:
    """Namespace to address, the first of each."""
    found: dict[str, str] = {}
    for entry in _list(reply):
        namespace, url = _get(entry, "Namespace"), _get(entry, "XAddr")
        if isinstance(namespace, str) and isinstance(url, str):
            found.setdefault(printable(namespace.strip()), url.strip())
    return found


def capabilities(reply: Any) -> dict[str, str]:
    """The same from the older call, which knows neither Media2 nor namespaces."""
    found: dict[str, str] = {}
    for part, namespace in (("Device", DEVICE), ("Media", MEDIA1)):
        url = _get(_get(reply, part), "XAddr")
        if isinstance(url, str):
            found[namespace] = url.strip()
    return found


def mac(reply: Any) -> str:
    """The first hardware address of an enabled interface, else of any: ``aa:bb:cc:dd:ee:ff``; ``""`` if none."""
    entries = sorted(_list(reply), key=lambda e: _get(e, "Enabled") is not True)
    for entry in entries:
        text = _get(_get(entry, "Info"), "HwAddress")
        if isinstance(text, str) and _MAC.fullmatch(text.strip()):
            digits = re.sub(r"[:-]", "", text.strip()).lower()
            return ":".join(digits[i : i + 2] for i in range(0, 12, 2))
    return ""


def scopes(reply: Any) -> tuple[str, str]:
    """The device's name and location, or ``""``."""
    items = [_get(entry, "ScopeItem") for entry in _list(reply)]
    texts = tuple(printable(i.strip(), 300) for i in items if isinstance(i, str))
    return scope_value(texts, "name"), scope_value(texts, "location")


def sources(reply: Any) -> list[str]:
    """Tokens of the video sources in the device's order."""
    tokens = [_get(entry, "token") for entry in _list(reply)]
    return list(dict.fromkeys(t[:256] for t in tokens if isinstance(t, str) and t))


def media_uri(reply: Any) -> str:
    uri = _get(reply, "Uri")
    return uri.strip() if isinstance(uri, str) else ""


def _get(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    return getattr(value, name, None)


def _list(reply: Any) -> list[Any]:
    if reply is None or isinstance(reply, str | bytes):
        return []
    return list(reply)[:MAX_ITEMS] if isinstance(reply, Iterable) and not isinstance(reply, Mapping) else [reply]
