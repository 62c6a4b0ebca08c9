"""Pure: settings of what people are told: when a failure becomes a message, and who gets it."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from config.setting import Section, setting


class Destination(Section):
    """One receiver of messages: a program that takes signed JSON over HTTP."""

    name: str = setting("", "What it is called in the outbox; keep it when the address changes.", max_length=64)
    url: str = setting(
        "",
        "Where messages are posted.",
        pattern=r"^$|^https?://[^\s/?#@]+(/[^\s#]*)?$",
        max_length=1000,
        hide=True,
    )
    secret: SecretStr | None = setting(None, "Shared with the receiver; every message is signed with it.")
    ca_file: Path | None = setting(None, "Authorities (PEM) that its certificate is checked by; none: the system's.")
    allow_clear: bool = setting(
        False,
        "Allow plain http beyond this machine.",
        danger="Names of cameras and what is wrong with them then cross the network in the clear.",
    )


class Alerts(Section):
    wait_seconds: float = setting(
        60.0,
        "How old a failure is before anybody is told; what is over before then is not told.",
        unit="s",
        ge=0,
        le=3600,
    )
    most_wait_seconds: float = setting(
        240.0,
        "How long at most a message about a camera waits for whether its recorder, switch or link is down.",
        unit="s",
        ge=0,
        le=3600,
    )
    together_seconds: float = setting(
        300.0,
        "Cameras of one recorder, switch or link lost within this time were lost at once.",
        unit="s",
        ge=1,
        le=3600,
    )
    try_seconds: float = setting(10.0, "For one try of one message.", unit="s", ge=1, le=60)
    pause_most_seconds: float = setting(
        600.0,
        "Longest pause between tries; pauses double from two seconds and are drawn at random below that.",
        unit="s",
        ge=1,
        le=3600,
    )
    give_up_seconds: float = setting(
        86_400.0,
        "A message that could not be delivered for so long is given up; it stays visible and can be sent again.",
        unit="s",
        ge=60,
        le=604_800,
    )
    allow_loopback: bool = setting(
        False,
        "Whether a receiver may be on this machine.",
        danger="Whoever writes the configuration can then have us post to services of this machine.",
    )
    destinations: list[Destination] = setting([], "Who is told.", max_length=16)
