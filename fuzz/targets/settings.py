"""Edge: a configuration file. Whatever is in it, the mistakes are named, and no secret written into it is shown."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from config.load import load
from config.mistakes import SettingsError

SEEDS = [
    b'[service]\nlisten = "127.0.0.1:8080"\nzone = "Asia/Shanghai"\ntrusted_proxies = ["127.0.0.1"]\n\n[reach]\n'
    b'networks = ["10.8.0.0/16", "fd00::/8"]\nports = ["554", "8000-8010"]\nallow_loopback = true\n',
    b'[discovery]\nadopt = "auto"\ncidrs = ["10.8.3.0/24"]\nrate = 400\nadopt_networks = ["10.8.0.0/16"]\n'
    b'[[discovery.accounts]]\nuser = "admin"\n[checks]\nconfirm = 2\nwindow = 3\npicture_seconds = 5.0\n',
    b'[database]\nurl = "postgresql://x@db/x"\npassword = "Canary-5b1e"\n[metrics]\nlisten = "[::1]:9100"\n'
    b'[logging]\nlevel = "debug"\nformat = "json"\n',
    b"a = 1979-05-27T07:32:00Z\nb = [[1, 2], {c = inf}]\n[x.y]\nz = '''\n'''\n[retention]\nsamples_days = 1e400\n",
]
#: A file that is cut and written anew costs a disk access each time; memory does not.
_MEMORY = Path("/dev/shm")
_FOLDER = Path(tempfile.mkdtemp(prefix="xueliang-fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None))
_FILE = _FOLDER / "xueliang.toml"
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)


def one(data: bytes) -> None:
    _FILE.write_bytes(data)
    try:
        load(_FILE, {})
    except SettingsError as error:
        shown = str(error)
        assert shown.replace("\n", "").isprintable()
        # Under its own key a secret is never shown; under another one nobody can know that it is one.
        assert "password = Canary-5b1e" not in shown
        raise
