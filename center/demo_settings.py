"""Pure: the settings of the demo: as the service's, only faster, and on loopback alone."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

from center.demo_fleet import DemoFleet
from config.settings import Settings

#: Section -> key -> value, where the demo differs from the defaults in speed.
FAST: dict[str, dict[str, float]] = {
    "checks": {
        "liveness_seconds": 5,
        "picture_seconds": 5,
        "burst_count": 2,
        "burst_gap_min_seconds": 2,
        "burst_gap_max_seconds": 2,
        "confirm": 2,
        "window": 3,
        "link_confirm": 2,
        "link_window": 3,
    },
    "references": {"accept_samples": 3, "warm_up_seconds": 0, "write_seconds": 5},
    "cameras": {
        "connect_seconds": 2,
        "reply_seconds": 2,
        "stall_seconds": 2,
        "keyframe_extra_seconds": 4,
        "total_seconds": 8,
        "refused_hold_seconds": 10,
    },
    "discovery": {"rate": 2000, "wait_seconds": 1, "period_seconds": 60},
    "alerts": {"wait_seconds": 5, "most_wait_seconds": 15},
}


def demo_settings(
    found: DemoFleet, data: Path, discovery_port: int, *, port: int = 0, area: str | None = None
) -> Settings:
    """The service on this virtual network: discovery by address range, adoption by rule (into ``area``) of what is
    no stranger, one account a device."""
    hosts = (*found.hosts, *(camera.host for camera in found.strangers))
    ranges = sorted({str(ip_network(f"{host}/24", strict=False)) for host in hosts})
    accounts = {camera.host: camera for camera in found.cameras}
    return Settings.model_validate(
        {
            "service": {"data_dir": data, "listen": f"127.0.0.1:{port}"},
            "reach": {"networks": ranges, "ports": [str(number) for number in found.ports], "allow_loopback": True},
            "discovery": {
                **FAST["discovery"],
                "multicast": False,
                "cidrs": ranges,
                "port": discovery_port,
                "adopt": "auto",
                "adopt_networks": list(found.hosts) if found.strangers else ranges,
                **({"adopt_area": area} if area is not None else {}),
                "accounts": [
                    {"networks": [host], "user": camera.user, "password": camera.password.get_secret_value()}
                    for host, camera in accounts.items()
                ],
            },
            **{section: values for section, values in FAST.items() if section != "discovery"},
            "streaming": {"ice_port_range": "0"},  # pictures stay on loopback, where no firewall asks for a range
            "logging": {"level": "warning"},
        }
    )


def printed() -> Iterator[str]:
    """What is faster than in production, as lines of a configuration file."""
    for section, values in FAST.items():
        yield f"[{section}] " + "  ".join(f"{key} = {value:g}" for key, value in values.items())
