"""Wiring: the table of ``docs/ref/interop.md``: ``python -m tests.interop.report`` tries every case and writes it.

``--print`` writes to standard output instead. Exit 1 when a case did not come out as it must, or a peer is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import av

from bench.harness import Machine, today
from tests.interop import look, onvif_rows, viewer_rows
from tests.interop.matrix import (
    GO2RTC,
    GO2RTC_CASES,
    GST,
    GST_CASES,
    IPYCAM,
    IPYCAM_CASES,
    MEDIAMTX,
    MEDIAMTX_CASES,
    PASSWORD,
    PERL,
    PERL_CASES,
    PLAIN_PASSWORD,
    USER,
    Case,
    Row,
)
from tests.interop.viewers import Seen
from tests.support import peers
from tests.support.go_servers import go_servers

PAGE = peers.ROOT / "docs" / "ref" / "interop.md"
HEAD = """# Interoperation

Written by `python -m tests.interop.report`; do not edit. Every row of the first table is our own RTSP client before
somebody else's server on loopback: one keyframe fetched, decoded and held against what the server was told to send, one
TEARDOWN seen on the wire. The tests in `tests/interop` hold the same rows and, besides, B-frames, long GOPs, wrong
passwords (one attempt), ONVIF and discovery. The login column is the server's.

Measured {when} on {cores} cores ({cpu}); a time is that of one try.
"""


#: Who talked to whom, whether it came out as it must, and in words what came of it.
OnvifRow = tuple[str, bool, str]


VIEWERS = """## Viewers of live pictures

Our relay over WHEP before somebody else's viewer, opened with a ticket. A picture counts when decoded frames advance,
have the size and the profile that the camera was told to send, and the view is over after DELETE.
"""


def page(
    rows: Sequence[Row],
    versions: Mapping[str, str],
    onvif: Sequence[OnvifRow] = (),
    seen: Sequence[Seen] = (),
    *,
    when: str = "",
) -> str:
    """The whole page. A row that failed says so in bold; a defect of the server stands beside what we say of it.
    ``when`` is when the first of them was tried, on this machine."""
    own = Machine.here()
    head = HEAD.format(when=when, cores=own.cores, cpu=own.cpu)
    lines = [head, "## Versions", "", "| what | version |", "| --- | --- |"]
    lines += [f"| {name} | {version} |" for name, version in versions.items()]
    failed = [row for row in rows if not row.passed]
    defects = [row for row in rows if row.passed and row.case.defect]
    summary = f"{len(rows)} tried, {len(rows) - len(failed)} as they must be, {len(failed)} not"
    lines += ["", "## Streams", "", f"{summary}.", ""]
    lines += ["| server | stream | transport | login | came of it | as it must be | connect to keyframe |"]
    lines += ["| --- | --- | --- | --- | --- | --- | ---: |"]
    lines += [_row(row) for row in rows]
    if defects:
        lines += ["", "## Defects of the servers, and what we say of them", ""]
        for row in defects:
            lines.append(f"* {row.case.server}, {row.case.stream} by {row.case.transport}: {row.case.defect}.")
            lines.append(f"  Ours: {row.outcome}.")
    if onvif:
        lines += ["", "## ONVIF", "", "| who | came of it | as it must be |", "| --- | --- | --- |"]
        lines += [f"| {who} | {outcome} | {'yes' if good else '**no**'} |" for who, good, outcome in onvif]
    if seen:
        lines += [
            "",
            VIEWERS,
            "| viewer | picture of | way | came of it | as it must be |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [_seen(one) for one in seen]
    return "\n".join(lines) + "\n"


def _seen(one: Seen) -> str:
    outcome = "; ".join((one.outcome, *(fault for fault in one.faults if fault != one.outcome)))
    return f"| {one.who} | {one.source} | {one.how} | {outcome} | {'**no**' if one.faults else 'yes'} |"


def _row(row: Row) -> str:
    case = row.case
    taken = f"{row.milliseconds:.0f} ms" if row.milliseconds else ""
    verdict = "yes" if row.passed else "**no**"
    cells = (case.server, case.stream, case.transport, case.login, row.outcome, verdict, taken)
    return "| " + " | ".join(cells) + " |"


async def _rows(port_of: Mapping[str, int], cases: Sequence[Case]) -> list[Row]:
    return [await look.row(port_of[case.login], case) for case in cases]


def _absent(cases: Sequence[Case], reason: object) -> list[Row]:
    return [Row(case, False, f"not tried: {reason}") for case in cases]


def _gst(stack: ExitStack, versions: dict[str, str]) -> list[Row]:
    try:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        videos = {name: peers.ffmpeg_video(folder, name, options) for name, options in peers.FFMPEG_VIDEOS.items()}
        ready = stack.enter_context(peers.running(peers.gst_rtsp(videos, USER, PASSWORD), hint=peers.HINTS["gst"]))
    except peers.PeerMissing as reason:
        return _absent(GST_CASES, reason)
    versions[GST] = str(ready["version"])
    return asyncio.run(_rows({"none": int(ready["open"]), "digest": int(ready["digest"])}, GST_CASES))


def _perl(stack: ExitStack, versions: dict[str, str]) -> list[Row]:
    try:
        ready = stack.enter_context(peers.running(peers.rebroadcast(), hint=peers.HINTS["perl"]))
        for name, encoder in peers.PUSHED.items():
            stack.enter_context(peers.pushing(int(ready["sources"]), name, encoder))
    except peers.PeerMissing as reason:
        return _absent(PERL_CASES, reason)
    versions[PERL] = str(ready["version"])
    return asyncio.run(_rows({"none": int(ready["viewers"])}, PERL_CASES))


def _go(stack: ExitStack, versions: dict[str, str]) -> list[Row]:
    try:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = stack.enter_context(go_servers(folder, USER, PLAIN_PASSWORD))
    except peers.PeerMissing as reason:
        return _absent(MEDIAMTX_CASES + GO2RTC_CASES, reason)
    versions[MEDIAMTX], versions[GO2RTC] = servers.version("mediamtx"), servers.version("go2rtc")
    ports = dict.fromkeys(("none", "digest"), servers.mediamtx)
    rows = asyncio.run(_rows(ports, MEDIAMTX_CASES))
    return rows + asyncio.run(_rows({"none": servers.go2rtc}, GO2RTC_CASES))


def _ipycam(stack: ExitStack, versions: dict[str, str], onvif: list[OnvifRow]) -> list[Row]:
    try:
        ready = stack.enter_context(peers.running(peers.ipycam(USER, PASSWORD), hint=peers.HINTS["ipycam"]))
    except peers.PeerMissing as reason:
        onvif.append((onvif_rows.OURS_BEFORE_IPYCAM, False, f"not tried: {reason}"))
        return _absent(IPYCAM_CASES, reason)
    versions[IPYCAM] = str(ready["version"])
    port = urlsplit(str(ready["rtsp"])).port
    assert port is not None
    onvif.append(asyncio.run(onvif_rows.ours_before_ipycam(str(ready["onvif"]))))
    return asyncio.run(_rows({"none": port}, IPYCAM_CASES))


def collect() -> tuple[list[Row], dict[str, str], list[OnvifRow], list[Seen]]:
    """Every case of the matrix, in its order, the versions of what took part, and what came of ONVIF and of viewers."""
    versions = {"Python": peers.python_version(), "PyAV": av.__version__}
    rows, onvif = [], list[OnvifRow]()
    for run in (_gst, _perl, _go):
        with ExitStack() as stack:
            rows += run(stack, versions)
    with ExitStack() as stack:
        rows += _ipycam(stack, versions, onvif)
    onvif += [onvif_rows.tools_before_ours(mode) for mode in ("wsse", "both")]
    versions["onvif-tools"] = peers.version_of(["dpkg-query", "-W", "-f", "${Version}", "onvif-tools"])
    ffmpeg = peers.version_of(["ffmpeg", "-version"])
    versions["ffmpeg (made the streams named so, and those pushed)"] = ffmpeg.removeprefix("ffmpeg version ").split(
        " "
    )[0]
    with tempfile.TemporaryDirectory() as folder:
        seen, took_part = asyncio.run(viewer_rows.rows(Path(folder)))
    return rows, versions | took_part, onvif, seen


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.interop.report")
    parser.add_argument("--print", action="store_true", help="to standard output, not to the page")
    options = parser.parse_args(arguments)
    when = today()
    rows, versions, onvif, seen = collect()
    text = page(rows, versions, onvif, seen, when=when)
    if options.print:
        sys.stdout.write(text)
    else:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, "utf-8")
    failed = [(row.case.name, row.outcome) for row in rows if not row.passed]
    failed += [(who, outcome) for who, good, outcome in onvif if not good]
    failed += [(f"{one.who}, {one.source}, {one.how}", "; ".join(one.faults)) for one in seen if one.faults]
    for who, outcome in failed:
        print(f"{who}: {outcome}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
