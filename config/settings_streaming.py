"""Pure: settings of live pictures: the way to viewers, and how many may look."""

from __future__ import annotations

from pydantic import SecretStr

from config.setting import Network, Section, setting


class Streaming(Section):
    enabled: bool = setting(True, "Whether live pictures are shown at all.")
    addresses: list[str] = setting(
        [],
        "Addresses of this machine that pictures leave from; empty: the one of service.listen, or all of them where "
        "that is a wildcard, or loopback behind a proxy or a public_url.",
    )
    advertised_addresses: list[str] = setting(
        [],
        "Addresses that viewers are told instead, where a router in between translates one to one.",
        danger="A wrong one leaves every tile connecting.",
    )
    ice_port_range: str = setting(
        "50000-50999",
        "UDP ports for pictures, one for each viewer and address; 0 is the system's choice.",
        pattern=r"^(0|\d{1,5}-\d{1,5})$",
        danger="Fewer ports than viewers leave some without a picture. The firewall must let the range through.",
    )
    viewer_networks: list[Network] = setting(
        [],
        "Networks viewers are in; others get no picture. Empty: whoever holds a ticket, known by its own checks.",
        danger="Addresses that a page names are contacted inside these networks: list no camera networks.",
    )
    stun_url: str = setting(
        "",
        "A STUN server (stun:address:port); empty: none is asked.",
        pattern=r"^$|^stun:(\[[0-9a-fA-F:.]+\]|[0-9.]+):\d{1,5}$",
        max_length=300,
        danger="One that does not answer delays every picture by seconds.",
    )
    turn_url: str = setting(
        "",
        "A TURN server over UDP (turn:address:port) for viewers that cannot reach this machine; empty: none.",
        pattern=r"^$|^turn:(\[[0-9a-fA-F:.]+\]|[0-9.]+):\d{1,5}$",
        max_length=300,
    )
    turn_user: str = setting("", "User name on the TURN server.", max_length=128)
    turn_password: SecretStr | None = setting(None, "Password on the TURN server.")
    relay_only: bool = setting(False, "Pictures leave through the TURN server alone.")
    max_viewers: int = setting(
        200,
        "Live pictures at once, of everybody.",
        unit="views",
        ge=1,
        le=1000,
        danger="Each takes about a third of a percent of a processor core at 2 Mbit/s.",
    )
    max_per_account: int = setting(64, "Live pictures at once of one account or token.", unit="views", ge=1, le=1000)
    max_per_camera: int = setting(100, "Viewers of one camera at once.", unit="views", ge=1, le=1000)
    burst_mbit: float = setting(
        48.0,
        "Fastest to one viewer: what its first pictures are sent at.",
        unit="Mbit/s",
        ge=4,
        le=1000,
        danger="Faster than the slowest link to a viewer, first pictures are lost and asked for again.",
    )
    open_seconds: float = setting(3.0, "For a camera to answer its first viewer.", unit="s", ge=0.5, le=20)
    connect_seconds: float = setting(
        10.0, "For a viewer's way here (ICE and DTLS); after it the view is over.", unit="s", ge=2, le=60
    )
    linger_seconds: float = setting(
        15.0, "A camera's session is let go this long after its last viewer.", unit="s", ge=0, le=120
    )
