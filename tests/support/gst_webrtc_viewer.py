"""Edge: GStreamer's webrtcbin as a WHEP viewer, run as a program of its own by the system's Python (which has ``gi``).

``gst_webrtc_viewer.py URL TICKET FRAMES`` offers to receive H.264, waits for FRAMES decoded pictures and a
sender's report, prints one JSON line (``frames``, ``width``, ``height``, ``reported``: the packets that the sender
says it sent, ``version``), and when its standard input closes ends the session with DELETE and prints its answer.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import sys
import urllib.request
from typing import Any
from urllib.parse import urljoin

#: As people give them to whepsrc: nothing of a packetization-mode.
CAPS = "application/x-rtp,media=video,encoding-name=H264,payload=127,clock-rate=90000"
LONGEST_SECONDS = 30


def _libraries() -> tuple[Any, Any, Any, Any]:
    gi: Any = importlib.import_module("gi")
    for name in ("Gst", "GstSdp", "GstWebRTC"):
        gi.require_version(name, "1.0")
    glib, gst, sdp, webrtc = (
        importlib.import_module(f"gi.repository.{name}") for name in ("GLib", "Gst", "GstSdp", "GstWebRTC")
    )
    return glib, gst, sdp, webrtc


class Viewer:
    """``seen`` is what is printed; ``session`` the place of the view."""

    def __init__(self, url: str, ticket: str, frames: int) -> None:
        self.url, self.ticket, self.wanted = url, ticket, frames
        self.glib, self.gst, self.sdp, self.webrtc = _libraries()
        self.gst.init(None)
        self.loop = self.glib.MainLoop()
        self.seen: dict[str, Any] = {"frames": 0, "width": 0, "height": 0, "reported": 0}
        self.session = ""
        self.failure = ""
        self.told = False
        self.pipeline = self.gst.Pipeline.new("viewer")
        self.bin = self.gst.ElementFactory.make("webrtcbin", None)
        if self.bin is None:
            raise SystemExit("there is no webrtcbin")
        self.bin.set_property("bundle-policy", self.webrtc.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.bin)
        # Viewer and service are one machine: the library would leave the loopback interface out. The agent is kept:
        # Python takes its only reference.
        self.agent = self.bin.get_property("ice-agent")
        self.agent.emit("add-local-ip-address", "127.0.0.1")
        self.bin.connect("pad-added", self._pad)
        self.bin.connect("on-negotiation-needed", self._negotiate)
        caps = self.gst.Caps.from_string(CAPS)
        self.bin.emit("add-transceiver", self.webrtc.WebRTCRTPTransceiverDirection.RECVONLY, caps)

    def _negotiate(self, element: Any) -> None:
        promise = self.gst.Promise.new_with_change_func(self._offered, None)
        element.emit("create-offer", None, promise)

    def _offered(self, promise: Any, _: Any) -> None:
        promise.wait()
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        text = offer.sdp.as_text()
        self.bin.emit("set-local-description", offer, self.gst.Promise.new())
        request = self._request("POST", self.url, text.encode())
        try:
            with urllib.request.urlopen(request, timeout=15) as answered:
                self.session = urljoin(self.url, answered.headers["Location"])
                text = answered.read().decode()
        except OSError as error:
            self._fail(str(error))
            return
        _, message = self.sdp.SDPMessage.new_from_text(text)
        answer = self.webrtc.WebRTCSessionDescription.new(self.webrtc.WebRTCSDPType.ANSWER, message)
        self.bin.emit("set-remote-description", answer, self.gst.Promise.new())

    def _request(self, method: str, url: str, body: bytes | None = None) -> urllib.request.Request:
        headers = {"Authorization": f"Bearer {self.ticket}", "Content-Type": "application/sdp"}
        return urllib.request.Request(url, body, headers, method=method)

    def _pad(self, _: Any, pad: Any) -> None:
        if pad.get_direction() != self.gst.PadDirection.SRC:
            return
        launch = "rtph264depay ! h264parse ! openh264dec ! fakesink name=sink sync=false signal-handoffs=true"
        chain = self.gst.parse_bin_from_description(launch, True)
        chain.get_by_name("sink").connect("handoff", self._frame)
        self.pipeline.add(chain)
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad("sink"))

    def _frame(self, _sink: Any, _buffer: Any, pad: Any) -> None:
        self.seen["frames"] += 1
        structure = pad.get_current_caps().get_structure(0)
        self.seen["width"] = structure.get_int("width").value
        self.seen["height"] = structure.get_int("height").value

    def _look(self) -> bool:
        """Twice a second."""
        self.seen["reported"] = self._reported()
        if not self.told and self.seen["frames"] >= self.wanted and self.seen["reported"]:
            self.told = True
            print(json.dumps({**self.seen, "version": self.gst.version_string()}), flush=True)
        return True

    def _reported(self) -> int:
        rtp = self.bin.get_by_name("rtpbin")
        session = rtp.emit("get-internal-session", 0) if rtp is not None else None
        for source in session.get_property("sources") if session is not None else ():
            stats = source.get_property("stats")
            if stats.get_value("is-sender") and stats.get_value("have-sr"):
                return int(stats.get_value("sr-packet-count"))
        return 0

    def _fail(self, reason: str) -> None:
        if not self.told:
            self.failure = reason
            self.loop.quit()

    def run(self) -> int:
        channel = self.glib.IOChannel.unix_new(sys.stdin.fileno())
        self.glib.io_add_watch(channel, self.glib.PRIORITY_DEFAULT, self.glib.IOCondition.HUP, self._closed)
        self.glib.timeout_add(500, self._look)
        self.pipeline.set_state(self.gst.State.PLAYING)
        self.loop.run()
        if self.session:
            with urllib.request.urlopen(self._request("DELETE", self.session), timeout=10) as answered:
                print(json.dumps({"ended": answered.status}), flush=True)
        self.pipeline.set_state(self.gst.State.NULL)
        if self.failure:
            print(f"{self.failure}; seen: {json.dumps(self.seen)}", file=sys.stderr)
        return 1 if self.failure else 0

    def _closed(self, *_: Any) -> bool:
        self.loop.quit()
        return False


if __name__ == "__main__":
    # Whatever hangs says where, and is gone.
    faulthandler.dump_traceback_later(LONGEST_SECONDS, exit=True)
    sys.exit(Viewer(sys.argv[1], sys.argv[2], int(sys.argv[3])).run())
