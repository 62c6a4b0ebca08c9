"""Pure: settings of the way to the cameras: which networks, how they are found, how long we wait."""

from __future__ import annotations

from typing import Literal

from pydantic import SecretStr

from config.setting import Network, Section, setting


class Reach(Section):
    networks: list[Network] = setting(
        [],
        "The networks cameras are in. Nothing outside them is ever contacted.",
        danger="Everything in them may be sent a camera's password after adoption: list nothing wider.",
    )
    ports: list[str] = setting(
        ["80", "443", "554", "2020", "5000", "8000-8999", "10554"],
        "Ports or ranges of ports that may be contacted.",
        danger="A wide range lets a device's answer point us at other services of its host.",
    )
    allow_loopback: bool = setting(
        False,
        "Whether cameras may be in 127.0.0.0/8 (a virtual network does that); such networks must be listed too.",
        danger="A device's answer could then point at services of this machine.",
    )


class Account(Section):
    """One user and password, and the networks whose devices get it once they are adopted."""

    networks: list[Network] = setting([], "Devices in these networks get this account when they are adopted.")
    user: str = setting("", "User name on the devices.", max_length=64)
    password: SecretStr | None = setting(None, "Password on the devices.")
    allow_clear: bool = setting(
        False,
        "Allow HTTP Basic or a clear password where a device knows nothing better.",
        danger="The password then crosses the network in the clear.",
    )


class Discovery(Section):
    enabled: bool = setting(True, "Whether the service looks for devices by itself.")
    multicast: bool = setting(True, "Ask by WS-Discovery multicast on every interface.")
    interfaces: list[str] = setting([], "Interface addresses multicast goes out on; empty: the system's choice.")
    cidrs: list[Network] = setting(
        [], "Ranges asked address by address, for routed networks; they must lie inside reach.networks."
    )
    rate: int = setting(
        400,
        "Addresses asked a second in a range.",
        unit="addresses/s",
        ge=1,
        le=5000,
        danger="Far above 400 stock kernels drop answers and some switches call it a scan.",
    )
    period_seconds: float = setting(3600.0, "From one round to the next.", unit="s", ge=10, le=604_800)
    adopt: Literal["manual", "auto"] = setting(
        "manual",
        "auto: a proposal inside adopt_networks is adopted by rule; manual: a person adopts every one.",
        danger="With auto, a foreign device put into such a network is sent the network's password digest.",
    )
    adopt_networks: list[Network] = setting([], "Where the rule of adopt = auto holds.")
    adopt_area: str = setting(
        "District",
        "Name of the area that adopted devices come into; made if there is none.",
        min_length=1,
        max_length=200,
    )
    wait_seconds: float = setting(3.0, "Silence after which a round has heard everybody.", unit="s", ge=0.2, le=60)
    port: int = setting(3702, "UDP port that devices listen on.", unit="port", ge=1, le=65_535)
    accounts: list[Account] = setting(
        [], "Users and passwords for adopted devices, by network; the first match counts."
    )


class Cameras(Section):
    connect_seconds: float = setting(3.0, "Until a connection stands.", unit="s", ge=0.2, le=60)
    reply_seconds: float = setting(5.0, "For each reply of the device.", unit="s", ge=0.2, le=60)
    keyframe_extra_seconds: float = setting(
        5.0, "For the first keyframe, on top of the stream's known keyframe distance.", unit="s", ge=0.5, le=60
    )
    total_seconds: float = setting(30.0, "For one whole picture check of one camera.", unit="s", ge=2, le=300)
    stall_seconds: float = setting(
        5.0, "Without a packet, after which a stream counts as stalled.", unit="s", ge=1, le=60
    )
    idle_seconds: float = setting(
        15.0, "A shared session is let go this long after its last user.", unit="s", ge=1, le=120
    )
    refused_hold_seconds: float = setting(
        3600.0,
        "After a refused password: no further try with it for so long, over all channels and protocols of the device.",
        unit="s",
        ge=1,
        le=604_800,
        danger="Under 1800 s, cameras that lock an account for half an hour are kept locked by us.",
    )
