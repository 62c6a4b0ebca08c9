"""Pure: settings of the service itself: where it keeps its data, where it listens, what it writes down."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from config.setting import Network, Section, setting


class Service(Section):
    data_dir: Path = setting(
        Path("/var/lib/xueliang"),
        "Folder of the database, references, evidence, keys and the control socket; made with mode 0700.",
        danger="On a network file system the lock and SQLite's journal are not reliable.",
    )
    listen: str = setting(
        "127.0.0.1:8080",
        "Address and port of the service's HTTP side.",
        pattern=r"^(\[[0-9a-fA-F:.]+\]|[0-9.]+):\d{1,5}$",
        danger="Beyond loopback it needs TLS, a trusted proxy, or insecure_http; without one of them it is refused.",
    )
    public_url: str = setting(
        "",
        "The address people use; it alone makes links and checks the Host header. Empty: the listening address.",
        pattern=r"^$|^https?://[^\s/?#@]+$",
        max_length=300,
    )
    tls_cert_file: Path | None = setting(None, "Certificate chain (PEM) of the HTTP side.")
    tls_key_file: Path | None = setting(None, "Private key (PEM) of the certificate, readable by the service alone.")
    trusted_proxies: list[Network] = setting(
        [],
        "Networks of reverse proxies whose forwarded headers are believed.",
        danger="Whoever sits in these networks can claim any client address.",
    )
    insecure_http: bool = setting(
        False,
        "Listen beyond loopback without TLS and without a trusted proxy.",
        danger="Tokens and states cross the network in the clear.",
    )
    zone: str = setting(
        "Asia/Shanghai",
        "Time zone of the district: its days are the days of reports and retention.",
        pattern=r"^[A-Za-z0-9_+\-/]{1,64}$",
    )
    shutdown_seconds: float = setting(
        15.0, "Time for closing camera sessions and writing everything down after SIGTERM.", unit="s", ge=1, le=120
    )
    decode_workers: int = setting(0, "Decode processes; 0 means one per processor core.", unit="processes", ge=0, le=64)


class Database(Section):
    url: str = setting(
        "",
        "Empty: SQLite in the data folder. Else postgresql://user@host[:port]/name, without the password.",
        pattern=r"^$|^postgresql://[^\s:@/]+@[^\s]+$|^sqlite:///[^\s]+$",
        max_length=500,
        hide=True,
    )
    password: SecretStr | None = setting(None, "Password of the database user.")


class Metrics(Section):
    token: SecretStr | None = setting(
        None, "Bearer token that /metrics of the main listener asks for; without one it answers 404 there."
    )
    listen: str = setting(
        "",
        "A listener of its own for /metrics, without a token; empty: none.",
        pattern=r"^$|^(\[[0-9a-fA-F:.]+\]|[0-9.]+):\d{1,5}$",
        danger="Whoever reaches it reads counts of the whole network.",
    )


class Logging(Section):
    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "What is written to standard error.", danger="debug is written for every check of every camera."
    )
    format: Literal["text", "json"] = setting("text", "One line of text, or one JSON object, per event.")
