"""Peers for the tests here: each started once, skipped with its reason where it is not on the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.interop.matrix import PASSWORD, USER
from tests.support import peers


@pytest.fixture(scope="session")
def gst(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """``open`` and ``digest`` are ports, ``streams`` what each mount is."""
    try:
        folder = tmp_path_factory.mktemp("videos")
        videos = {name: peers.ffmpeg_video(folder, name, options) for name, options in peers.FFMPEG_VIDEOS.items()}
        with peers.running(peers.gst_rtsp(videos, USER, PASSWORD), hint=peers.HINTS["gst"]) as ready:
            yield ready
    except peers.PeerMissing as reason:
        peers.missing(str(reason))


# These two encode all the while they live: no longer than their module's tests.


@pytest.fixture(scope="module")
def pushed() -> Iterator[dict[str, Any]]:
    """``viewers`` is the port that FFmpeg's streams of ``peers.PUSHED`` come out of."""
    try:
        with ExitStack() as stack:
            ready = stack.enter_context(peers.running(peers.rebroadcast(), hint=peers.HINTS["perl"]))
            for name, encoder in peers.PUSHED.items():
                stack.enter_context(peers.pushing(int(ready["sources"]), name, encoder))
            yield ready
    except peers.PeerMissing as reason:
        peers.missing(str(reason))


@pytest.fixture(scope="module")
def ipycam() -> Iterator[dict[str, Any]]:
    """``rtsp``, ``sub`` and ``onvif`` are addresses; the ONVIF side wants ``USER`` and ``PASSWORD``."""
    try:
        with peers.running(peers.ipycam(USER, PASSWORD), hint=peers.HINTS["ipycam"]) as ready:
            yield ready
    except peers.PeerMissing as reason:
        peers.missing(str(reason))
