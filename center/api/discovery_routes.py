"""Edge: looking for devices: when it was done last, what it brought, and a search of ranges that a person names."""

from __future__ import annotations

from datetime import datetime
from ipaddress import IPv4Network

from fastapi import APIRouter
from pydantic import Field

from camera_gateway.discovery.sweep import parse_networks
from center.api.asked import Adopter, Asked
from center.api.problems import Problem
from center.api.shapes import In, Line, Out, Stamped
from center.finding import Finding, Round
from config.scope import Permission
from registry.audit_store import append
from registry.scope_store import require_everywhere

router = APIRouter(prefix="/api/v1/discovery", tags=["proposals"])

#: Addresses of one search: at 400 a second, under three minutes.
MOST_ADDRESSES = 65_536


class SearchIn(In):
    """``networks``: up to 16 ranges, such as ``10.8.0.0/22``, inside the camera networks of the settings."""

    networks: list[Line] = Field(min_length=1, max_length=16)


class RoundOut(Out):
    """``asked``: the ranges that a person named; empty for a round of the settings. ``answered`` devices; ``outcomes``
    says what became of them. ``ended`` is null while it goes on; ``trouble``: why it did not come to its end."""

    began: datetime
    ended: datetime | None
    asked: list[str]
    answered: int
    outcomes: dict[str, int]
    trouble: str


class DiscoveryOut(Stamped):
    """``networks``: where cameras may be; a search lies inside of them. ``rate``: addresses asked a second."""

    enabled: bool
    networks: list[str]
    period_seconds: float
    rate: int
    now: RoundOut | None
    last: RoundOut | None
    waiting: list[str]


@router.get("", summary="Looking for devices: state and last round")
async def discovery(asked: Adopter) -> DiscoveryOut:
    """Needs the permission everywhere: what is found belongs to no area yet."""
    require_everywhere(asked.scope, Permission.ADOPT)
    return _out(asked)


@router.post("/searches", status_code=202, summary="Look for devices in these ranges now")
async def search(asked: Adopter, body: SearchIn) -> DiscoveryOut:
    """One at a time: 409 while another is under way. Devices are asked without a password; what answers is a
    proposal."""
    require_everywhere(asked.scope, Permission.ADOPT)
    networks = parse_networks(body.networks)
    allowed = [one for one in asked.core.storage.settings.reach.networks if isinstance(one, IPv4Network)]
    outside = [str(one) for one in networks if not any(one.subnet_of(network) for network in allowed)]
    if outside:
        fix = "Name ranges inside them, or add the range to reach.networks"
        raise Problem(
            "address_not_allowed", what=f"outside the camera networks: {outside[0]}", where=outside[0], fix=fix
        )
    if sum(one.num_addresses for one in networks) > MOST_ADDRESSES:
        raise Problem("invalid", where="body/networks", what=f"more than {MOST_ADDRESSES} addresses at once")
    finding = _finding(asked)
    if finding is None:
        raise Problem("unavailable", what="discovery is switched off", fix="Set discovery.enabled in the settings")
    finding.ask(networks)
    async with asked.write() as connection:
        details = {"networks": [str(one) for one in networks]}
        await append(asked.scope, connection, "discovery.search", "discovery", "-", details=details)
    return _out(asked)


def _finding(asked: Asked) -> Finding | None:
    return asked.core.app.finding if asked.core.app is not None else None


def _out(asked: Asked) -> DiscoveryOut:
    finding, settings = _finding(asked), asked.core.storage.settings
    return DiscoveryOut(
        enabled=finding is not None,
        networks=[str(network) for network in settings.reach.networks],
        period_seconds=settings.discovery.period_seconds,
        rate=settings.discovery.rate,
        now=_round(finding.now) if finding is not None else None,
        last=_round(finding.last) if finding is not None else None,
        waiting=[str(network) for network in finding.waiting] if finding is not None else [],
        as_of=asked.now,
    )


def _round(one: Round | None) -> RoundOut | None:
    if one is None:
        return None
    return RoundOut(
        began=one.began,
        ended=one.ended,
        asked=[str(network) for network in one.asked],
        answered=one.answered,
        outcomes=dict(one.outcomes),
        trouble=one.trouble,
    )
