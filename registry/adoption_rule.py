"""Pure: the rule by which ``discovery.adopt = "auto"`` adopts without a person: what is new, in named networks."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from registry.lifecycle import WATCHED, Lifecycle
from registry.proposal import Proposal, ProposalStatus


@dataclass(frozen=True, slots=True)
class AdoptionRule:
    """Devices in ``networks`` come into ``area_id`` and, if given, under ``unit_id``."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    area_id: str
    unit_id: str | None = None
    lifecycle: Lifecycle = Lifecycle.IN_USE


@dataclass(frozen=True, slots=True)
class Decision:
    adopt: bool
    reason: str
    rule: AdoptionRule | None = None


def decide(proposal: Proposal, rules: tuple[AdoptionRule, ...]) -> Decision:
    """The first rule whose networks hold the proposal's address. A conflict is never settled by a rule."""
    if proposal.status is not ProposalStatus.NEW:
        return Decision(False, f"the proposal is {proposal.status.value}, and a rule adopts only what is new")
    try:
        address = ip_address(proposal.host)
    except ValueError:
        return Decision(False, "it was found by a name, not an address")
    for rule in rules:
        if rule.lifecycle in WATCHED and any(address in network for network in rule.networks):
            return Decision(True, f"{proposal.host} is inside discovery.adopt_networks", rule)
    return Decision(False, f"{proposal.host} is outside discovery.adopt_networks")
