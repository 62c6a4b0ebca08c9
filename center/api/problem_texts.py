"""Pure: every problem the API can answer with: its code, its status, and what it says in Chinese and English.

Three sentences each: what happened, what it means, what to do. A console and a person read the same ones.
"""

from __future__ import annotations

from center.api.problem_texts_cameras import OF_CAMERAS
from center.api.problem_texts_requests import OF_REQUESTS
from center.api.problem_type import ProblemType
from config.errors import Kind

TYPES: dict[str, ProblemType] = {one.code: one for one in (*OF_REQUESTS, *OF_CAMERAS)}

#: The one table from whose fault it is to what HTTP says of it.
OF_KIND: dict[Kind, str] = {
    Kind.UNREACHABLE: "camera_unreachable",
    Kind.REFUSED: "camera_unreachable",
    Kind.TIMEOUT: "camera_unreachable",
    Kind.AUTH: "camera_auth",
    Kind.LOCKED: "camera_auth",
    Kind.BUSY: "camera_busy",
    Kind.NO_STREAM: "camera_failed",
    Kind.NO_KEYFRAME: "camera_failed",
    Kind.STALLED: "camera_failed",
    Kind.UNDECODABLE: "camera_failed",
    Kind.PROTOCOL: "camera_failed",
    Kind.TOO_LARGE: "too_large",
    Kind.NOT_ALLOWED: "address_not_allowed",
    Kind.INVALID: "invalid",
    Kind.NOT_FOUND: "not_found",
    Kind.FORBIDDEN: "forbidden",
    Kind.CONFLICT: "conflict",
    Kind.GONE: "gone",
    Kind.LIMIT: "limit",
    Kind.UNAVAILABLE: "unavailable",
    Kind.INTERNAL: "internal",
}
