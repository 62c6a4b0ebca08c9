"""Pure: strings that strangers sent, made fit to be stored and shown."""

from __future__ import annotations


def printable(value: str | bytes, limit: int = 200) -> str:
    """``value`` without control characters and bidirectional overrides, at most ``limit`` characters long.

    Bytes are read as UTF-8 with replacement. What is taken out becomes a single ``?`` each, so that the reader
    sees that something stood there. The result is still to be escaped by whatever puts it into HTML or XML.
    """
    if isinstance(value, bytes):
        value = value[: limit * 4].decode("utf-8", "replace")
    if len(value) <= limit and value.isprintable():
        return value  # nearly every string; a keyframe's probe has a hundred of them
    cleaned = "".join(c if c.isprintable() or c == " " else "?" for c in value[: limit + 1])
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"
