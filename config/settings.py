"""Pure: all settings in one value, and the rules that hold between them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from config.setting import Network, Section, setting
from config.settings_alerts import Alerts, Destination
from config.settings_audit import Audit
from config.settings_cameras import Cameras, Discovery, Reach
from config.settings_checks import Checks, References, Retention
from config.settings_logins import Logins
from config.settings_service import Database, Logging, Metrics, Service
from config.settings_streaming import Streaming
from config.settings_thresholds import Thresholds


class Settings(Section):
    service: Service = setting({}, "The service itself.")
    database: Database = setting({}, "Where everything known is written down.")
    logins: Logins = setting({}, "How long a login holds, and how often it may fail.")
    reach: Reach = setting({}, "Which addresses may be contacted at all.")
    discovery: Discovery = setting({}, "How cameras are found and taken in.")
    cameras: Cameras = setting({}, "How long a camera may take.")
    checks: Checks = setting({}, "How often, how many at once, and how a suspicion becomes a state.")
    references: References = setting({}, "How a camera's normal pictures are learned.")
    thresholds: Thresholds = setting({}, "Where a measure of a picture becomes a verdict.")
    retention: Retention = setting({}, "How long data is kept.")
    streaming: Streaming = setting({}, "Live pictures: the way to viewers, and how many may look.")
    alerts: Alerts = setting({}, "When people are told of a failure, and who.")
    audit: Audit = setting({}, "The log of who did what, and where its anchors go.")
    metrics: Metrics = setting({}, "Who may read /metrics.")
    logging: Logging = setting({}, "What is written to standard error.")


@dataclass(frozen=True, slots=True)
class Clash:
    """Two settings that do not go together; ``value`` is never a secret."""

    key: str
    value: str
    allowed: str


def split_listen(listen: str) -> tuple[str, int]:
    """``127.0.0.1:8080`` or ``[::1]:8080`` as host and port. Raises ``ValueError`` for anything else."""
    host, _, port = listen.rpartition(":")
    address = str(ip_address(host.strip("[]")))
    if not 0 <= int(port) <= 65_535:
        raise ValueError(listen)
    return address, int(port)


def port_ranges(ports: list[str]) -> tuple[tuple[int, int], ...]:
    """``["554", "8000-8999"]`` as inclusive ranges. Raises ``ValueError`` with the item that is none."""
    found = []
    for item in ports:
        low, _, high = item.partition("-")
        if not (low.isdecimal() and (high or low).isdecimal()):
            raise ValueError(item)
        first, last = int(low), int(high or low)
        if not 1 <= first <= last <= 65_535:
            raise ValueError(item)
        found.append((first, last))
    return tuple(found)


def clashes(settings: Settings) -> list[Clash]:
    """Everything that is wrong between settings which each alone are fine."""
    return [*_listening(settings), *_networks(settings), *_checks(settings), *_streaming(settings), *_alerts(settings)]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _loopback(address: str) -> bool:
    parsed: IPv4Address | IPv6Address = ip_address(address)
    return parsed.is_loopback


def _listening(settings: Settings) -> list[Clash]:
    service, found = settings.service, []
    for key, listen in (("service.listen", service.listen), ("metrics.listen", settings.metrics.listen)):
        if not listen:
            continue
        try:
            host, _ = split_listen(listen)
        except ValueError:
            found.append(Clash(key, listen, "an IP address and a port from 0 to 65535, such as 127.0.0.1:8080"))
            continue
        secured = service.tls_cert_file or service.trusted_proxies or service.insecure_http
        if key == "service.listen" and not _loopback(host) and not secured:
            found.append(
                Clash(
                    key,
                    listen,
                    "a loopback address; beyond it set service.tls_cert_file and tls_key_file, "
                    "service.trusted_proxies, or service.insecure_http = true",
                )
            )
    if (service.tls_cert_file is None) != (service.tls_key_file is None):
        found.append(Clash("service.tls_cert_file", str(service.tls_cert_file), "both tls_cert_file and tls_key_file"))
    return found


def _inside(network: Network, networks: list[Network]) -> bool:
    return any(
        network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]
        for other in networks
    )


def _networks(settings: Settings) -> list[Clash]:
    found = []
    reach = settings.reach.networks
    wider = [("discovery.cidrs", n) for n in settings.discovery.cidrs]
    wider += [("discovery.adopt_networks", n) for n in settings.discovery.adopt_networks]
    for number, account in enumerate(settings.discovery.accounts):
        wider += [(f"discovery.accounts.{number}.networks", n) for n in account.networks]
        if not account.user or account.password is None:
            found.append(Clash(f"discovery.accounts.{number}", account.user, "a user, and a password_file"))
    for key, network in wider:
        if not _inside(network, reach):
            found.append(Clash(key, str(network), "a network inside reach.networks"))
    for network in reach:
        if network.is_loopback and not settings.reach.allow_loopback:
            found.append(Clash("reach.networks", str(network), "loopback only with reach.allow_loopback = true"))
    if settings.discovery.adopt == "auto" and not settings.discovery.adopt_networks:
        found.append(Clash("discovery.adopt", "auto", "auto only together with discovery.adopt_networks"))
    try:
        port_ranges(settings.reach.ports)
    except ValueError as error:
        found.append(Clash("reach.ports", str(error), "ports or ranges from 1 to 65535, such as 554 or 8000-8999"))
    return found


def _checks(settings: Settings) -> list[Clash]:
    checks = settings.checks
    found = []
    for key, window, confirm in (
        ("window", checks.window, checks.confirm),
        ("link_window", checks.link_window, checks.link_confirm),
    ):
        if window < confirm:
            found.append(Clash(f"checks.{key}", str(window), f"at least {confirm}, the failures it must hold"))
    if checks.burst_gap_max_seconds < checks.burst_gap_min_seconds:
        shortest = f"at least checks.burst_gap_min_seconds ({checks.burst_gap_min_seconds:g})"
        found.append(Clash("checks.burst_gap_max_seconds", f"{checks.burst_gap_max_seconds:g}", shortest))
    for anchor in checks.uplink_anchors:
        host, _, port = anchor.rpartition(":")
        if not _is_address(host.strip("[]")) or not port.isdecimal() or not 1 <= int(port) <= 65_535:
            found.append(Clash("checks.uplink_anchors", anchor, "an address and port such as 10.0.0.1:80"))
    burst = checks.burst_gap_max_seconds * (checks.burst_count - 1)
    if burst >= checks.picture_seconds:
        found.append(
            Clash(
                "checks.burst_gap_max_seconds",
                f"{checks.burst_gap_max_seconds:g}",
                f"a burst of {checks.burst_count} pictures that ends before the next check "
                f"({checks.picture_seconds:g} s); it would take {burst:g} s",
            )
        )
    return found


def _streaming(settings: Settings) -> list[Clash]:
    own = settings.streaming
    found = [
        Clash(f"streaming.{key}", address, "an IP address")
        for key, addresses in (("addresses", own.addresses), ("advertised_addresses", own.advertised_addresses))
        for address in addresses
        if not _is_address(address)
    ]
    low, _, high = own.ice_port_range.partition("-")
    if high and not 1024 <= int(low) <= int(high) <= 65_535:
        found.append(Clash("streaming.ice_port_range", own.ice_port_range, "a range from 1024 to 65535, or 0"))
    for key, url in (("stun_url", own.stun_url), ("turn_url", own.turn_url)):
        try:
            split_listen(url.partition(":")[2] or "127.0.0.1:1")
        except ValueError:
            found.append(Clash(f"streaming.{key}", url, "an IP address and a port, such as turn:10.0.0.9:3478"))
    if own.turn_url and not (own.viewer_networks and own.turn_user and own.turn_password):
        found.append(
            Clash("streaming.turn_url", own.turn_url, "together with viewer_networks, turn_user and a password")
        )
    if own.relay_only and not own.turn_url:
        found.append(Clash("streaming.relay_only", "true", "true only together with streaming.turn_url"))
    return found


def _alerts(settings: Settings) -> list[Clash]:
    found = _destinations(settings, "alerts.destinations", settings.alerts.destinations)
    found += _destinations(settings, "audit.anchor_webhooks", settings.audit.anchor_webhooks)
    if settings.audit.anchor_syslog:
        try:
            split_listen(settings.audit.anchor_syslog)
        except ValueError:
            allowed = "an IP address and a port, such as 10.0.0.5:514"
            found.append(Clash("audit.anchor_syslog", settings.audit.anchor_syslog, allowed))
    if settings.alerts.most_wait_seconds < settings.alerts.wait_seconds:
        shortest = f"at least alerts.wait_seconds ({settings.alerts.wait_seconds:g})"
        found.append(Clash("alerts.most_wait_seconds", f"{settings.alerts.most_wait_seconds:g}", shortest))
    return found


def _destinations(settings: Settings, of: str, destinations: list[Destination]) -> list[Clash]:
    found: list[Clash] = []
    seen: set[str] = set()
    for number, one in enumerate(destinations):
        key = f"{of}.{number}"
        if not one.name or not one.url or one.secret is None:
            found.append(Clash(key, one.name, "a name, a url, and a secret_file"))
            continue
        if one.name in seen:
            found.append(Clash(f"{key}.name", one.name, "a name of its own"))
        seen.add(one.name)
        parts = urlsplit(one.url)
        host = parts.hostname or ""
        loopback = _is_address(host) and _loopback(host)
        if parts.scheme == "http" and not loopback and not one.allow_clear:
            found.append(Clash(f"{key}.url", one.name, "https, or allow_clear = true"))
        if loopback and not settings.alerts.allow_loopback:
            found.append(Clash(f"{key}.url", one.name, "loopback only with alerts.allow_loopback = true"))
    return found
