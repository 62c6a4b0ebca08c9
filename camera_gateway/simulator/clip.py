"""Pure: what a clip is (scene, size, codec, what is wrong with it) and how its GOPs are made.

A clip is a ring of :data:`RING` looks, some minutes of clip time apart. Each look is one GOP: a keyframe, and the
predicted pictures that follow while somebody stays.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from camera_gateway.access_unit import Codec
from camera_gateway.media.encode import ENCODER_VERSION, CodedPicture, EncodeSpec, encode_gop, encoding
from camera_gateway.simulator.camera import StreamShape, VirtualCamera
from camera_gateway.simulator.canvas import Planes
from camera_gateway.simulator.distort import DISTORTIONS, Wrong
from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.picture import Site
from camera_gateway.simulator.scene import Light

#: Looks per clip. A prime: stepping by any number passes through all of them.
RING = 17
#: Clip time from one look to the next; no whole number of seconds, minutes or passages of a car.
LOOK_SECONDS = 137.7
#: Raised whenever the drawing changes, so that old cached clips are not taken for new ones.
DRAWING = 3
#: Bytes of a 1080p keyframe that the quantiser is chosen for; real 1080p keyframes are 80-150 kB.
KEYFRAME_1080P = 105_000
_SITES_KEPT = 12


@dataclass(frozen=True, slots=True)
class ClipKey:
    """Everything that a clip's bytes follow from."""

    site: int
    light: str
    shape: StreamShape
    wrong: Wrong = ()
    still: bool = False  # the predicted pictures repeat the keyframe: a frozen encoder
    seed: int = 0

    @property
    def frames(self) -> int:
        return max(1, round(self.shape.fps * self.shape.gop_seconds))

    def digest(self) -> str:
        """SHA-256 over the parameters, the drawing's version and the encoder's."""
        text = json.dumps([asdict(self), DRAWING, LOOK_SECONDS, ENCODER_VERSION], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def clip_of(camera: VirtualCamera, stream: StreamShape, seed: int = 0) -> ClipKey:
    """The clip that ``camera`` sends at the moment."""
    own = camera.own_faults
    if not own:
        return ClipKey(camera.site, camera.light, stream, seed=seed)
    wrong = tuple((fault, own[fault].parameter) for fault in sorted(own.keys() & DISTORTIONS))
    return ClipKey(camera.site, camera.light, stream, wrong, Fault.FROZEN in own, seed)


class ClipMaker:
    """Draws and encodes; keeps the sites drawn last. One thread at a time."""

    def __init__(self) -> None:
        self._sites: OrderedDict[tuple[int, str, int, int, int], Site] = OrderedDict()
        self._quantisers: dict[ClipKey, int] = {}

    def gop(self, key: ClipKey, look: int, *, whole: bool) -> list[CodedPicture]:
        """Look ``look`` of the clip in decoding order: all pictures, or only the keyframe (with the same bytes)."""
        return list(self.making(key, look, whole=whole))

    def making(self, key: ClipKey, look: int, *, whole: bool) -> Iterator[CodedPicture]:
        """The same, each picture as soon as it is encoded."""
        frames = range(key.frames if whole else 1)
        pictures = (self.picture(key, look, 0 if key.still else frame) for frame in frames)
        return encoding(pictures, self._spec(key, self._quantiser(key)))

    def picture(self, key: ClipKey, look: int, frame: int = 0) -> Planes:
        seconds = look * LOOK_SECONDS + frame / key.shape.fps
        return self._site(key).picture(seconds, look=look, frame=frame, wrong=key.wrong)

    def _site(self, key: ClipKey) -> Site:
        name = (key.site, key.light, key.shape.width, key.shape.height, key.seed)
        site = self._sites.get(name)
        if site is None:
            site = Site(key.site, Light(key.light), key.shape.width, key.shape.height, key.seed)
            self._sites[name] = site
        self._sites.move_to_end(name)
        while len(self._sites) > _SITES_KEPT:
            self._sites.popitem(last=False)
        return site

    def _quantiser(self, key: ClipKey) -> int:
        """The finest that keeps a keyframe near the size of a real one, chosen once per clip on its first look."""
        name = replace(key, still=False)
        chosen = self._quantisers.get(name)
        if chosen is None:
            limit = KEYFRAME_1080P * (key.shape.width * key.shape.height / (1920 * 1080)) ** 0.8
            low, high = (3, 24) if key.shape.codec is Codec.MJPEG else (22, 40)
            picture = self.picture(replace(key, wrong=()), 0)
            chosen = self._finest(picture, key, low, high, limit)
            if key.wrong:
                # Rate control: a plain picture is coded finer, one full of noise coarser, but only so far.
                low = max(2, low - 4)
                chosen = self._finest(self.picture(key, 0), key, low, min(high, chosen + 5), limit)
            if len(self._quantisers) > 4096:
                self._quantisers.clear()
            self._quantisers[name] = chosen
        return chosen

    def _finest(self, picture: Planes, key: ClipKey, low: int, high: int, limit: float) -> int:
        while low < high:
            middle = (low + high) // 2
            size = sum(map(len, encode_gop([picture], self._spec(key, middle))[0].nals))
            low, high = (low, middle) if size <= limit else (middle + 1, high)
        return low

    def _spec(self, key: ClipKey, quantiser: int) -> EncodeSpec:
        s = key.shape
        return EncodeSpec(s.codec, s.width, s.height, s.fps, quantiser, s.profile, s.b_frames)
