"""Pure: what passes between the service and its decode workers. A worker that was taken over may answer anything."""

from __future__ import annotations

from camera_gateway.access_unit import AccessUnit, Codec, ParameterSets
from camera_gateway.job import Answer, Job, pack_answer, pack_job, unpack_answer, unpack_job
from camera_gateway.media.worker import pack_error, unpack_error
from config.errors import Kind, XueliangError
from tests.support.bitstream import H264_PPS, h264_slice, h264_sps

_SETS = ParameterSets(Codec.H264, (h264_sps(640, 360), H264_PPS))
_UNIT = AccessUnit(Codec.H264, True, (h264_slice(200, idr=True),), 0, 0.0, parameter_sets=_SETS)
SEEDS = [
    pack_job(Job("c1", _UNIT, (((0.0, 0.1), (1.0, 0.5), (0.2, 0.9)),), "/r", {"night": 0.2, "last": b"x", "l": [1]})),
    pack_answer(Answer({"black": 0.5, "why": "x", "list": [1, 2.5, None]}, b"\xff\xd8thumb", b"\xff\xd8evidence")),
    pack_error(XueliangError(Kind.UNDECODABLE, "no picture", where="c1", facts={"bytes": 3})),
]
#: What the pool and the worker take for a partner that has lost its mind; anything else would end them.
_UNSOUND = (XueliangError, ValueError, KeyError, TypeError)


def one(data: bytes) -> None:
    try:
        answer = unpack_answer(data)
    except _UNSOUND:
        pass
    else:
        assert isinstance(answer.numbers, dict)
        assert isinstance(answer.thumbnail, bytes)
        assert isinstance(answer.evidence, bytes)
    try:
        error = unpack_error(data)
    except _UNSOUND:
        pass
    else:
        assert error.what.isprintable()
    try:
        job = unpack_job(data)
    except _UNSOUND:
        return
    assert job.unit.keyframe
