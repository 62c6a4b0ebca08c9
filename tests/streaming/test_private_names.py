"""Every name of aiortc, aioice and pylibsrtp that is not promised to anybody: a release that changes one fails here."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from importlib.metadata import version

import aioice
import pylibsrtp
import pytest
from aioice import ice, stun
from aioice.candidate import candidate_foundation, candidate_priority
from aiortc import rtcdtlstransport
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib

from tests.support.tree import ROOT, modules

#: Name -> where ours uses it. What is not in this table must not be used.
CONTRACT = {
    "_binding": "srtp.py",
    "_check_list": "ice.py",
    "_create_ssl_context": "path.py",
    "_do_handshake": "path.py",
    "_handle_rtcp_data": "path.py",
    "_handle_rtp_data": "path.py",
    "_local_candidates": "ice.py",
    "_local_candidates_end": "ice.py",
    "_local_candidates_start": "ice.py",
    "_nominated": "ice.py",
    "_protocols": "ice.py",
    "_queue": "ice.py",
    "_recv": "path.py",
    "_remote_candidates": "ice.py",
    "_rx_srtp": "path.py",
    "_send": "path.py",
    "_set_role": "path.py",
    "_setup_srtp": "path.py",
    "_srtp": "srtp.py",
    "_tie_breaker": "ice.py",
    "_tx_srtp": "path.py",
    "_validate_peer_identity": "path.py",
}


def test_the_releases_are_the_ones_this_was_written_for() -> None:
    assert {name: version(name) for name in ("aiortc", "aioice", "pylibsrtp")} == {
        "aiortc": "1.16.0",
        "aioice": "0.13.0",
        "pylibsrtp": "1.0.0",
    }


def test_no_other_private_name_is_used() -> None:
    used: dict[str, str] = {}
    for module in modules("streaming"):
        if not module.path.startswith("streaming/webrtc/"):
            continue
        own = {node.name for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        own |= _set_on_self(module.tree)
        for node in ast.walk(module.tree):
            names = []
            if isinstance(node, ast.Attribute):
                names = [node.attr]
            elif isinstance(node, ast.ImportFrom):
                names = (node.module or "").split(".")
            for name in names:
                if name.startswith("_") and not name.startswith("__") and (name not in own or name in CONTRACT):
                    used[name] = module.path.rsplit("/", 1)[1]
    overridden = {"_handle_rtcp_data": "path.py", "_handle_rtp_data": "path.py"}
    assert used | overridden == CONTRACT
    assert (ROOT / "streaming/webrtc/ice.py").exists()


def _set_on_self(tree: ast.AST) -> set[str]:
    """What a class of ours sets on itself."""
    targets = [t for n in ast.walk(tree) if isinstance(n, ast.Assign | ast.AnnAssign) for t in _targets(n)]
    return {t.attr for t in targets if isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name)}


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    found = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [part for target in found for part in (target.elts if isinstance(target, ast.Tuple) else [target])]


def test_the_session_is_a_pointer_that_libsrtp_takes() -> None:
    key = bytes(range(30))
    tx = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
    rx = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND))
    packet = bytes.fromhex("806000010000000a00000007") + b"payload"
    area, length = ffi.new("char[]", 200), ffi.new("int *", len(packet))
    ffi.buffer(area)[0 : len(packet)] = packet
    assert lib.srtp_protect(tx._srtp[0], area, length) == 0
    assert rx.unprotect(bytes(ffi.buffer(area)[0 : length[0]])) == packet


async def test_what_the_dtls_transport_asks_of_the_one_below_and_of_itself() -> None:
    parameters = inspect.signature(RTCDtlsTransport.__init__).parameters
    assert list(parameters) == ["self", "transport", "certificates"]
    assert inspect.iscoroutinefunction(RTCDtlsTransport._handle_rtcp_data)
    assert list(inspect.signature(RTCDtlsTransport._handle_rtp_data).parameters) == ["self", "data", "arrival_time_ms"]
    source = inspect.getsource(rtcdtlstransport.RTCDtlsTransport)
    for used in ("self.transport._recv()", "self.transport._send(", "self.transport.role", "self._handle_rtcp_data("):
        assert used in source
    # The three steps that may fail, each asked for once.
    for step in ("await self._do_handshake()", "self._validate_peer_identity(remoteParameters)", "self._setup_srtp()"):
        assert source.count(step) == 1
    # Nothing else is asked of the transport below.
    asked = {part.split("(")[0].split(".")[0].strip() for part in source.split("self.transport.")[1:]}
    assert {name.split()[0].strip(":,)") for name in asked} <= {"_recv", "_send", "role"}

    class Below:
        role = "controlled"

    transport = RTCDtlsTransport(Below(), [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
    transport._set_role("server")
    assert (transport._role, transport.state) == ("server", "new")
    assert {"_rx_srtp", "_tx_srtp"} <= vars(transport).keys()
    assert list(inspect.signature(RTCCertificate._create_ssl_context).parameters) == ["self", "srtp_profiles"]
    assert "._create_ssl_context(" in source  # anew for each handshake


async def test_the_connection_of_aioice_is_built_as_we_think() -> None:
    connection = aioice.Connection(ice_controlling=False)
    assert connection._nominated == {}
    assert connection._check_list == []
    assert (connection._local_candidates, connection._local_candidates_end) == ([], False)
    assert connection._local_candidates_start is False
    assert set(re.findall(r"self\.(\w+)", inspect.getsource(aioice.Connection.gather_candidates))) == {
        *("_local_candidates_start", "_local_candidates", "_local_candidates_end", "get_component_candidates"),
        *("_transport_policy", "_use_ipv4", "_use_ipv6", "turn_server", "_components", "__log_info"),
    }
    assert connection._remote_candidates == []
    assert connection._protocols == []
    assert isinstance(connection._queue, asyncio.Queue)
    assert 0 <= connection._tie_breaker < 1 << 64
    for name, parameters in {
        "get_component_candidates": ["self", "component", "addresses", "timeout"],
        "request_received": ["self", "message", "addr", "protocol"],
        "data_received": ["self", "data", "component"],
        "check_complete": ["self", "pair"],
        "check_incoming": ["self", "message", "addr", "protocol"],
        "query_consent": ["self"],
        "build_request": ["self", "pair", "nominate"],
    }.items():
        assert list(inspect.signature(getattr(aioice.Connection, name)).parameters) == parameters
    assert "self._query_consent_task = asyncio.create_task(self.query_consent())" in inspect.getsource(
        aioice.Connection.connect
    )
    assert isinstance(candidate_foundation("host", "udp", "127.0.0.1"), str)
    assert candidate_priority(1, "host") > candidate_priority(1, "relay")
    await connection.close()


@pytest.mark.parametrize("name", ["CandidatePair", "StunProtocol", "server_reflexive_candidate", "get_host_addresses"])
def test_what_is_imported_from_inside_aioice(name: str) -> None:
    assert hasattr(ice, name)
    assert "pair.task" in inspect.getsource(ice.Connection.check_start_task)
    assert ice.CandidatePair.State.WAITING in ice.CandidatePair.State
    assert issubclass(stun.TransactionTimeout, stun.TransactionError)
    assert hasattr(pylibsrtp, "Session")
