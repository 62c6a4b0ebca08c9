"""Edge: a password typed into an address leaves this process's command line before anything else happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit, urlunsplit

WARNING = (
    "the password stood in the address, so it is in your shell's history and was visible to others on this machine "
    "for a moment; next time use --ask or --password-file"
)


def split(argument: str) -> tuple[str, str] | None:
    """An RTSP address without its password, and the password; ``None`` where there is none in it."""
    if not argument.startswith(("rtsp://", "rtspt://")):
        return None
    try:
        parts = urlsplit(argument)
    except ValueError:
        return None
    user, at, host = parts.netloc.rpartition("@")
    name, colon, password = user.partition(":")
    if not at or not colon:
        return None
    return urlunsplit(parts._replace(netloc=f"{name}@{host}")), unquote(password)


def shed(arguments: Sequence[str]) -> None:
    """Start this command anew with the password handed over in a pipe, so that ``ps`` no longer shows it."""
    for index, argument in enumerate(arguments):
        found = split(argument)
        if found is None:
            continue
        address, password = found
        reader, writer = os.pipe()
        os.write(writer, password.encode()[:32_768])
        os.close(writer)
        os.set_inheritable(reader, True)
        clean = [*arguments[:index], address, *arguments[index + 1 :], "--password-pipe", str(reader)]
        sys.stderr.flush()
        os.execv(sys.executable, [sys.executable, "-P", "-m", "center", *clean])  # noqa: S606 - no shell is wanted
