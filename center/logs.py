"""Edge: what is written to standard error, as lines of text or JSON objects."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

#: Their DEBUG (and urllib3's) prints whole envelopes and headers, passwords' digests among them.
_CAPPED = ("zeep", "httpx", "httpcore", "urllib3", "sqlalchemy", "aiosqlite", "asyncio", "alembic")


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "where": record.name,
            "what": record.getMessage(),
        }
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def start(level: str, form: str) -> None:
    """``level`` and ``form`` are ``logging.level`` and ``logging.format``. Calling it again replaces the handler."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(JsonLines())
    else:
        text = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        text.converter = lambda seconds: datetime.fromtimestamp(seconds or 0, UTC).timetuple()
        handler.setFormatter(text)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _CAPPED:
        logging.getLogger(name).setLevel(logging.WARNING)
