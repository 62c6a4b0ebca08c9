"""Edge: ``xueliang probe RTSP_URL``: one full diagnosis of one stream, without configuration or database."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from pydantic import SecretStr

from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.target import Credentials, StreamTarget, split_credentials
from center import argv_secret, probe_text
from center.errors import Usage
from center.output import chinese, emit, line, note
from center.probing import Look, look
from config.clock import SystemClock
from config.errors import Kind, XueliangError
from config.load import read_secret
from health.diagnosis import Acceptance, diagnose, document


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="RTSP_URL", help="rtsp://[user@]host[:port]/path")
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument("--ask", action="store_true", help="ask for the password on the terminal")
    secret.add_argument("--password-file", type=Path, metavar="FILE", help="a file of mode 0600 with the password")
    secret.add_argument("--password-pipe", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--user", default="", metavar="NAME", help="user name, if it is not in the address")
    parser.add_argument("--allow-clear", action="store_true", help="allow HTTP Basic: the password goes over in clear")
    parser.add_argument("--transport", choices=("auto", "tcp", "udp"), default="auto", help="how the pictures travel")
    parser.add_argument("--seconds", type=float, default=2.0, metavar="S", help="how long the stream is watched")
    parser.add_argument("--picture", type=Path, metavar="OUT.jpg", help="write the picture there (mode 0600)")
    parser.add_argument("--force", action="store_true", help="let --picture overwrite a file")
    parser.add_argument("--lang", choices=("zh", "en"), help="language of the words; else the terminal's")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


async def run(arguments: argparse.Namespace) -> int:
    """0 usable, 1 not (the cause in words on standard error), 2 usage."""
    if not 0.2 <= arguments.seconds <= 60:
        raise Usage("--seconds must be from 0.2 to 60")
    _check_picture(arguments)
    target = _target(arguments)
    clock = SystemClock()
    client = RtspClient(Reach(ReachPolicy.any()), InMemoryDeviceMemory(clock), clock)
    seen, picture = await look(client, clock, Look(target, arguments.seconds, arguments.picture is not None))
    diagnosis = diagnose(seen)
    zh = chinese() if arguments.lang is None else arguments.lang == "zh"
    if arguments.json:
        emit(document(diagnosis))
    else:
        for text in probe_text.lines(diagnosis, Acceptance(), zh):
            line(text)
    if picture:
        _write(arguments.picture, picture, arguments.force)
    if diagnosis.usable:
        return 0
    note(probe_text.cause_line(diagnosis, zh))
    return 1


def _target(arguments: argparse.Namespace) -> StreamTarget:
    try:
        url, credentials = split_credentials(arguments.url)
    except XueliangError as error:
        raise Usage(f"{error.what}; {error.fix}") from error
    user = arguments.user or (credentials.user if credentials else "")
    password = credentials.password if credentials else SecretStr("")
    if arguments.ask:
        password = SecretStr(_ask(user, url))
    elif arguments.password_file:
        password = read_secret(arguments.password_file)
    elif arguments.password_pipe is not None:
        password = read_secret(Path(f"/dev/fd/{arguments.password_pipe}"))
        os.close(arguments.password_pipe)
        note(f"warning: {argv_secret.WARNING}")
    if not user and password.get_secret_value():
        raise Usage("a password needs a user: rtsp://user@host/... or --user NAME")
    known = Credentials(user, password, allow_clear=arguments.allow_clear) if user else None
    return StreamTarget(url, known, arguments.transport)


def _ask(user: str, url: str) -> str:
    try:
        return getpass.getpass(f"password of {user or '?'} at {url}: ", stream=sys.stderr)
    except EOFError as error:
        raise Usage("--ask needs a terminal; use --password-file") from error


def _check_picture(arguments: argparse.Namespace) -> None:
    """Before anything is asked of the camera: it would be a pity to fail afterwards."""
    out: Path | None = arguments.picture
    if out is None:
        return
    if out.exists() and not arguments.force:
        raise Usage(f"{out} is there already; --force overwrites it")
    if not out.parent.is_dir() or out.is_dir():
        raise Usage(f"{out} cannot be written: no such folder, or a folder itself")


def _write(out: Path, data: bytes, force: bool) -> None:
    """Mode 0600; never through a link that somebody laid there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_TRUNC if force else os.O_EXCL)
    try:
        descriptor = os.open(out, flags, 0o600)
    except OSError as error:
        what = f"the picture cannot be written: {error.strerror}"
        raise XueliangError(Kind.UNAVAILABLE, what, where=str(out), fix="Name another file") from error
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(data)
