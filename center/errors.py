"""Pure: the error that is the command line's own, and how any error is told as a document and read from one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.errors import Kind, XueliangError


class Usage(Exception):
    """Arguments that argparse lets through but that make no sense together; its text says what is allowed."""


def error_document(error: XueliangError) -> dict[str, Any]:
    """As ``--json`` and the control socket tell it."""
    return {
        "error": {
            "kind": error.kind.value,
            "what": error.what,
            "where": error.where,
            "fix": error.fix,
            "facts": error.facts,
        }
    }


def told_error(document: Mapping[str, Any]) -> XueliangError | None:
    """What :func:`error_document` was made of; ``None`` for a document of another sort."""
    told = document.get("error")
    if told is None:
        return None
    return XueliangError(
        Kind(told["kind"]), told["what"], where=told["where"], fix=told["fix"], facts=told.get("facts")
    )
