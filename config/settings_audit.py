"""Pure: settings of the audit log: where its anchors go, so that a cut end is seen."""

from __future__ import annotations

from pathlib import Path

from config.setting import Section, setting
from config.settings_alerts import Destination


class Audit(Section):
    """An anchor is the log's length and end, signed. It is always a line of our own log too."""

    anchor_minutes: float = setting(60.0, "From one anchor to the next.", unit="min", ge=1, le=1440)
    anchor_file: Path | None = setting(
        None,
        "A file that anchors are added to, on a disk of another machine.",
        danger="On a disk of this machine it proves nothing: whoever cuts the log cuts it too.",
    )
    anchor_syslog: str = setting(
        "",
        "Address and port of a syslog collector (RFC 5424 over UDP) that gets each anchor; empty: none.",
        pattern=r"^$|^(\[[0-9a-fA-F:.]+\]|[0-9.]+):\d{1,5}$",
    )
    anchor_webhooks: list[Destination] = setting([], "Receivers that get each anchor as signed JSON.", max_length=4)
