"""Edge: the listening RTSP sockets of the virtual fleet: one for all addresses of 127/8, or one for each camera."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from camera_gateway.simulator.camera import VirtualCamera, VirtualDevice
from camera_gateway.simulator.clips import Clips
from camera_gateway.simulator.gate import Gate
from camera_gateway.simulator.listening import ListeningServer
from camera_gateway.simulator.rtsp_connection import RtspConnection
from config.clock import Clock

Find = Callable[[str, int], VirtualDevice | None]
#: A keyframe leaves in one write where the kernel grants this.
_SEND_BUFFER = 1024 * 1024


class RtspServer(ListeningServer[RtspConnection]):
    """``find`` names the device of a local address and port; a connection to any other is closed unread.

    ``wait_for_gop``: a new session begins where the GOP happens to be, as many cameras do, not at a keyframe.
    ``refused`` counts wrong credentials per device id: what a real device would lock an account by. ``torn_down``
    counts sessions that ended with TEARDOWN, ``dropped`` those that ended without.
    """

    def __init__(
        self,
        find: Find,
        clips: Clips,
        clock: Clock,
        *,
        random: random.Random,
        seed: int = 0,
        session_timeout: float = 60.0,
        max_connections: int = 8192,
        wait_for_gop: bool = False,
    ) -> None:
        super().__init__(lambda: RtspConnection(self), send_buffer=_SEND_BUFFER)
        self.find, self.clips, self.clock, self.random, self.seed = find, clips, clock, random, seed
        self.session_timeout = session_timeout
        self.max_connections = max_connections
        self.wait_for_gop = wait_for_gop
        self.loop = asyncio.get_running_loop()
        self.refused: Counter[str] = Counter()
        self.torn_down = 0
        self.dropped = 0
        self._by_device: dict[str, set[RtspConnection]] = {}

    def attach(self, device: VirtualDevice, connection: RtspConnection) -> None:
        self._by_device.setdefault(device.id, set()).add(connection)

    def detach(self, device: VirtualDevice, connection: RtspConnection) -> None:
        held = self._by_device.get(device.id)
        if held is not None:
            held.discard(connection)
            if not held:
                del self._by_device[device.id]

    def faults_changed(self, device: VirtualDevice) -> None:
        """Standing connections feel at once what a new one would meet."""
        gate = device.gate()
        for connection in list(self._by_device.get(device.id, ())):
            if gate is Gate.SILENT:
                connection.silence()
            elif gate is Gate.RESET or connection.silent:
                connection.drop(hard=True)

    def sync_point(self, camera: VirtualCamera, stream_name: str) -> None:
        """ONVIF SetSynchronizationPoint: every session of this stream sends a keyframe next."""
        for connection in self._by_device.get(camera.device.id, ()):
            player = connection.playing
            if player is not None and player.camera is camera and player.stream.name == stream_name:
                connection.sync_point()
